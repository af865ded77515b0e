"""The error tree is what its drawing says, every reason is unique, and what travels comes back."""

import re

import grpc
import pytest

from node import errors
from node.errors import NodeError
from node.wire.status import all_errors, from_rpc_error, to_rpc_status, to_status

KINDS = list(all_errors().values())


def _classes(root=NodeError):
    for kind in root.__subclasses__():
        yield kind
        yield from _classes(kind)


def test_the_drawing_names_exactly_the_classes():
    drawing = errors.__doc__.split("`reason`")[0]
    assert set(re.findall(r"\w+Error", drawing)) == {kind.__name__ for kind in _classes()} | {"NodeError"}


def test_reasons_are_unique_words():
    reasons = [kind.reason for kind in _classes()]
    assert len(set(reasons)) == len(reasons)
    assert all(re.fullmatch(r"[A-Z][A-Z_]{1,62}", reason) for reason in reasons)


@pytest.mark.parametrize("kind", list(_classes()), ids=lambda kind: kind.__name__)
def test_every_error_says_what_to_do(kind):
    assert kind.advice.endswith(".")
    assert kind.__doc__


class Refused(grpc.RpcError):
    def __init__(self, error):
        self._status = to_rpc_status(error)

    def code(self):
        return self._status.code

    def details(self):
        return self._status.details

    def trailing_metadata(self):
        return self._status.trailing_metadata


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_survives_the_wire(kind):
    error = kind("Problem") if kind is errors.LedgerRefusedError else kind("what happened")
    received = from_rpc_error(Refused(error), "peer")
    assert type(received) is kind
    assert str(error) in str(received)


def test_a_bug_has_no_reason_of_its_own():
    assert to_status(NodeError("x")).code == grpc.StatusCode.INTERNAL.value[0]


def test_what_is_not_the_protocol_is_a_peer_error():
    class Foreign(grpc.RpcError):
        def code(self):
            return grpc.StatusCode.UNKNOWN

        def details(self):
            return "nginx"

        def trailing_metadata(self):
            return (("grpc-status-details-bin", b"\xff\xff"),)

    assert isinstance(from_rpc_error(Foreign(), "peer"), errors.PeerError)
