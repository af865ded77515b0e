"""What is reserved for two officers, and which keys are two."""

from collections.abc import Sequence
from typing import get_args

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from node.domain.approval import Reserved, closed, is_same_holder, reserved_by
from node.domain.delegation import Delegation, ReservedAct
from node.wallet.approving import ACTS
from node.wallet.keyfile import WalletKey

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
words = st.lists(st.sampled_from(get_args(ReservedAct)), unique=True).map(sorted)


def delegation(acts: Sequence[str]) -> Delegation:
    return Delegation(
        alliance="ab" * 32,
        iat=0,
        jti="a" * 22,
        key="cd" * 64,
        credit_code="",
        exp=1,
        two_officers=tuple(acts),
    )


def test_every_act_that_can_be_reserved_can_be_approved() -> None:
    assert (
        set(get_args(ReservedAct)) == {one.value for one in Reserved} == {one.value for one in ACTS.values()}
    )


@given(st.lists(words, max_size=4), words)
def test_a_further_delegation_never_takes_a_reservation_away(said: list[list[str]], more: list[str]) -> None:
    before, after = (reserved_by(map(delegation, acts)) for acts in (said, [*said, more]))
    assert before <= after
    assert {Reserved(word) for word in more} <= after


@given(words)
def test_whoever_reserves_anything_reserves_what_would_undo_it(acts: list[str]) -> None:
    reserved = reserved_by([delegation(acts)])
    assert bool(reserved) is bool(acts)
    assert not acts or {Reserved.CONTROLLERS, Reserved.MANDATE} <= reserved
    assert closed(reserved) == reserved


@given(st.integers(1, ORDER - 1), st.integers(1, ORDER - 1))
def test_a_key_its_negative_and_its_passkey_are_one_holder_and_no_other_is(one: int, other: int) -> None:
    first, second, negative = (
        WalletKey(ec.derive_private_key(scalar, ec.SECP256R1())).name for scalar in (one, other, ORDER - one)
    )
    assert is_same_holder(first, negative)
    assert is_same_holder(f"passkey:{first}", negative)
    assert is_same_holder(first, second) is (other in {one, ORDER - one})
