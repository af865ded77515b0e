"""Lines are granted on authorised data, told to their owners alone, and prove themselves to anybody."""

import argparse
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from node.cli import guarantee_line
from node.cli.guarantee_rules import check as check_rules
from node.domain.descriptor import AllianceFile, sign_descriptor
from node.domain.document import peek_document
from node.domain.line_statement import LineStatement, check_newer
from node.errors import (
    GrantRevokedError,
    LineHistoryError,
    MissingError,
    RoleMissingError,
    RulesFormatError,
    UnknownCallerError,
)
from node.wallet.folder import WalletFolder, WalletState
from node.wallet.guarantees import GuaranteeScribe
from node.wallet.lines import keep_statement
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_desk import RULES, applied, grant_line, row
from tests.support.world_guarantees import BANK, Tender


@pytest.fixture
async def bidder(tender: Tender) -> Bidder:
    """A registered company."""
    return await tender.bidder()


def statement(tender: Tender, bidder: Bidder) -> str:
    """As the wallet asks for it."""
    return tender.bank.services.line_desk.statement(GuaranteeScribe(bidder.scribe).ask_line(tender.bank.name))


async def test_a_line_is_granted_on_what_was_read_to_whom_it_is_about(tender: Tender, bidder: Bidder) -> None:
    desk, until = tender.bank.services.line_desk, int(tender.world.clock.now()) + DAY
    application = await applied(tender, bidder)
    with pytest.raises(MissingError):
        desk.grant(application, "CNY", Decimal(100), until)
    await tender.bank.services.guarantor.assess(application)
    assert desk.grant(application, "CNY", Decimal(100), until).subject == bidder.subject
    read = row(tender, application).read
    assert desk.grant(read, "CNY", Decimal(200), until).number == 2
    with pytest.raises(MissingError):
        desk.grant("ab" * 32, "CNY", Decimal(100), until)
    with pytest.raises(RoleMissingError):
        tender.centre.services.line_desk.grant(read, "CNY", Decimal(100), until)


async def test_no_line_is_granted_on_data_whose_owner_took_its_grant_back(
    tender: Tender, bidder: Bidder
) -> None:
    grant = tender.grant(bidder)
    tender.world.give(bidder, grant)
    application = tender.apply(bidder, grant=grant)
    await tender.world.settle()
    await tender.bank.services.guarantor.assess(application)
    tender.world.revoke(bidder, grant)
    await tender.world.settle()
    with pytest.raises(GrantRevokedError):
        tender.bank.services.line_desk.grant(
            application, "CNY", Decimal(100), int(tender.world.clock.now()) + DAY
        )


async def test_the_owner_sees_its_line_signed_and_nobody_else(tender: Tender, bidder: Bidder) -> None:
    other = await tender.bidder()
    assert statement(tender, bidder) == ""
    grant_line(tender, bidder)
    await tender.issued(bidder)
    writer, bank = GuaranteeScribe(bidder.scribe), tender.world.member(BANK)
    told = writer.open_line(statement(tender, bidder), bank)
    found = tender.bank.services.lines.show(bidder.subject)
    assert (told.limit, told.used, told.number, told.entry) == ("200000", "80000", 2, found.entry)
    assert statement(tender, other) == ""
    own, bidder.subject = bidder.subject, other.subject
    with pytest.raises(UnknownCallerError):
        statement(tender, bidder)
    bidder.subject = own


async def test_an_answer_is_as_long_whatever_others_have(tender: Tender, bidder: Bidder) -> None:
    other = await tender.bidder()
    grant_line(tender, bidder)
    before = len(statement(tender, bidder))
    for limit in ("1", "999999999999"):
        grant_line(tender, other, limit)
        assert len(statement(tender, bidder)) == before


