"""Branches that their parents confirm, and joint bids that all members sign."""

from typing import Any

import msgspec
import pytest

from node.domain.attestation import Attester, Method, Result
from node.domain.encoding import canonical_json
from node.domain.joint_bid import (
    Agreement,
    JointBid,
    Share,
    agreement_digest,
    encode_joint_bid,
    section_commitment,
)
from node.domain.mandate import Form, Power
from node.domain.wallet import BranchCall, JointBidCall
from node.errors import (
    DocumentFormatError,
    GrantExpiredError,
    GrantMissingError,
    GrantRevokedError,
    MissingError,
    NodeError,
    RecordFormatError,
    SignatureError,
    UnknownCallerError,
)
from node.services import layout
from node.wallet.keyfile import new_wallet_key
from node.wallet.mandates import sign_mandate
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_mandates import WIDE, acting, give, grant_by, hand_over, withdraw


async def registered(world: World, home: str = "", **fields: object) -> Bidder:
    bidder = world.bidder()
    world.register(bidder, world[home] if home else None, package=[bidder.base(**fields)])
    await world.settle()
    return bidder


# -- branches ---------------------------------------------------------------------------------------------


async def family(world: World, stated: str = "") -> tuple[Bidder, Bidder, str]:
    """A parent at another centre, a branch at the home, and the parent's confirmation on the ledger."""
    parent = await registered(world, world.third.name)
    branch = await registered(world, parent_credit_code=stated or parent.code)
    token = confirmation(world, parent, branch)
    await world.settle()
    return parent, branch, token


def confirmation(world: World, parent: Bidder, branch: Bidder, **kind: Any) -> str:
    codes = kind.pop("codes", (parent.code, branch.code))
    return give(world, parent, branch.subject, form=Form.BRANCH, codes=codes, **kind)


def confirm(world: World, branch: Bidder, token: str, delegation: str) -> None:
    call = branch.scribe.call(BranchCall, world.home.name, confirmation=token, delegation=delegation)
    world.home.services.agency.confirm_branch(call)


def attested(world: World, branch: Bidder) -> list[Any]:
    found = world.home.services.attesting.of(branch.subject)
    return [one.attestation for one in found if one.attestation.method is Method.CONFIRMATION]


async def test_a_parents_confirmation_is_attested_for_its_branch(world: World) -> None:
    parent, branch, token = await family(world)
    confirm(world, branch, token, parent.delegation)
    [one] = attested(world, branch)
    assert (one.result, one.fields, one.kind) == (Result.MATCH, ("parent_credit_code",), Attester.PARENT)
    assert (one.attester, one.about.version) == (parent.organisation, 1)


async def test_a_branch_that_states_another_parent_is_attested_as_differing(world: World) -> None:
    parent, branch, token = await family(world, "91110000600037341L")
    confirm(world, branch, token, parent.delegation)
    [one] = attested(world, branch)
    assert one.result is Result.MISMATCH


async def test_nobody_becomes_a_branch_that_its_parent_did_not_confirm(world: World) -> None:
    parent, branch, token = await family(world)
    stranger = await registered(world, parent_credit_code=parent.code)
    silent = await registered(world)
    with pytest.raises(DocumentFormatError, match="not for this branch"):
        confirm(world, stranger, token, parent.delegation)
    with pytest.raises(SignatureError, match="does not vouch"):
        confirm(world, branch, token, stranger.delegation)
    own = confirmation(world, stranger, branch, codes=(parent.code, branch.code))
    await world.settle()
    with pytest.raises(SignatureError, match="does not vouch"):
        confirm(world, branch, own, stranger.delegation)
    other = confirmation(world, parent, branch, codes=(parent.code, stranger.code))
    await world.settle()
    with pytest.raises(DocumentFormatError, match="another credit code"):
        confirm(world, branch, other, parent.delegation)
    unstated = confirmation(world, parent, silent)
    await world.settle()
    with pytest.raises(RecordFormatError, match="must state parent_credit_code"):
        confirm(world, silent, unstated, parent.delegation)
    assert attested(world, branch) == attested(world, stranger) == attested(world, silent) == []


