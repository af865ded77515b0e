"""Splitting and sealing opening keys; which pairs of rounded moments sealed guarantees may have."""

import os
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.opening import check_threshold
from node.domain.sealed_guarantee import END_UNIT_SECONDS, check_rounded, round_validity
from node.domain.shares import (
    PADDING_BYTES,
    decrypt_content,
    encrypt_content,
    holder_public_key,
    join_shares,
    open_share,
    seal_share,
    share_info,
    split_key,
)
from node.errors import DocumentFormatError, VerificationError

KEY, OPENING, ALLIANCE = os.urandom(16), os.urandom(32), os.urandom(32)


@pytest.mark.parametrize(("threshold", "count"), [(2, 2), (2, 3), (3, 5), (9, 16)])
def test_as_many_as_the_threshold_give_the_key_back_and_fewer_do_not(threshold: int, count: int) -> None:
    shares = dict(enumerate(split_key(KEY, threshold, count), 1))
    for places in list(combinations(shares, threshold))[:200]:
        assert join_shares({place: shares[place] for place in places}, threshold) == KEY
    assert join_shares(shares, threshold) == KEY
    few = {place: shares[place] for place in list(shares)[: threshold - 1]}
    with pytest.raises(VerificationError):
        join_shares(few, threshold)


def test_a_share_that_says_another_place_is_refused() -> None:
    first, second = split_key(KEY, 2, 2)
    with pytest.raises(VerificationError):
        join_shares({1: first, 2: first}, 2)
    assert join_shares({1: first, 2: second}, 2) == KEY


@pytest.mark.parametrize("dealt", [b"", b"\x02", b"\x02" + bytes(15), b"\x02" + bytes(17)])
def test_what_is_no_share_is_refused(dealt: bytes) -> None:
    first, _ = split_key(KEY, 2, 2)
    with pytest.raises(VerificationError):
        join_shares({1: first, 2: dealt}, 2)


def test_a_share_opens_for_its_holder_and_opening_only() -> None:
    secret, other = os.urandom(32), os.urandom(32)
    share, info = split_key(KEY, 2, 3)[0], share_info(ALLIANCE, OPENING, "centre-a")
    sealed = seal_share(holder_public_key(secret), share, info)
    assert open_share(secret, sealed, info) == share
    wrong = [
        (other, info),
        (secret, share_info(ALLIANCE, os.urandom(32), "centre-a")),
        (secret, share_info(os.urandom(32), OPENING, "centre-a")),
        (secret, share_info(ALLIANCE, OPENING, "centre-b")),
    ]
    for key, bound in wrong:
        with pytest.raises(VerificationError):
            open_share(key, sealed, bound)


@given(st.binary(max_size=2 * PADDING_BYTES))
def test_content_comes_back_and_its_length_is_rounded(content: bytes) -> None:
    sealed = encrypt_content(KEY, bytes(12), content, OPENING)
    assert decrypt_content(KEY, sealed, OPENING) == content
    assert (len(sealed) - 12 - 16) % PADDING_BYTES == 0
    for key, opening in ((os.urandom(16), OPENING), (KEY, os.urandom(32))):
        with pytest.raises(VerificationError):
            decrypt_content(key, sealed, opening)


@given(st.integers(0, 2**33), st.integers(1, 10**8))
def test_a_rounded_validity_covers_the_exact_one_and_is_the_shortest(nbf: int, length: int) -> None:
    begin, end = round_validity(nbf, nbf + length)
    assert begin <= nbf
    assert nbf + length <= end < nbf + length + END_UNIT_SECONDS
    check_rounded(begin, end)
    for wrong in ((begin + 1, end), (begin, end - 1)):
        with pytest.raises(DocumentFormatError):
            check_rounded(*wrong)


@pytest.mark.parametrize(("threshold", "count"), [(1, 1), (1, 2), (2, 4), (3, 2), (8, 16), (9, 17), (0, 0)])
def test_a_threshold_is_a_majority_and_never_one(threshold: int, count: int) -> None:
    with pytest.raises(DocumentFormatError):
        check_threshold(threshold, count)
