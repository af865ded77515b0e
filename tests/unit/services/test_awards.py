"""Proofs of awards: the winner's, once the result is public, of the newest version, and not a field more."""

import io
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.systems.ocds import Accepted, Summary, read_ocds
from adapters.systems.sample import write_sample
from node.domain.award import AWARD, CONTRACT, FIELDS, is_public, open_award_grant, winners
from node.domain.bundle_check import Verifier
from node.domain.case import read_case
from node.domain.certificate import check_credit_code
from node.domain.encoding import from_base64url, to_base64url
from node.domain.erasure import ErasedLine
from node.domain.values import DecimalValue, to_json_value
from node.errors import (
    DocumentFormatError,
    EvidencePendingError,
    GrantExpiredError,
    GrantMissingError,
    GrantRevokedError,
    GrantScopeError,
    NodeError,
    RoleMissingError,
    SecondOfficerMissingError,
    SignatureError,
    StoreError,
)
from node.services import layout
from node.services.traces import Traces
from node.services.transaction import Transaction
from node.wallet.awards import sign_award_grant, terms_of
from node.wallet.documents import Scribe
from node.wallet.guarantees import GuaranteeScribe
from tests.support.world import DAY, World
from tests.support.world_bidder import Authority, Bidder
from tests.support.world_guarantees import BANK, INSURER
from tests.support.world_records import incoming

NOTHING = "no award of this bidder is public in such a project here"
PROJECT = "ocds-h3q1-GC-2026-001"


def organisation(bidder: Bidder) -> dict[str, Any]:
    return {
        "id": bidder.code,
        "name": bidder.organisation,
        "identifier": {"scheme": "CN-USCC", "id": bidder.code},
    }


class Tender:
    """A project of the world's second centre, with a winner and a loser, neither of which is registered there."""

    def __init__(self, world: World) -> None:
        self.world, self.centre = world, world.reader
        self.winner, self.loser = world.bidder(), world.bidder()
        for bidder in (self.winner, self.loser):
            world.register(bidder)
        self._sequence = 0

    def hand_in(self, category: str, thing: str, project: str, fields: Mapping[str, Any]) -> None:
        """The centre's system states a version of an award or a contract."""
        self._sequence += 1
        item = incoming(f"{project}/{thing}", category=category, fields=fields, project=project)
        accepted = self.centre.records.append("etrading", self._sequence, [item])
        assert not accepted.parked, [row.message for _, row in self.centre.services.parking.rows()]

    async def state(self, category: str, thing: str, fields: Mapping[str, Any]) -> None:
        """The same; final afterwards."""
        self.hand_in(category, thing, PROJECT, fields)
        await self.world.settle()
        await self.world.settle()

    async def award(self, **changes: Any) -> None:
        fields = {
            "id": "A-1",
            "status": "active",
            "date": "2026-03-01",
            "value_amount": DecimalValue("12800000.00"),
            "value_currency": "CNY",
            "suppliers": (organisation(self.winner),),
            "candidates": (organisation(self.loser),),
            "title": "中标公告",
            **changes,
        }
        await self.state(AWARD, "awards/A-1", fields)

    async def contract(self, **changes: Any) -> None:
        fields = {
            "id": "C-1",
            "award_id": "A-1",
            "status": "active",
            "date_signed": "2026-04-01",
            "value_amount": DecimalValue("12700000.00"),
            "value_currency": "CNY",
            **changes,
        }
        await self.state(CONTRACT, "contracts/C-1", fields)

    async def grant(
        self, bidder: Bidder, lender: str = BANK, *, live: bool = True, centre: str = "", days: int = 30
    ) -> str:
        """The bidder lets a lender read; on the ledger if it is live."""
        expires = int(self.world.clock.now()) + days * DAY
        token = sign_award_grant(bidder.scribe, lender, centre or self.centre.name, PROJECT, expires)
        if live:
            relay = bidder.registered_at
            relay.sharing.relay(bidder.scribe.relay_terms(relay.name, terms_of(token)))
            await self.world.settle()
        return token

    async def fetched(self, grant: str, bidder: Bidder, lender: str = BANK) -> bytes:
        return await self.world[lender].services.awards.fetch(grant, bidder.delegation)

    def prove(self, bidder: Bidder, project: str = PROJECT, delegation: str = "") -> bytes:
        asked = GuaranteeScribe(bidder.scribe).ask_awards(
            self.centre.name, project, delegation or bidder.delegation
        )
        return self.centre.services.awards.prove(asked)

    def verified(self, raw: bytes) -> list[tuple[str, Mapping[str, Any]]]:
        """What a lender sees who has the descriptor and nothing else."""
        case = read_case(io.BytesIO(raw), Verifier(self.world.descriptor))
        return [
            (record.header.category, record.fields)
            for bundle in case.bundles
            for record in bundle.evidence.records
        ]


