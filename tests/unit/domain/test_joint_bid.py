"""A joint bid is whole, or it is none."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.joint_bid import (
    JointBid,
    Share,
    agreement_digest,
    check_agreement,
    encode_joint_bid,
    open_joint_bid,
    section_commitment,
)
from node.errors import DocumentFormatError, SignatureError
from tests.vectors import mandate_vectors

BID = mandate_vectors.joint_bid()
AGREED = BID.agreement


def test_a_whole_joint_bid_is_opened() -> None:
    agreement, mandates = open_joint_bid(encode_joint_bid(BID))
    assert agreement == AGREED
    assert [one.iss for one in mandates] == [mandate_vectors.SUBJECT, mandate_vectors.other_subject()]


@pytest.mark.parametrize("places", [(), (0,), (1,), (0, 0), (0, 1, 1)])
def test_every_member_signs_once(places: tuple[int, ...]) -> None:
    bid = JointBid(AGREED, tuple(BID.mandates[at] for at in places))
    with pytest.raises(SignatureError):
        open_joint_bid(encode_joint_bid(bid))


@given(st.sampled_from(["lead", "section", "nbf", "salt", "members", "exp"]))
def test_signatures_are_for_this_very_agreement(member: str) -> None:
    others = {
        "lead": mandate_vectors.other_subject(),
        "section": "ab" * 32,
        "nbf": AGREED.nbf + 1,
        "salt": "ab" * 32,
        "exp": AGREED.exp + 1,
        "members": tuple(msgspec.structs.replace(one, share="50") for one in AGREED.members),
    }
    bid = JointBid(msgspec.structs.replace(AGREED, **{member: others[member]}), BID.mandates)
    with pytest.raises(DocumentFormatError):
        open_joint_bid(encode_joint_bid(bid))


@given(st.lists(st.decimals(0, 100, places=2), min_size=1, max_size=4))
def test_shares_are_the_whole(shares: list[Decimal]) -> None:
    members = tuple(Share(f"{n:064x}", str(share)) for n, share in enumerate(shares))
    agreement = msgspec.structs.replace(AGREED, members=members, lead=members[0].subject)
    is_whole = len(shares) >= 2 and all(share > 0 for share in shares) and sum(shares) == 100
    if is_whole:
        check_agreement(agreement)
    else:
        with pytest.raises(DocumentFormatError):
            check_agreement(agreement)


def test_what_is_no_agreement_is_refused() -> None:
    for changes in (
        {"members": AGREED.members[:1]},
        {"members": (AGREED.members[1], AGREED.members[0])},
        {"lead": "ab" * 32},
        {"exp": AGREED.nbf},
        {"members": tuple(msgspec.structs.replace(one, share="1e2") for one in AGREED.members)},
    ):
        with pytest.raises(DocumentFormatError):
            check_agreement(msgspec.structs.replace(AGREED, **changes))


def test_a_commitment_to_a_section_tells_nothing_without_its_salt() -> None:
    assert section_commitment(b"a" * 32, "标段1") != section_commitment(b"b" * 32, "标段1")
    assert len(agreement_digest(AGREED)) == 64
