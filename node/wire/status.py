"""Errors on the wire: one table from the branches of `node/errors.py` to gRPC codes, used in both directions."""

from datetime import timedelta
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from node import errors
from node.errors import LimitError, NodeError, PeerError

DOMAIN = "heqi.v1"

_CODES: tuple[tuple[type[NodeError], int], ...] = (
    (errors.UnknownCallerError, code_pb2.UNAUTHENTICATED),
    (errors.DeniedError, code_pb2.PERMISSION_DENIED),
    (errors.InvalidError, code_pb2.INVALID_ARGUMENT),
    (errors.MissingError, code_pb2.NOT_FOUND),
    (errors.DuplicateError, code_pb2.ALREADY_EXISTS),
    (errors.ConflictError, code_pb2.FAILED_PRECONDITION),
    (errors.VerificationError, code_pb2.INVALID_ARGUMENT),
    (errors.LimitError, code_pb2.RESOURCE_EXHAUSTED),
    (errors.UnavailableError, code_pb2.UNAVAILABLE),
)


def all_errors(root: type[NodeError] = NodeError) -> dict[str, type[NodeError]]:
    """Every error class below `root`, by reason."""
    found: dict[str, type[NodeError]] = {}
    for kind in root.__subclasses__():
        found[kind.reason] = kind
        found |= all_errors(kind)
    return found


_BY_REASON = all_errors()


def code_of(kind: type[NodeError]) -> int:
    """The gRPC code of a class of errors."""
    return next((code for branch, code in _CODES if issubclass(kind, branch)), code_pb2.INTERNAL)


def to_status(error: NodeError) -> status_pb2.Status:
    """The gRPC status of an error, with its reason, what to do, and for limits when to try again."""
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata={"advice": error.advice})
    details: list[Any] = [info]
    if isinstance(error, LimitError):
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromTimedelta(timedelta(seconds=error.retry_after))
        details.append(retry)
    return status_pb2.Status(
        code=code_of(type(error)), message=str(error), details=[_packed(detail) for detail in details]
    )


def _packed(message: Any) -> any_pb2.Any:
    detail = any_pb2.Any()
    detail.Pack(message)
    return detail


def to_rpc_status(error: NodeError) -> grpc.Status:
    """The same, as `context.abort_with_status` takes it."""
    converted: grpc.Status = rpc_status.to_status(to_status(error))
    return converted


def from_rpc_error(error: grpc.RpcError, peer: str) -> NodeError:
    """The error that the other node raised, or `PeerError` when it did not answer in this protocol."""
    # Blocking and asyncio clients raise different classes that both answer these three questions.
    answer: Any = error
    for key, value in answer.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            return _from_details(value, peer)
    return PeerError(f"{peer}: {answer.code().name}: {answer.details()}")


def _from_details(raw: bytes, peer: str) -> NodeError:
    status, info = status_pb2.Status(), error_details_pb2.ErrorInfo()
    try:
        status.ParseFromString(raw)
        unpacked = any(detail.Unpack(info) for detail in status.details)
    except DecodeError:
        return PeerError(f"{peer} answers with something that is not the protocol")
    kind = _BY_REASON.get(info.reason) if unpacked and info.domain == DOMAIN else None
    if kind is None:
        return PeerError(f"{peer}: {status.message}")
    error = kind.__new__(kind)
    Exception.__init__(error, f"{peer}: {status.message}")
    retry = error_details_pb2.RetryInfo()
    if isinstance(error, LimitError) and any(detail.Unpack(retry) for detail in status.details):
        error.retry_after = retry.retry_delay.ToTimedelta().total_seconds()
    return error