@pytest.fixture
async def tender() -> AsyncIterator[Tender]:
    with World(guarantors=[BANK, INSURER]) as world:
        await world.settle()
        made = Tender(world)
        await world.settle()
        yield made


async def test_a_lender_checks_offline_what_the_winner_shows(tender: Tender) -> None:
    await tender.award()
    await tender.contract()
    [(_, award), (_, contract)] = tender.verified(tender.prove(tender.winner))
    assert award["value_amount"] == "12800000.00"
    assert award["suppliers"] == [organisation(tender.winner)]
    assert (contract["award_id"], contract["value_amount"]) == ("A-1", "12700000.00")
    assert set(award) <= FIELDS[AWARD]
    assert set(contract) <= FIELDS[CONTRACT]
    assert tender.loser.code not in repr((award, contract)), "nothing about the other bidders"


async def test_another_bidder_is_told_the_same_as_if_there_were_nothing(tender: Tender) -> None:
    with pytest.raises(GrantMissingError) as nothing:
        tender.prove(tender.winner)
    await tender.award()
    for bidder, project in ((tender.loser, PROJECT), (tender.winner, "ocds-h3q1-other")):
        with pytest.raises(GrantMissingError) as refused:
            tender.prove(bidder, project)
        assert str(refused.value) == str(nothing.value)


async def test_a_result_that_is_not_public_is_as_if_there_were_none(tender: Tender) -> None:
    for changes in ({"status": "pending"}, {"status": "cancelled"}, {"status": ""}, {"date": "2999-01-01"}):
        await tender.award(**changes)
        with pytest.raises(GrantMissingError):
            tender.prove(tender.winner)
    await tender.award()
    assert tender.verified(tender.prove(tender.winner))


async def test_an_award_that_was_superseded_proves_nothing_any_more(tender: Tender) -> None:
    await tender.award()
    assert tender.verified(tender.prove(tender.winner))
    await tender.award(value_amount=DecimalValue("9900000.00"))
    [(_, award)] = tender.verified(tender.prove(tender.winner))
    assert award["value_amount"] == "9900000.00"
    await tender.award(suppliers=(organisation(tender.loser),), candidates=())
    with pytest.raises(GrantMissingError):
        tender.prove(tender.winner)
    assert tender.verified(tender.prove(tender.loser))


async def test_a_newer_version_that_is_not_final_holds_the_proof_back(tender: Tender) -> None:
    await tender.award()
    fields = {"id": "A-1", "status": "active", "suppliers": (organisation(tender.winner),)}
    tender.hand_in(AWARD, "awards/A-1", PROJECT, fields)
    with pytest.raises(EvidencePendingError):
        tender.prove(tender.winner)


