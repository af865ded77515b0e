"""What is owed, and its release, by the real commands over real gRPC: the centre tells, the beneficiary signs."""

import asyncio
import json
import time
from datetime import datetime

import pytest
import pytest_asyncio

from node.cli.main import main
from node.domain.section import CHINA
from node.errors import GrantMissingError
from node.wallet.folder import create_wallet
from node.wallet.guarantees import NEEDED_SCOPE, PURPOSE, GuaranteeScribe, Terms
from tests.support.network import open_network, until
from tests.support.network_bidder import Bidder, settled
from tests.support.world_sections import SECTION, SectionRecords

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME, CENTRE, BANK = "centre-a", "centre-b", "bank-d"
DAY, PASSPHRASE = 86_400, b"of a trial wallet"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("network")
    async with open_network(folder, names=(HOME, CENTRE), guarantors=(BANK,)) as running:
        yield running


async def issue(network, number, beneficiary) -> tuple[str, str]:
    """A bid guarantee in force; its id and file."""
    bidder, now = Bidder(network, number), int(time.time())
    await bidder.register(HOME)
    await settled(bidder)
    writer, scribe = GuaranteeScribe(bidder.scribe), bidder.scribe
    grant = scribe.grant_unasked(BANK, HOME, NEEDED_SCOPE, PURPOSE, uses=3, expires=now + 30 * DAY)
    await bidder.at(HOME, "give_grant", scribe.give(HOME, grant))
    asked = writer.ask_code(CENTRE, SECTION, bidder.delegation())
    code = await bidder.at(CENTRE, "application_code", asked)
    terms = Terms(
        beneficiary_name="虚构区住房和城乡建设局",
        beneficiary_key=beneficiary.beneficiary_key(SECTION).public_key.hex(),
        section=SECTION,
        guarantee_kind="bid",
        amount="80000.00",
        currency="CNY",
        nbf=now,
        exp=now + 90 * DAY,
    )
    application = await bidder.at(BANK, "apply", writer.apply(BANK, code, grant, terms))
    bank = network[BANK].services
    deadline = time.monotonic() + 10
    while True:
        try:
            await bank.guarantor.assess(application)
            break
        except GrantMissingError:  # the ledger does not have the grant yet
            assert time.monotonic() < deadline, "waited in vain"
            await asyncio.sleep(0.05)
    guarantee = bank.guarantor.issue(application, f"BH-{number}")
    raw_id = bytes.fromhex(guarantee)
    await until(lambda: network[CENTRE].services.projection.guarantee(raw_id) is not None)
    return guarantee, bank.guarantor.load(application).guarantee


async def command(capsys, *arguments: object) -> tuple[int, object]:
    """Exit code and output of a command."""
    capsys.readouterr()
    code = await asyncio.to_thread(main, [str(argument) for argument in arguments])
    out = capsys.readouterr().out
    return code, json.loads(out) if out.startswith(("[", "{")) else out


async def test_from_the_batch_check_to_the_signed_releases(network, tmp_path, capsys):
    centre, wallet = network[CENTRE], tmp_path / "buyer"
    beneficiary = create_wallet(wallet, network.alliance_file.read_bytes(), CENTRE, PASSPHRASE)
    secret, files = tmp_path / "passphrase", tmp_path / "bids"
    secret.write_bytes(PASSPHRASE)
    files.mkdir()
    issued = [await issue(network, number, beneficiary) for number in (61, 62)]
    for number, (_, file) in enumerate(issued):
        (files / f"{number}.jwt").write_text(file)
    (files / "x.jwt").write_text("nonsense")
    home = ("--home", centre.home, "--json")
    code, told = await command(capsys, "guarantee", "check", "--batch", files, "--section", SECTION, *home)
    assert (code, told["count"], told["valid"], told["faulty"]) == (1, 3, 2, 1)
    (files / "x.jwt").unlink()
    code, told = await command(capsys, "guarantee", "check", "--batch", files, "--section", SECTION, *home)
    assert (code, told["faulty"], told["has_bidders"]) == (0, 0, False)

    assert await command(capsys, "obligation", "list", *home) == (0, [])
    records = SectionRecords(centre)
    records.opened(time.time() - 60)
    records.contracted("91310000132269406T", "中标公司", str(datetime.now(CHINA).date()))
    code, owed = await command(capsys, "obligation", "list", "--section", SECTION, *home)
    assert (code, [one["state"] for one in owed]) == (0, ["due", "due"])
    assert sorted(one["guarantee"] for one in owed) == sorted(guarantee for guarantee, _ in issued)
    assert await command(capsys, "obligation", "list", "--late", *home) == (0, [])

    with_wallet = ("--wallet", wallet, "--passphrase-file", secret)
    asking = ("wallet", "releases", "--section", SECTION, *with_wallet, "--json")
    code, waits = await command(capsys, *asking)
    assert (code, [one["objection"] for one in waits]) == (0, ["", ""])
    rules = tmp_path / "rules.toml"
    rules.write_text(
        f'centre = "{CENTRE}"\n[[section]]\nsection = "{SECTION}"\nobligations = ["bid-return"]\n'
        'most_amount = "80000"\nmost_releases = 1\n'
    )
    agent = ("beneficiary", "run", "--once", "--rules", rules, *with_wallet)
    code, said = await command(capsys, *agent)
    assert (code, said.count("已解保"), said.count("留待人工")) == (1, 1, 1)
    code, signed = await command(capsys, *asking, "--sign", "--yes")
    assert (code, [one["released"] for one in signed]) == (0, [True])
    for guarantee, _ in issued:
        row = bytes.fromhex(guarantee)
        await until(lambda row=row: centre.services.projection.guarantee(row).sequence == 2)
    assert (await command(capsys, *asking)) == (0, [])
    code, owed = await command(capsys, "obligation", "list", "--section", SECTION, *home)
    assert [one["state"] for one in owed] == ["done", "done"]
    assert all(one["proof"]["says"] == "RELEASED" for one in owed)