async def test_a_wallet_finds_an_old_or_a_forked_state(
    tender: Tender, bidder: Bidder, tmp_path: Path
) -> None:
    wallet = WalletFolder(tmp_path, WalletState("hangzhou"), tender.world.descriptor)
    tokens = []
    for limit in ("1000", "2000"):
        grant_line(tender, bidder, limit)
        tokens.append(statement(tender, bidder))
    old, new = (peek_document(token, LineStatement) for token in tokens)
    for token in (*tokens, tokens[1]):
        keep_statement(wallet, token, peek_document(token, LineStatement))
    with pytest.raises(LineHistoryError, match="state 1, after it has shown 2"):
        keep_statement(wallet, tokens[0], old)
    kept = sorted(path.name for path in (tmp_path / "lines").iterdir())
    assert kept == ["bank.contradicting.jwt", "bank.jwt"]
    assert (tmp_path / "lines/bank.jwt").read_text() == tokens[1]
    with pytest.raises(LineHistoryError, match="two different states"):
        check_newer(new, msgspec.structs.replace(new, entry="00" * 32))
    with pytest.raises(LineHistoryError, match="another line"):
        check_newer(old, msgspec.structs.replace(new, line="00" * 16))


# -- the file ------------------------------------------------------------------------------------------------


@pytest.fixture
async def proven(tmp_path: Path) -> AsyncIterator[tuple[Tender, Bidder, argparse.Namespace]]:
    """A line's history as a file, and what `heqi guarantee line verify` is called with."""
    with World(("anqing", "anshun", "anyang"), guarantors=[BANK], batch_size=32) as world:
        await world.settle()
        tender = Tender(world)
        bidder = await tender.bidder()
        grant_line(tender, bidder)
        await tender.in_force(bidder=bidder)
        file, alliance = tmp_path / "line.heqi", tmp_path / "alliance.json"
        file.write_bytes(b"".join(tender.bank.services.line_desk.prove(bidder.subject)))
        descriptor, now = world.descriptor, int(world.clock.now())
        signatures = {
            one.name: sign_descriptor(descriptor, one.name, one.keys.identity.sign, iat=now, jti="A" * 22)
            for one in world.centres.values()
        }
        alliance.write_bytes(msgspec.json.encode(AllianceFile(descriptor, signatures)))
        arguments = argparse.Namespace(
            file=file, alliance=alliance, card=[], definition=[], trust=None, gaps=None, json=True
        )
        yield tender, bidder, arguments


async def test_anybody_checks_a_lines_history_offline(
    proven: tuple[Tender, Bidder, argparse.Namespace], capsys: pytest.CaptureFixture[str]
) -> None:
    tender, bidder, arguments = proven
    guarantee_line.verify(arguments)
    told, found = (
        msgspec.json.decode(capsys.readouterr().out),
        tender.bank.services.lines.show(bidder.subject),
    )
    assert (told["entry"], told["states"], told["used"]) == (found.entry, 2, "80000")
    arguments.json = False
    guarantee_line.verify(arguments)
    assert "变动完整" in capsys.readouterr().out


async def test_a_history_that_begins_late_is_refused(
    proven: tuple[Tender, Bidder, argparse.Namespace],
) -> None:
    tender, bidder, arguments = proven
    services = tender.bank.services
    [_, last] = services.lines.positions(services.lines.show(bidder.subject).line)
    arguments.file.write_bytes(b"".join(services.proving.case("cut", [services.proving.own_bundle(last)])))
    with pytest.raises(LineHistoryError, match="stands where 1"):
        guarantee_line.verify(arguments)


async def test_who_has_no_line_has_no_history(tender: Tender, bidder: Bidder) -> None:
    with pytest.raises(MissingError):
        tender.bank.services.line_desk.prove(bidder.subject)


def test_a_rules_file_is_checked_without_a_node(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.toml"
    file.write_text(RULES.format(outcome="issue"))
    arguments = argparse.Namespace(file=file, application="", home=None, json=False)
    check_rules(arguments)
    assert "rules_sha256" in capsys.readouterr().out
    file.write_text("type = 1")
    with pytest.raises(RulesFormatError):
        check_rules(arguments)
