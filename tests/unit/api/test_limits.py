"""Limits for each caller, without a network. No test here waits for a bucket to fill."""

import asyncio

import pytest

from node.api.authority import MEMBER, READER, WALLET, WRITER
from node.api.caller import Visitor, site_of
from node.api.limits import Limits
from node.config import LimitsConfig
from node.errors import RateLimitError, TooManyCallsError

CHATTY, QUIET = Visitor(WRITER, "chatty"), Visitor(READER, "quiet")


def limits(**changes: int) -> Limits:
    return Limits(LimitsConfig(**changes))


def calls(of: Limits, visitor: Visitor, count: int, size: int = 10) -> int:
    """How many of so many calls, one after the other, are let through."""
    passed = 0
    for _ in range(count):
        try:
            with of.call(visitor, size):
                passed += 1
        except RateLimitError as error:
            assert error.retry_after > 0
    return passed


def test_a_caller_gets_its_burst_and_is_then_told_when_to_come_again():
    of = limits(calls_per_second=1)
    assert calls(of, CHATTY, 50) in range(2, 10)
    with pytest.raises(RateLimitError) as refused, of.call(CHATTY, 1):
        pass
    assert 0 < refused.value.retry_after <= 1


def test_one_callers_noise_costs_another_nothing():
    of = limits(calls_per_second=5)
    calls(of, CHATTY, 1_000)
    assert calls(of, QUIET, 10) == 10


def test_the_same_name_in_another_kind_is_another_caller():
    of = limits(calls_per_second=5)
    calls(of, Visitor(WRITER, "x"), 1_000)
    assert calls(of, Visitor(MEMBER, "x"), 10) == 10


def test_wallets_have_a_rate_of_their_own():
    of = limits(calls_per_second=1_000, wallet_calls_per_second=1)
    assert calls(of, Visitor(WALLET, "192.0.2.7"), 50) in range(2, 10)


def test_bytes_are_counted_and_the_largest_message_fits_once():
    of = limits(mebibytes_per_second=1)
    assert calls(of, CHATTY, 10, size=(16 << 20) - 1024) == 1
    assert calls(of, QUIET, 1, size=1 << 20) == 1


def test_calls_at_once_are_bounded_for_each_and_together():
    of = limits(calls=2, all_calls=3)
    with of.call(CHATTY, 1), of.call(CHATTY, 1):
        with pytest.raises(TooManyCallsError), of.call(CHATTY, 1):
            pass
        with of.call(QUIET, 1), pytest.raises(TooManyCallsError), of.call(QUIET, 1):
            pass
    with of.call(CHATTY, 1), of.call(CHATTY, 1):
        pass


def test_streams_are_counted_apart_from_calls_and_given_back_after_a_failure():
    of = limits(streams=1, calls=1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), of.stream(CHATTY), of.call(CHATTY, 1):
            raise ZeroDivisionError
    with of.stream(CHATTY), pytest.raises(TooManyCallsError), of.stream(CHATTY):
        pass


def test_what_is_remembered_is_bounded():
    of = limits(callers=100)
    for number in range(10_000):
        assert calls(of, Visitor(WALLET, f"2001:db8:{number:x}::/64"), 1) == 1
    assert not of._calls._of
    assert len(of._wallets._store._backend.get_client()) <= 100


async def test_a_stream_that_sends_too_fast_is_slowed_down_and_not_refused():
    of, passed = limits(calls_per_second=100), 0

    async def send() -> None:
        nonlocal passed
        for _ in range(250):
            await of.message(CHATTY, 10)
            passed += 1

    sending = asyncio.ensure_future(send())
    await asyncio.sleep(0)
    assert 0 < passed < 250, "the burst is through, the rest waits"
    assert calls(of, QUIET, 10) == 10
    await sending
    assert passed == 250


@pytest.mark.parametrize(
    ("peer", "site"),
    [
        ("ipv4:192.0.2.7:4711", "192.0.2.7"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:4711", "2001:db8:1:2::/64"),
        ("ipv6:[2001:db8:1:2::9]:4711", "2001:db8:1:2::/64"),
        ("ipv6:%5B::ffff:192.0.2.7%5D:4711", "192.0.2.7"),
        ("unix:/tmp/x", "unix:/tmp/x"),
        ("", ""),
    ],
)
def test_neighbours_in_one_network_are_one_site(peer, site):
    assert site_of(peer) == site
