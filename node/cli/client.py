"""The command line's connection to its own node: mutual TLS with the operator's certificate."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from heqi.v1 import (
    access_service_pb2_grpc,
    alliance_service_pb2_grpc,
    event_service_pb2_grpc,
    guarantee_service_pb2_grpc,
    log_service_pb2_grpc,
    record_service_pb2_grpc,
    trust_service_pb2_grpc,
)

from node.config import CARD_FILE, OPERATOR_CERTIFICATE, OPERATOR_KEY, TLS_FOLDER, load_config
from node.domain.descriptor import open_card
from node.domain.member import Member
from node.errors import ConfigError
from node.wire.status import from_rpc_error
from node.wire.tls import anchor_pem, server_name

R = TypeVar("R")
_MESSAGE_BYTES = 16 << 20


class OperatorClient:
    """Stubs of the node in a folder, which must be running."""

    def __init__(self, home: Path, timeout_seconds: float = 15.0) -> None:
        """Raises:
        ConfigError: the folder is not a node's, or has no operator certificate.
        """
        self.config = load_config(home)
        self._timeout = timeout_seconds
        options = [
            ("grpc.ssl_target_name_override", server_name(self.config.name)),
            ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ]
        channel = grpc.secure_channel(
            self.config.listen.members, _credentials(home, self.config.name), options
        )
        self._channel = channel
        self.records = record_service_pb2_grpc.RecordServiceStub(channel)
        self.access = access_service_pb2_grpc.AccessServiceStub(channel)
        self.alliance = alliance_service_pb2_grpc.AllianceServiceStub(channel)
        self.trust = trust_service_pb2_grpc.TrustServiceStub(channel)
        self.guarantees = guarantee_service_pb2_grpc.GuaranteeServiceStub(channel)
        self.log = log_service_pb2_grpc.LogServiceStub(channel)
        self.events = event_service_pb2_grpc.EventServiceStub(channel)

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
            raise from_rpc_error(error, self.config.name) from error

    def stream(self, method: Callable[..., Iterable[R]], request: Any) -> Iterator[R]:
        """A call that answers with a stream.

        Raises:
            NodeError: what the node refuses; `PeerError` if it does not answer.
        """
        try:
            yield from method(request)
        except grpc.RpcError as error:
            raise from_rpc_error(error, self.config.name) from error


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


def _credentials(home: Path, name: str) -> grpc.ChannelCredentials:
    try:
        key = (home / TLS_FOLDER / OPERATOR_KEY).read_bytes()
        certificate = (home / TLS_FOLDER / OPERATOR_CERTIFICATE).read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read the operator's certificate: {error}; `heqi run` makes it") from error
    return grpc.ssl_channel_credentials(anchor_pem(name, own_card(home).identity_key), key, certificate)
