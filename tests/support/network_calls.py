"""Calls that tell how far a caller gets at a node of a network."""

import grpc
from heqi.v1 import alliance_service_pb2, exchange_service_pb2

from node.wire.status import from_rpc_error
from tests.support.network import Stubs

COLLECT = exchange_service_pb2.CollectGrantRequest(access_request="x")
STATUS = alliance_service_pb2.GetNodeStatusRequest()


async def ask(connection, call, request) -> str:
    """The reason of the refusal, "TLS" if there was no connection, "" if the call was answered."""
    async with connection:
        try:
            await call(Stubs(connection))(request, timeout=5)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return "TLS"
            return from_rpc_error(error, "node").reason
    return ""


def collect(stubs):
    return stubs.exchange.CollectGrant


def status(stubs):
    return stubs.alliance.GetNodeStatus