async def test_a_confirmation_that_is_revoked_over_or_not_on_the_ledger_attests_nothing(world: World) -> None:
    parent, branch, token = await family(world)
    fresh = confirmation(world, parent, branch)
    with pytest.raises(GrantMissingError):
        confirm(world, branch, fresh, parent.delegation)
    short = confirmation(world, parent, branch, days=2)
    await world.settle()
    withdraw(world, parent, token)
    await world.settle()
    with pytest.raises(GrantRevokedError):
        confirm(world, branch, token, parent.delegation)
    world.clock.advance(3 * DAY)
    await world.settle()
    with pytest.raises(GrantExpiredError):
        confirm(world, branch, short, parent.delegation)


# -- joint bids -------------------------------------------------------------------------------------------


def agreement(world: World, members: list[Bidder], lead: Bidder, *shares: str) -> Agreement:
    parts = shares or tuple(str(100 // len(members)) for _ in members)
    listed = sorted(zip([one.subject for one in members], parts, strict=True))
    now = int(world.clock.now())
    return Agreement(
        alliance=world.descriptor.alliance,
        members=tuple(Share(subject, share) for subject, share in listed),
        lead=lead.subject,
        section=section_commitment(b"s" * 32, "示例工程-1/标段2"),
        nbf=now,
        exp=now + 90 * DAY,
        salt="ab" * 32,
    )


async def consortium(world: World) -> tuple[list[Bidder], Agreement, list[str]]:
    """A lead and a member at the home, and a member elsewhere; each gave the lead a mandate."""
    members = [await registered(world), await registered(world), await registered(world, world.third.name)]
    agreed = agreement(world, members, members[0], "50", "30", "20")
    tokens = [sign(world, one, members[0], agreed) for one in members]
    await world.settle()
    return members, agreed, tokens


def sign(world: World, member: Bidder, lead: Bidder, agreed: Agreement, **kind: Any) -> str:
    powers = () if member is lead else (Power.GRANT,)
    return give(
        world, member, lead.subject, *powers, form=Form.JOINT_BID, agreement=agreement_digest(agreed), **kind
    )


def keep(world: World, by: Bidder, agreed: Agreement, tokens: list[str]) -> int:
    bid = encode_joint_bid(JointBid(agreed, tuple(tokens))).decode()
    call = by.scribe.call(JointBidCall, world.home.name, joint_bid=bid)
    return world.home.services.agency.keep_joint_bid(call)


async def test_the_lead_grants_for_a_member_once_all_have_signed(world: World) -> None:
    (lead, member, other), agreed, tokens = await consortium(world)
    scribe = acting(world, lead.key, member, tokens[1])
    digest, grant = grant_by(world, scribe, member)
    await world.settle()
    with pytest.raises(GrantMissingError, match="signed by all its members"):
        hand_over(world, scribe, member, grant)
    assert keep(world, lead, agreed, tokens) == 2
    hand_over(world, scribe, member, grant)
    await world.settle()
    await world.settle()
    assert (await world.reader.services.reading.fetch(digest)).credit_code == member.code
    assert other.subject not in str(world.reader.services.reading._own.load(bytes.fromhex(digest)))


async def test_a_home_that_has_not_seen_all_signatures_does_not_serve(world: World) -> None:
    (lead, member, _), agreed, tokens = await consortium(world)
    scribe = acting(world, lead.key, member, tokens[1])
    digest, grant = grant_by(world, scribe, member)
    await world.settle()
    reading = world.reader.services.reading
    own = reading._own.load(bytes.fromhex(digest))
    reading._own.save(bytes.fromhex(digest), msgspec.structs.replace(own, grant=grant))
    # Brought to the ledger by somebody else, past the home.
    world.third.sharing.relay(scribe.relay(world.third.name, grant))
    await world.settle()
    with pytest.raises(GrantMissingError):
        await world.reader.services.reading.fetch(digest)
    assert keep(world, lead, agreed, tokens) == 2
    await world.reader.services.reading.fetch(digest)


async def test_a_joint_bid_with_a_member_left_out_is_none(world: World) -> None:
    (lead, member, other), agreed, tokens = await consortium(world)
    with pytest.raises(SignatureError, match="1 of 3 members have not signed"):
        keep(world, lead, agreed, tokens[:2])
    with pytest.raises(SignatureError, match="1 of 3 members have not signed"):
        keep(world, lead, agreed, [tokens[0], tokens[1], tokens[1]])
    # The same agreement without that member is another one, which nobody has signed.
    fewer = agreement(world, [lead, member], lead, "50", "50")
    with pytest.raises(DocumentFormatError, match="not about this agreement"):
        keep(world, lead, fewer, tokens[:2])
    stranger = await registered(world)
    extra = sign(world, stranger, lead, agreed)
    with pytest.raises(SignatureError, match="signed twice, or is no member"):
        keep(world, lead, agreed, [*tokens, extra])
    assert not [key for key in world.home.store.everything() if key.startswith(layout.JOINT_BID)]
    assert other


async def test_a_member_whose_key_somebody_else_holds_has_not_signed(world: World) -> None:
    (lead, _, other), agreed, tokens = await consortium(world)
    other.key = new_wallet_key()
    forged = sign_mandate(
        other.scribe,
        Form.JOINT_BID,
        lead.subject,
        "x",
        [],
        int(world.clock.now()) + DAY,
        agreement=agreement_digest(agreed),
    )
    with pytest.raises(SignatureError, match="the key that the ledger names"):
        keep(world, lead, agreed, [*tokens[:2], forged])


async def test_only_a_member_hands_a_joint_bid_in_and_at_a_members_home(world: World) -> None:
    (lead, _, _), agreed, tokens = await consortium(world)
    stranger = await registered(world)
    with pytest.raises(UnknownCallerError):
        keep(world, stranger, agreed, tokens)
    bid = encode_joint_bid(JointBid(agreed, tuple(tokens))).decode()
    call = lead.scribe.call(JointBidCall, world.reader.name, joint_bid=bid)
    with pytest.raises(MissingError):
        world.reader.services.agency.keep_joint_bid(call)
    spaced = msgspec.json.format(canonical_json(msgspec.json.decode(bid)), indent=1).decode()
    with pytest.raises(DocumentFormatError):
        world.home.services.agency.keep_joint_bid(
            lead.scribe.call(JointBidCall, world.home.name, joint_bid=spaced)
        )


async def test_the_lead_has_no_more_than_each_member_gave(world: World) -> None:
    (lead, member, _), agreed, tokens = await consortium(world)
    keep(world, lead, agreed, tokens)
    scribe = acting(world, lead.key, member, tokens[0])  # the lead's own mandate, for another's data
    with pytest.raises(NodeError):
        grant_by(world, scribe, member)
    assert WIDE.uses == 3


async def test_what_a_home_keeps_of_a_joint_bid_tells_nothing_and_goes_with_the_subject(world: World) -> None:
    (lead, member, other), agreed, tokens = await consortium(world)
    keep(world, lead, agreed, tokens)
    rows = {k: v for k, v in world.home.store.everything().items() if k.startswith(layout.JOINT_BID)}
    assert len(rows) == 2
    assert not any(other.subject.encode() in key + value for key, value in rows.items())
    world.home.services.erasures.by_wallet(member.scribe.erase(world.home.name))
    assert [k for k in world.home.store.everything() if k.startswith(layout.JOINT_BID)] == [
        key for key in rows if lead.subject.encode() in key
    ]
