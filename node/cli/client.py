"""The command line's connection to its own node: mutual TLS with the certificate of the operator or a system."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from heqi.v1 import (
    access_service_pb2_grpc,
    alliance_service_pb2_grpc,
    award_service_pb2_grpc,
    catalogue_service_pb2_grpc,
    desk_service_pb2_grpc,
    erasure_service_pb2_grpc,
    event_service_pb2_grpc,
    guarantee_file_service_pb2_grpc,
    guarantee_service_pb2_grpc,
    legal_service_pb2_grpc,
    log_service_pb2_grpc,
    login_service_pb2_grpc,
    notice_service_pb2_grpc,
    obligation_service_pb2_grpc,
    opening_service_pb2_grpc,
    record_service_pb2_grpc,
    recovery_service_pb2_grpc,
    registration_service_pb2_grpc,
    system_service_pb2_grpc,
    trust_service_pb2_grpc,
)

from node.config import CARD_FILE, OPERATOR_CERTIFICATE, OPERATOR_KEY, TLS_FOLDER, load_config, read_file
from node.domain.descriptor import open_card
from node.domain.member import Member
from node.errors import ConfigError
from node.wire.status import from_rpc_error
from node.wire.tls import anchor_pem, server_name

R = TypeVar("R")
_MESSAGE_BYTES = 16 << 20
_MADE_BY_RUN, _MADE_BY_ISSUE = "`heqi run` makes it", "`heqi access issue --out` makes it"
SYSTEM_KEY, SYSTEM_CERTIFICATE = "key.pem", "cert.pem"


class NodeClient:
    """Stubs of a running node, for one of its centre's systems."""

    def __init__(self, to: Member, key_pem: bytes, certificate_pem: bytes, timeout_seconds: float) -> None:
        """Args:
        to: the node's member; called at `endpoint`, and believed under its identity key alone.
        key_pem: the system's private key.
        certificate_pem: its certificate.
        timeout_seconds: for each call.
        """
        self._name, self._timeout = to.name, timeout_seconds
        credentials = grpc.ssl_channel_credentials(
            anchor_pem(to.name, to.identity_key), key_pem, certificate_pem
        )
        options = [
            ("grpc.ssl_target_name_override", server_name(to.name)),
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ]
        channel = grpc.secure_channel(to.endpoint, credentials, options)
        self._channel = channel
        self.records = record_service_pb2_grpc.RecordServiceStub(channel)
        self.access = access_service_pb2_grpc.AccessServiceStub(channel)
        self.alliance = alliance_service_pb2_grpc.AllianceServiceStub(channel)
        self.catalogue = catalogue_service_pb2_grpc.CatalogueServiceStub(channel)
        self.trust = trust_service_pb2_grpc.TrustServiceStub(channel)
        self.guarantees = guarantee_service_pb2_grpc.GuaranteeServiceStub(channel)
        self.awards = award_service_pb2_grpc.AwardServiceStub(channel)
        self.guarantee_files = guarantee_file_service_pb2_grpc.GuaranteeFileServiceStub(channel)
        self.obligations = obligation_service_pb2_grpc.ObligationServiceStub(channel)
        self.desk = desk_service_pb2_grpc.DeskServiceStub(channel)
        self.openings = opening_service_pb2_grpc.OpeningServiceStub(channel)
        self.registrations = registration_service_pb2_grpc.RegistrationServiceStub(channel)
        self.legal = legal_service_pb2_grpc.LegalServiceStub(channel)
        self.log = log_service_pb2_grpc.LogServiceStub(channel)
        self.recoveries = recovery_service_pb2_grpc.RecoveryServiceStub(channel)
        self.logins = login_service_pb2_grpc.LoginServiceStub(channel)
        self.events = event_service_pb2_grpc.EventServiceStub(channel)
        self.systems = system_service_pb2_grpc.SystemServiceStub(channel)
        self.notices = notice_service_pb2_grpc.NoticeServiceStub(channel)
        self.erasures = erasure_service_pb2_grpc.ErasureServiceStub(channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._channel.close()

    def call(self, method: Callable[..., R], request: Any) -> R:
        """One call.

        Raises:
            NodeError: what the node refuses; `PeerError` if it does not answer.
        """
        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise from_rpc_error(error, self._name) from error

    def stream(self, method: Callable[..., Iterable[R]], request: Any) -> Iterator[R]:
        """A call that answers with a stream.

        Raises:
            NodeError: what the node refuses; `PeerError` if it does not answer.
        """
        try:
            yield from method(request)
        except grpc.RpcError as error:
            raise from_rpc_error(error, self._name) from error


class OperatorClient(NodeClient):
    """Stubs of the node in a folder, which must be running, with the operator's certificate that lies there."""

    def __init__(self, home: Path, timeout_seconds: float = 15.0) -> None:
        """Raises:
        ConfigError: the folder is not a node's, or has no operator certificate.
        """
        self.config = load_config(home)
        card, tls = own_card(home), home / TLS_FOLDER
        super().__init__(
            card.moved_to(self.config.listen.members, card.wallet_endpoint),
            read_file(tls / OPERATOR_KEY, _MADE_BY_RUN),
            read_file(tls / OPERATOR_CERTIFICATE, _MADE_BY_RUN),
            timeout_seconds,
        )


class SystemClient(NodeClient):
    """Stubs of a node for a system with a folder that `heqi access issue` has made."""

    def __init__(self, folder: Path, timeout_seconds: float = 15.0) -> None:
        """Raises:
        ConfigError: the folder lacks a file.
        """
        super().__init__(
            own_card(folder),
            read_file(folder / SYSTEM_KEY, _MADE_BY_ISSUE),
            read_file(folder / SYSTEM_CERTIFICATE, _MADE_BY_ISSUE),
            timeout_seconds,
        )


def own_card(home: Path) -> Member:
    """The public keys of the node in a folder.

    Raises:
        ConfigError: the folder holds no member card.
    """
    try:
        return open_card((home / CARD_FILE).read_text().strip())
    except OSError as error:
        raise ConfigError(
            f"cannot read {home / CARD_FILE}: {error.strerror}; run `heqi init` first"
        ) from error
