"""Commands as they are typed, against running nodes: files of banks without a node, proofs of awards."""

import asyncio
import json
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from node.cli.main import main
from tests.integration.test_awards_over_grpc import BANK, CENTRE, HOME, PROJECT
from tests.support.network import open_network
from tests.support.network_bidder import FIELDS
from tests.support.signed_files import sign_pdf
from tests.support.world_records import incoming
from tests.vectors.authority import Issued

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUER, BIDDER, OTHER = credit_code(71), credit_code(72), credit_code(73)


class Ended(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def told(self):
        """What it printed, as JSON."""
        return json.loads(self.out)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    async with open_network(tmp_path_factory.mktemp("network"), guarantors=(BANK,)) as running:
        yield running


@pytest.fixture
def heqi(capsys):
    """Runs a command in a thread, as another process would."""

    async def run(*words: object) -> Ended:
        code = await asyncio.to_thread(main, [str(word) for word in words])
        return Ended(code or 0, *capsys.readouterr())

    return run


@pytest.fixture(scope="module")
def bank_file(network, tmp_path_factory) -> Path:
    """A guarantee of a bank without a node, signed by its organisation."""
    made = trial_ca.issue(network.root, "虚构银行股份有限公司", ISSUER)
    file = tmp_path_factory.mktemp("bank") / "bank.pdf"
    file.write_bytes(sign_pdf(Issued(made.certificate, made.key)))
    return file


def presented(network, file: Path, section: str, **others: str) -> list[object]:
    """The words of `heqi guarantee take`."""
    said = {"number": "2026-77", "guarantor": ISSUER, "section": section, "bearer": BIDDER, **others}
    words = [word for name, value in said.items() for word in (f"--{name}", value)]
    return ["guarantee", "take", "--home", network[HOME].home, "--file", file, *words]


async def test_a_file_of_a_bank_without_a_node_is_taken_listed_and_found_when_it_comes_twice(
    network, heqi, bank_file
):
    first = await heqi(*presented(network, bank_file, "S-1"), "--json")
    assert (first.code, first.told["valid"], first.told["other_sections"]) == (0, True, [])
    assert first.told["on_ledger"] is False
    assert "虚构银行股份有限公司" in first.told["guarantor"]
    twice = await heqi(*presented(network, bank_file, "S-2"))
    assert twice.code == 1
    assert "S-1" in twice.out
    assert "NO row on the ledger" in twice.out
    listed = await heqi("guarantee", "taken", "--home", network[HOME].home, "--json")
    assert [(row["section"], row["valid"]) for row in listed.told] == [("S-1", True), ("S-2", True)]
    assert listed.told[0] == {name: first.told[name] for name in listed.told[0]}
    table = await heqi("guarantee", "taken", "--home", network[HOME].home)
    assert (table.code, table.out.count("2026-77")) == (0, 2)


async def test_what_does_not_count_is_told_by_the_exit_code_and_what_is_no_file_by_its_reason(
    network, heqi, bank_file, tmp_path
):
    altered = tmp_path / "altered.pdf"
    altered.write_bytes(bank_file.read_bytes().replace(b"12800000.00", b"92800000.00"))
    false = await heqi(*presented(network, altered, "S-3"), "--json")
    assert (false.code, false.told["valid"], bool(false.told["reason"])) == (1, False, True)
    anothers = await heqi(*presented(network, bank_file, "S-4", guarantor=OTHER), "--json")
    assert (anothers.code, anothers.told["valid"]) == (1, False)
    text = tmp_path / "no.pdf"
    text.write_text("no PDF")
    for words, reason in (
        (presented(network, text, "S-5"), "INVALID"),
        (presented(network, bank_file, "S-5", bearer="1"), "CODE_FORMAT"),
        (presented(network, tmp_path / "nowhere.pdf", "S-5"), "CONFIG"),
    ):
        refused = await heqi(*words)
        assert refused.code
        assert reason in refused.err
        assert "Traceback" not in refused.err


async def wallet_of(network, heqi, tmp_path: Path, number: int) -> list[object]:
    """A registered bidder's wallet; the words that open it."""
    code, folder, secret = credit_code(number), tmp_path / f"wallet-{number}", tmp_path / "passphrase"
    secret.write_text("a long enough passphrase\n")
    made = trial_ca.issue(network.root, f"虚构公司{number}", code)
    certificate, key, package = (tmp_path / f"{number}.{end}" for end in ("cert", "key", "json"))
    certificate.write_bytes(made.certificate_pem)
    key.write_bytes(made.key_pem)
    record = {"category": "subject.base", "thing": "base", "fields": {"credit_code": code, **FIELDS}}
    package.write_text(json.dumps([record], default=str))
    opened = ["--wallet", folder, "--passphrase-file", secret]
    alliance = ["--alliance", network.alliance_file, "--home-centre", HOME]
    for words in (
        ["init", *alliance],
        ["delegate", "--certificate", certificate, "--certificate-key", key],
        ["register", package, "--wait"],
    ):
        ended = await heqi("wallet", *words, *opened)
        assert ended.code == 0, ended.err
    return opened


async def test_an_award_by_commands_from_the_proof_to_the_last_fetch_that_its_winner_sees(
    network, heqi, tmp_path
):
    winner, code = await wallet_of(network, heqi, tmp_path, 83), credit_code(83)
    supplier = {"id": code, "identifier": {"scheme": "CN-USCC", "id": code}}
    fields = {"id": "A-1", "status": "active", "suppliers": (supplier,)}
    item = incoming(f"{PROJECT}/A-1", category="trade.award", fields=fields, project=PROJECT)
    assert network[CENTRE].services.records.append("awards", 1, [item]).parked == 0
    of_project = ["--centre", CENTRE, "--project", PROJECT]
    proof, papers, fetched = (tmp_path / name for name in ("award.heqi", "grant.json", "fetched.heqi"))

    shown = await heqi("wallet", "award", "show", *of_project, "--out", proof, "--wait", *winner, "--json")
    assert (shown.code, shown.told["bytes"]) == (0, proof.stat().st_size)
    checked = await heqi("verify", proof, "--alliance", network.alliance_file)
    assert checked.code == 0, checked.out + checked.err
    unknown, none = ["--centre", CENTRE, "--project", "another"], tmp_path / "no.heqi"
    others = await heqi("wallet", "award", "show", *unknown, "--out", none, *winner)
    assert others.code
    assert "GRANT_MISSING" in others.err
    assert not none.exists()

    lender = ["--lender", BANK, "--out", papers]
    given = await heqi("wallet", "award", "grant", *of_project, *lender, *winner, "--json")
    assert given.code == 0, given.err
    fetch = ["award", "fetch", "--home", network[BANK].home, papers, "--out", fetched]
    for _ in range(2):
        got = await heqi(*fetch, "--wait", "--json")
        assert (got.code, got.told["bytes"]) == (0, fetched.stat().st_size), got.err
    assert (await heqi("verify", fetched, "--alliance", network.alliance_file)).code == 0

    reads = ["wallet", "reads", *winner]
    seen = await heqi(*reads, "--at", CENTRE, "--json")
    assert [(row["reader"], row["project"], row["use"]) for row in seen.told] == [
        (BANK, PROJECT, 1),
        (BANK, PROJECT, 2),
    ]
    assert {row["award_grant"] for row in seen.told} == {given.told["grant"]}
    assert BANK in (await heqi(*reads, "--at", CENTRE)).out
    assert (await heqi(*reads, "--json")).told == [], "the home was not asked for anything"

    revoked = await heqi("wallet", "award", "revoke", papers, *winner, "--json")
    assert (revoked.code, revoked.told["revoked"]) == (0, given.told["grant"])
    fetched.unlink()
    while (refused := await heqi(*fetch)).code == 0:
        fetched.unlink()
        await asyncio.sleep(0.05)
    assert "GRANT_REVOKED" in refused.err
    assert not fetched.exists()
    (tmp_path / "false.json").write_text("{}")
    assert "DOCUMENT_FORMAT" in (await heqi(*fetch[:-3], tmp_path / "false.json", *fetch[-2:])).err