async def test_an_altered_amount_or_a_field_more_is_found(tender: Tender) -> None:
    await tender.award()
    raw = tender.prove(tender.winner)
    shown = tender.verified(raw)
    assert shown
    for place in range(0, len(raw), len(raw) // 60):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(NodeError):
            tender.verified(changed)


async def test_the_winners_name_alone_proves_nothing(tender: Tender) -> None:
    await tender.award()
    with pytest.raises(SignatureError):
        tender.prove(tender.loser, delegation=tender.winner.delegation)
    impostor = Bidder(0, Authority("自签 Nobody's"), tender.world.descriptor, tender.world.clock)
    impostor.code = tender.winner.code
    with pytest.raises(NodeError):
        tender.prove(impostor)
    # Named as another kind of identifier, the same characters are no credit code.
    await tender.award(
        suppliers=({"id": tender.loser.code, "identifier": {"scheme": "X", "id": tender.loser.code}},)
    )
    with pytest.raises(GrantMissingError):
        tender.prove(tender.loser)


async def test_a_contract_belongs_to_whom_it_or_its_award_names(tender: Tender) -> None:
    await tender.contract()
    with pytest.raises(GrantMissingError):
        tender.prove(tender.winner)
    await tender.award()
    await tender.contract(suppliers=(organisation(tender.loser),))
    assert [category for category, _ in tender.verified(tender.prove(tender.winner))] == [AWARD]
    assert [category for category, _ in tender.verified(tender.prove(tender.loser))] == [CONTRACT]


# -- a lender under the winner's grant -----------------------------------------------------------------------


async def test_a_lender_fetches_under_the_winners_grant_what_the_winner_could_show(tender: Tender) -> None:
    await tender.award()
    await tender.contract()
    grant = await tender.grant(tender.winner)
    found = tender.verified(await tender.fetched(grant, tender.winner))
    assert found == tender.verified(tender.prove(tender.winner))
    [told] = await tender.centre.feed("award.read")
    assert (told.about["reader"], told.about["subject"]) == (BANK, tender.winner.subject)


async def test_the_winner_sees_every_fetch_of_a_lender_and_nobody_elses(tender: Tender) -> None:
    await tender.award()
    grant, other = await tender.grant(tender.winner), await tender.grant(tender.winner, days=5)
    for one in (grant, grant, other):
        await tender.fetched(one, tender.winner)
        tender.world.clock.advance(10)
    tender.centre.restart()
    reads = tender.centre.services.awards.reads_of
    found = reads(tender.winner.subject)
    assert [(one.reader, one.project) for one in found] == [(BANK, PROJECT)] * 3
    assert found[0].grant == found[1].grant != found[2].grant
    assert found[0].time < found[1].time < found[2].time
    assert reads(tender.loser.subject) == []
    rows = tender.centre.store.everything().items()
    sealed = [value for key, value in rows if key.startswith(layout.AWARD_READ)]
    assert len(sealed) == 3
    assert not [one for one in sealed if BANK.encode() in one or PROJECT.encode() in one]


async def test_no_proof_leaves_that_is_not_noted(tender: Tender) -> None:
    await tender.award()
    grant = await tender.grant(tender.winner)

    def full(name: str) -> None:
        if name == "write":
            raise StoreError("full")

    tender.centre.store.before = full
    with pytest.raises(StoreError):
        tender.centre.services.awards.prove_to(BANK, grant, tender.winner.delegation)
    tender.centre.store.before = lambda _: None
    assert tender.centre.services.awards.reads_of(tender.winner.subject) == []


async def test_a_winner_that_is_erased_at_the_centre_leaves_no_fetch(tender: Tender) -> None:
    await tender.award()
    await tender.fetched(await tender.grant(tender.winner), tender.winner)
    now, owner = int(tender.world.clock.now()), tender.winner.subject
    line = ErasedLine(1, "00" * 32, now, owner, whole=True, parts=(), held={}, request="")
    transaction, centre = Transaction(tender.centre.store), tender.centre
    Traces(centre.store, centre.services.vault, centre.services.parking, centre.name).remove(
        transaction, line
    )
    transaction.commit()
    assert centre.services.awards.reads_of(tender.winner.subject) == []


async def test_a_lender_without_a_live_grant_is_told_the_same_as_if_there_were_nothing(
    tender: Tender,
) -> None:
    await tender.award()
    awards, delegation = tender.centre.services.awards, tender.winner.delegation
    elsewhere = await tender.grant(tender.winner, centre=tender.world.third.name)
    waiting = await tender.grant(tender.winner, live=False)
    live = await tender.grant(tender.winner)
    losers = await tender.grant(tender.loser)
    stolen = sign_award_grant(
        Scribe(tender.loser.key, tender.world.descriptor, tender.winner.subject),
        BANK,
        tender.centre.name,
        PROJECT,
        int(tender.world.clock.now()) + DAY,
    )
    relay = tender.loser.registered_at
    relay.sharing.relay(tender.loser.scribe.relay_terms(relay.name, terms_of(stolen)))
    await tender.world.settle()
    for caller, grant, shown in (
        (INSURER, live, delegation),
        (BANK, waiting, delegation),
        (BANK, elsewhere, delegation),
        (BANK, losers, tender.loser.delegation),
        (BANK, losers, delegation),
        (BANK, live, tender.loser.delegation),
        (BANK, stolen, delegation),
    ):
        with pytest.raises(GrantMissingError) as refused:
            awards.prove_to(caller, grant, shown)
        assert str(refused.value) == NOTHING
    with pytest.raises(RoleMissingError):
        awards.prove_to(tender.world.third.name, live, delegation)
    with pytest.raises(GrantScopeError):
        await tender.fetched(live, tender.winner, INSURER)
    assert await tender.centre.feed("award.read") == []


async def test_a_lender_sees_nothing_before_the_result_is_public(tender: Tender) -> None:
    await tender.award(status="pending")
    grant = await tender.grant(tender.winner)
    with pytest.raises(GrantMissingError, match=NOTHING):
        await tender.fetched(grant, tender.winner)


async def test_a_revoked_or_expired_grant_shows_a_lender_nothing(tender: Tender) -> None:
    await tender.award()
    revoked, short = await tender.grant(tender.winner), await tender.grant(tender.winner, days=1)
    assert await tender.fetched(revoked, tender.winner)
    relay, scribe = tender.winner.registered_at, tender.winner.scribe
    jti = open_award_grant(revoked).jti
    relay.sharing.revoke(scribe.revoke_terms(relay.name, terms_of(revoked), jti))
    await tender.world.settle()
    with pytest.raises(GrantRevokedError):
        await tender.fetched(revoked, tender.winner)
    assert await tender.fetched(short, tender.winner)
    tender.world.clock.advance(2 * DAY)
    await tender.world.settle()
    with pytest.raises(GrantExpiredError):
        await tender.fetched(short, tender.winner)


async def test_one_officer_alone_lets_no_lender_read_where_grants_are_reserved_for_two(
    tender: Tender,
) -> None:
    await tender.award()
    grant = await tender.grant(tender.winner)
    reserved = tender.winner.delegate(tender.winner.key, two_officers=["grant"])
    with pytest.raises(SecondOfficerMissingError):
        tender.centre.services.awards.prove_to(BANK, grant, reserved)
    assert tender.prove(tender.winner, delegation=reserved), "what it shows by itself is no grant"


async def test_an_award_grant_for_ever_or_altered_is_no_grant(tender: Tender) -> None:
    with pytest.raises(DocumentFormatError, match="93 days"):
        await tender.grant(tender.winner, days=94)
    header, payload, signature = (await tender.grant(tender.winner, live=False)).split(".")
    changed = from_base64url(payload).replace(BANK.encode(), INSURER.encode())
    with pytest.raises(SignatureError):
        open_award_grant(f"{header}.{to_base64url(changed)}.{signature}")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"status": "active"}, True),
        ({"status": "active", "date": "1970-01-02"}, True),
        ({"status": "active", "date": "1970-01-02T08:00:01+08:00"}, False),
        ({"status": "active", "date": "1970-01-03"}, False),
        ({"status": "active", "date": "2026年"}, True),
        ({"status": "Active"}, False),
        ({}, False),
    ],
)
def test_public_is_what_the_source_calls_active_and_dates_in_the_past(
    fields: dict[str, object], expected: bool
) -> None:
    assert is_public(AWARD, fields, DAY) is expected


def test_awards_that_come_in_as_ocds_name_their_winner(tmp_path: Path) -> None:
    write_sample(tmp_path, processes=2)
    read = read_ocds(tmp_path, source_system="etrading", summary=Summary())
    found = [one.draft for one in read if isinstance(one, Accepted)]
    for category, named in ((AWARD, True), (CONTRACT, False)):
        drafts = [one for one in found if one.category == category and "sample-0" in one.project]
        assert drafts
        for draft in drafts:
            fields = {name: to_json_value(value) for name, value in draft.fields.items()}
            assert bool(winners(fields)) is named
            assert all(check_credit_code(code) for code in winners(fields))
            assert is_public(category, fields, 4_000_000_000)
            assert not is_public(category, fields, 0)
