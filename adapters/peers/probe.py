"""Looks at other members' addresses: which certificate is shown there, and what the node behind it says."""

import asyncio
import ssl
import time
from collections.abc import Callable

import grpc
from cryptography import x509
from heqi.v1 import exchange_service_pb2 as pb
from heqi.v1 import exchange_service_pb2_grpc as rpc

from adapters.crypto.leaves import IssuedLeaf
from node.domain.member import Member
from node.errors import PeerError, UnknownCallerError
from node.probes import LeafFacts, PeerInfo
from node.wire.status import from_rpc_error
from node.wire.tls import anchor_pem, is_issued_by, parse_leaf, server_name

_BRIEF_CHARACTERS = 80


class GrpcPeerProbe:
    """The `PeerProbe` port."""

    def __init__(self, leaf: Callable[[], IssuedLeaf]) -> None:
        """Args:
        leaf: this node's present leaf; called only for `info`, and may raise any `NodeError`.
        """
        self._leaf = leaf

    async def leaf(self, member: Member) -> LeafFacts:
        """See `PeerProbe.leaf`.

        Raises:
            PeerError: nobody answers there, or not with TLS.
        """
        host, _, port = member.endpoint.rpartition(":")
        context = ssl.create_default_context()
        # Whatever is shown is wanted, a false certificate above all: it is judged below, by the pinned key.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        try:
            _, writer = await asyncio.open_connection(
                host.strip("[]"), int(port), ssl=context, server_hostname=server_name(member.name)
            )
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise PeerError(f"{member.endpoint}: {error}") from error
        try:
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            # The other side ends the connection too, since it was shown no certificate.
            writer.transport.abort()
        if not der:
            raise PeerError(f"{member.endpoint} shows no certificate")
        return _facts(der, member)

    async def info(self, member: Member) -> PeerInfo:
        """See `PeerProbe.info`.

        Raises:
            PeerError: the peer does not answer in this protocol; or the error that it raised.
        """
        leaf = self._leaf()
        credentials = grpc.ssl_channel_credentials(
            b"".join(anchor_pem(member.name, key) for key in member.identity_keys(time.time())),
            leaf.key_pem,
            leaf.certificate_pem,
        )
        options = [("grpc.ssl_target_name_override", server_name(member.name)), ("grpc.enable_retries", 0)]
        async with grpc.aio.secure_channel(member.endpoint, credentials, options) as channel:
            stub = rpc.ExchangeServiceStub(channel)
            try:
                # The first call opens the connection, the second measures.
                await stub.GetNodeInfo(pb.GetNodeInfoRequest())
                asked = time.time()
                answer = await stub.GetNodeInfo(pb.GetNodeInfoRequest())
            except grpc.aio.AioRpcError as error:
                raise from_rpc_error(error, member.name) from error
            return PeerInfo(answer.version, answer.time_seconds, asked, time.time())


def _facts(der: bytes, member: Member) -> LeafFacts:
    certificate = x509.load_der_x509_certificate(der)
    pem = ssl.DER_cert_to_PEM_cert(der).encode("ascii")
    try:
        leaf = parse_leaf(pem)
        pinned = leaf.names == {server_name(member.name)} and any(
            is_issued_by(pem, key) for key in member.identity_keys(time.time())
        )
        names = ", ".join(sorted(leaf.names)) or leaf.issuer
    except UnknownCallerError:
        pinned, names = False, certificate.subject.rfc4514_string()[:_BRIEF_CHARACTERS]
    return LeafFacts(
        pinned,
        names,
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
    )
