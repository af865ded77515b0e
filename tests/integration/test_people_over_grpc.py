"""Consents, disputes and notices over real gRPC and TLS, with the commands of company, person and operators."""

import asyncio
import json

import pytest

from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import personnel_document
from node.cli.main import main
from node.config import replace_file
from node.domain.grant import Scope
from node.errors import GrantMissingError, MissingError
from node.wallet.folder import DELEGATION_FILE, create_wallet
from tests.support.network import until
from tests.support.network_bidder import FIELDS, Bidder

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSPHRASE = b"correct horse battery staple"
PURPOSE = "registration-reuse"
PERSON = {
    **personnel_document(credit_code(1)).fields,
    "person_name": "示例人",
    "phone": "10000000000",
    "id_number": "110101199001010000",
    "job": "项目经理",
}


@pytest.fixture
def said(capsys):
    """What a command printed, as JSON; the command runs beside the network as another process would."""

    async def run(*arguments: str):
        code = await asyncio.to_thread(main, [*arguments, "--json"])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return json.loads(printed.out)

    return run


def wallet(network, tmp_path, name: str):
    """A fresh wallet in a folder: its key, and the arguments that name it."""
    (tmp_path / "p").write_bytes(PASSPHRASE)
    key = create_wallet(tmp_path / name, network.alliance_file.read_bytes(), "centre-a", PASSPHRASE)
    return key, ("--wallet", str(tmp_path / name), "--passphrase-file", str(tmp_path / "p"))


async def test_a_person_consents_withdraws_anywhere_and_the_reader_deletes(network, tmp_path, said):
    bidder, reader = Bidder(network, 401), network["centre-b"]
    bidder.key, company = wallet(network, tmp_path, "company")
    replace_file(tmp_path / "company" / DELEGATION_FILE, bidder.delegation().encode())
    person = wallet(network, tmp_path, "person")[1]
    key = (await said("wallet", "consent", "key", *person))["consent_key"]
    package = tmp_path / "package.json"
    base = {"category": "subject.base", "thing": "base", "fields": {"credit_code": bidder.code, **FIELDS}}
    staff = [
        {"category": "subject.personnel", "thing": name, "fields": {**PERSON, "consent_key": one}}
        for name, one in (("staff-1", key), ("staff-2", "ab" * 64))
    ]
    package.write_text(json.dumps([base, *staff]))
    subject = (await said("wallet", "register", *company, "--wait", str(package)))["subject"]
    # The reader asks, the company grants; nobody in the records has agreed yet.
    known = reader.services.projection
    await until(lambda: known.subject(bytes.fromhex(subject)) is not None)
    scope = [Scope("subject.personnel", ("id_number", "job", "person_name"))]
    digest = reader.services.reading.request(subject, "centre-a", scope, PURPOSE, 5, 86_400)
    await said("wallet", "requests", *company, "--wait")
    await said("wallet", "grant", *company, "1", "--yes")

    async def granted() -> None:
        [(_, own)] = [one for one in reader.services.reading.requests() if one[0] == digest]
        while not own.grant:
            await asyncio.sleep(0.05)
            [(_, own)] = [one for one in reader.services.reading.requests() if one[0] == digest]

    await asyncio.wait_for(granted(), 20)

    async def fetch():
        for _ in range(200):
            try:
                return await reader.services.reading.fetch(digest)
            except GrantMissingError as error:
                if "ledger" not in str(error):
                    raise
                await asyncio.sleep(0.05)
        raise AssertionError("the ledger never had the grant")

    with pytest.raises(GrantMissingError, match="no live grant covers"):
        await fetch()
    told = (
        "--subject", subject, "--receiver", "centre-b", "--receiver-name", "乙中心", "--contact", "000",
        "--purpose", PURPOSE, "--way", "核对", "--days", "30", "--yes",
    )  # fmt: skip
    why = ("--field", "id_number", "--necessity", "核对身份；泄露可致冒用")
    mine = (*person, *told, "--thing", "staff-1")
    first = await said("wallet", "consent", "give", *mine, "--field", "person_name")
    await said("wallet", "consent", "give", *mine, *why)
    (tmp_path / "scan.pdf").write_bytes(b"%PDF")
    paper = ("--evidence", "paper", "--file", str(tmp_path / "scan.pdf"), "--recorder", "人事部")
    theirs = (*company, *told, "--thing", "staff-2", *paper)
    recorded = await said("wallet", "consent", "record", *theirs, "--field", "person_name")
    listed = await said("wallet", "consent", "list", *company)
    assert [one["fields"] for one in listed["lacking"]] == ["id_number"]
    await said("wallet", "consent", "record", *theirs, *why)
    assert len((await fetch()).records) == 2
    # Withdrawn at a third member: the home stops at once, the reader deletes and signs.
    out = ("wallet", "consent", "withdraw", *person, "--subject", subject, first["consent"][:16])
    assert (await said(*out, "--relay", "centre-c"))["receipt"]
    with pytest.raises(GrantMissingError, match="no live grant covers"):
        await fetch()
    home = network["centre-a"].services.notices
    await until(lambda: all(one.outcome for _, one in home.of_subject(subject)), 30)
    with pytest.raises(MissingError):
        reader.services.reading.obtained(digest, 0)
    [notice] = await said("wallet", "holders", *company)
    assert (notice["member"], notice["outcome"]) == ("centre-b", "deleted")
    operator = ("--home", str(network["centre-a"].home))
    stopped = await said(
        "notice", "withdraw-consent", *operator, subject, recorded["consent"], "--reason", "来函"
    )
    assert stopped["receipt"]
    sent = [one for one in await said("notice", "list", *operator) if one["subject"] == subject]
    assert {one["about"] for one in sent} == {"consent-withdrawn"}


async def test_a_dispute_is_opened_answered_and_seen(network, tmp_path, said):
    bidder = Bidder(network, 402)
    bidder.key, company = wallet(network, tmp_path, "company")
    replace_file(tmp_path / "company" / DELEGATION_FILE, bidder.delegation().encode())
    package = tmp_path / "package.json"
    base = {"category": "subject.base", "thing": "base", "fields": {"credit_code": bidder.code, **FIELDS}}
    package.write_text(json.dumps([base]))
    subject = (await said("wallet", "register", *company, "--wait", str(package)))["subject"]
    what = ("--category", "subject.base", "--thing", "base", "--version", "1", "--field", "bank_account")
    identity = (await said("wallet", "dispute", "open", *company, *what, "--statement", "账号有误"))[
        "dispute"
    ]
    operator = ("--home", str(network["centre-a"].home))
    [waiting] = await said("notice", "disputes", *operator, subject)
    assert (waiting["dispute"], waiting["state"]) == (identity, "待答复 open")
    (tmp_path / "fix.json").write_text('{"bank_account": "42"}')
    fix = ("--outcome", "corrected", "--statement", "已更正", "--corrections", str(tmp_path / "fix.json"))
    assert (await said("notice", "settle", *operator, subject, identity, *fix))["answer"]
    [own] = await said("wallet", "dispute", "list", *company)
    assert (own["state"], own["answer"]) == ("corrected", "已更正")
    assert await said("notice", "remarks", "--home", str(network["centre-b"].home), subject) == []
    answered = await said("access", "acts", *operator)
    assert "dispute.settled" in json.dumps(answered)
