"""Who gets in: real handshakes, with every certificate that an attacker could make."""

import datetime
import time

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from heqi.v1 import wallet_service_pb2, wallet_service_pb2_grpc

from adapters.crypto.leaves import issue_leaf
from node.wire.status import from_rpc_error
from node.wire.tls import anchor_pem, issuer_name, role_uri, server_name
from tests.support.network import Stubs, channel, until
from tests.support.network_calls import COLLECT, STATUS, ask, collect, status

pytestmark = pytest.mark.asyncio(loop_scope="module")


def minted(issuer, signer, *, dns=(), uris=(), start=-1, days=7):
    """A leaf with any content, issued in `issuer`'s name by the key `signer`."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(name) for name in dns] + [x509.UniformResourceIdentifier(uri) for uri in uris]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "minted")]))
        .issuer_name(issuer_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=start))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem, certificate.public_bytes(serialization.Encoding.PEM)


async def test_a_member_is_let_in(network):
    connection = network["centre-b"].member_channel(network["centre-a"])
    assert (
        await ask(connection, collect, COLLECT) == "DOCUMENT_FORMAT"
    )  # past the door, refused for its content


async def test_a_member_with_a_new_leaf_is_let_in(network):
    for _ in range(2):
        connection = network["centre-b"].member_channel(network["centre-a"])
        assert await ask(connection, collect, COLLECT) == "DOCUMENT_FORMAT"


async def test_the_own_operator_is_let_in(network):
    assert await ask(network["centre-a"].operator_channel(), status, STATUS) == ""


async def test_a_stranger_is_refused_in_the_handshake(network):
    stranger = ec.generate_private_key(ec.SECP256R1())
    leaf = issue_leaf("centre-x", stranger, time.time())
    connection = channel(network["centre-a"].member, leaf.key_pem, leaf.certificate_pem)
    assert await ask(connection, collect, COLLECT) == "TLS"


async def test_a_stranger_in_a_members_name_is_refused_in_the_handshake(network):
    stranger = ec.generate_private_key(ec.SECP256R1())
    leaf = issue_leaf("centre-b", stranger, time.time())
    connection = channel(network["centre-a"].member, leaf.key_pem, leaf.certificate_pem)
    assert await ask(connection, collect, COLLECT) == "TLS"


async def test_no_certificate_is_refused_in_the_handshake(network):
    assert await ask(channel(network["centre-a"].member, None, None), collect, COLLECT) == "TLS"


async def test_an_expired_leaf_is_refused_in_the_handshake(network):
    b = network["centre-b"]
    leaf = issue_leaf("centre-b", b.keys.identity.key, time.time() - 10 * 86_400)
    connection = channel(network["centre-a"].member, leaf.key_pem, leaf.certificate_pem)
    assert await ask(connection, collect, COLLECT) == "TLS"


async def test_a_leaf_of_tomorrow_is_refused_in_the_handshake(network):
    leaf = issue_leaf("centre-b", network["centre-b"].keys.identity.key, time.time() + 86_400)
    connection = channel(network["centre-a"].member, leaf.key_pem, leaf.certificate_pem)
    assert await ask(connection, collect, COLLECT) == "TLS"


async def test_a_server_with_another_key_than_the_ledger_names_is_not_spoken_to(network):
    b, c = network["centre-b"], network["centre-c"]
    leaf = issue_leaf("centre-b", b.keys.identity.key, time.time())
    wrong_pin = anchor_pem("centre-a", c.member.identity_key)
    connection = channel(network["centre-a"].member, leaf.key_pem, leaf.certificate_pem, wrong_pin)
    assert await ask(connection, collect, COLLECT) == "TLS"


async def test_a_member_cannot_mint_a_leaf_for_another_member(network):
    c = network["centre-c"].keys.identity.key
    pair = minted("centre-c", c, dns=[server_name("centre-b")])
    assert await ask(channel(network["centre-a"].member, *pair), collect, COLLECT) == "UNKNOWN_CALLER"


async def test_a_member_cannot_mint_under_another_members_issuer_name(network):
    c = network["centre-c"].keys.identity.key
    pair = minted("centre-b", c, dns=[server_name("centre-b")])
    assert await ask(channel(network["centre-a"].member, *pair), collect, COLLECT) == "TLS"


async def test_a_member_cannot_mint_an_operator_of_another_node(network):
    c = network["centre-c"].keys.identity.key
    pair = minted("centre-c", c, uris=[role_uri("operator")])
    assert await ask(channel(network["centre-a"].member, *pair), status, STATUS) == "UNKNOWN_CALLER"


async def test_a_leaf_that_is_both_node_and_operator_is_refused(network):
    a = network["centre-a"].keys.identity.key
    pair = minted("centre-a", a, dns=[server_name("centre-a")], uris=[role_uri("operator")])
    assert await ask(channel(network["centre-a"].member, *pair), status, STATUS) == "UNKNOWN_CALLER"


async def test_an_unknown_role_is_refused(network):
    a = network["centre-a"].keys.identity.key
    pair = minted("centre-a", a, uris=[role_uri("superuser")])
    assert await ask(channel(network["centre-a"].member, *pair), status, STATUS) == "UNKNOWN_CALLER"


async def test_a_member_may_not_use_the_centres_own_services(network):
    connection = network["centre-b"].member_channel(network["centre-a"])
    assert await ask(connection, status, STATUS) == "ROLE_MISSING"


async def test_an_operator_may_not_speak_as_a_member(network):
    assert await ask(network["centre-a"].operator_channel(), collect, COLLECT) == "ROLE_MISSING"


async def test_an_open_connection_does_not_outlive_a_suspension(network):
    a, c = network["centre-a"], network["centre-c"]
    async with c.member_channel(a) as connection:
        stub = Stubs(connection).exchange
        with pytest.raises(grpc.aio.AioRpcError) as before:
            await stub.CollectGrant(COLLECT, timeout=5)
        assert from_rpc_error(before.value, "a").reason == "DOCUMENT_FORMAT"
        a.services.membership.propose_standing("centre-c", active=False, valid_seconds=3600)
        await _vote(network, "centre-b", 1)
        await until(lambda: not _is_active(a, "centre-c"))
        with pytest.raises(grpc.aio.AioRpcError) as after:
            await stub.CollectGrant(COLLECT, timeout=5)
        assert from_rpc_error(after.value, "a").reason == "UNKNOWN_CALLER"
    a.services.membership.propose_standing("centre-c", active=True, valid_seconds=3600)
    await _vote(network, "centre-b", 2)
    await until(lambda: _is_active(a, "centre-c"))


async def test_wallets_reach_only_the_wallet_service(network):
    member = network["centre-a"].member
    credentials = grpc.ssl_channel_credentials(anchor_pem(member.name, member.identity_key))
    options = [("grpc.ssl_target_name_override", server_name(member.name))]
    async with grpc.aio.secure_channel(member.wallet_endpoint, credentials, options) as connection:
        stub = wallet_service_pb2_grpc.WalletServiceStub(connection)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetStatus(wallet_service_pb2.GetStatusRequest(signed_request="no"), timeout=5)
        assert from_rpc_error(refused.value, "a").reason == "DOCUMENT_FORMAT"
        with pytest.raises(grpc.aio.AioRpcError) as absent:
            await Stubs(connection).exchange.CollectGrant(COLLECT, timeout=5)
        assert absent.value.code() is grpc.StatusCode.UNIMPLEMENTED


def _is_active(centre, name) -> bool:
    return {row.member.name: row.active for row in centre.services.projection.members()}[name]


async def _vote(network, voter, number) -> None:
    centre = network[voter].services
    await until(lambda: number in dict(centre.projection.proposals()))
    centre.membership.vote(number, approve=True)
