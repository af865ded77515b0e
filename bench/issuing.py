"""From application to issue by instant rules, a line drawn on: CPU of all nodes and of the wallet, in one process.

Over real connections between wallet, the tender's centre, the bank and the home; the ledger is the memory one, sealed
as it comes. What the same nodes take while nobody applies is measured before, for as long, and taken off.
"""

import asyncio
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from node.domain.desk import Stage
from node.wallet.guarantees import PURPOSE, GuaranteeScribe, Terms, needed_with
from node.wallet.keyfile import new_wallet_key
from tests.support.network import Network, open_network
from tests.support.network_bidder import Bidder, settled
from tests.support.world_desk import WIDE, source

HOME, CENTRE, BANK = "centre-a", "centre-b", "bank-d"
APPLICATIONS = 30
_DAY = 86_400
_LINE = '[[rules]]\nid = "line"\ncheck = "line"\nzh = "额度"\nen = "line"\n'
_MOST_SECONDS = 30.0


def measure() -> dict[str, float]:
    """Milliseconds of CPU: from application to issue, the same on the bank's side alone, and what idling took."""

    async def run(folder: Path) -> dict[str, float]:
        async with open_network(folder, (HOME, CENTRE), guarantors=(BANK,)) as network:
            return await _measure(network)

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder)))


async def _measure(network: Network) -> dict[str, float]:
    bidder, bank = Bidder(network, 91), network[BANK]
    await bidder.register(HOME)
    await settled(bidder)
    bank.rules = source(more=_LINE)
    bank.services.rules.load()
    until = int(time.time()) + 300 * _DAY
    bank.services.lines.grant(bidder.subject, "CNY", Decimal(100_000_000), until)
    beneficiary = new_wallet_key()
    await _apply(bidder, beneficiary.beneficiary_key("0").public_key.hex(), "warm")
    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(3.0)
    idle = (time.process_time() - cpu) / (time.perf_counter() - start)
    gross, net = [], []
    for number in range(APPLICATIONS):
        key = beneficiary.beneficiary_key(str(number)).public_key.hex()
        start, cpu = time.perf_counter(), time.process_time()
        await _apply(bidder, key, f"GC-2026-{number}")
        spent, took = time.process_time() - cpu, time.perf_counter() - start
        gross.append(spent)
        net.append(spent - idle * took)
    return {
        "application to issue": statistics.median(net) * 1000,
        "with what idling takes meanwhile": statistics.median(gross) * 1000,
        "idling, a second": idle * 1000,
    }


async def _apply(bidder: Bidder, beneficiary_key: str, section: str) -> None:
    writer, now = GuaranteeScribe(bidder.scribe), int(time.time())
    asked = writer.ask_code(CENTRE, section, bidder.delegation())
    code = await bidder.at(CENTRE, "application_code", asked)
    scope = needed_with(WIDE)
    grant = bidder.scribe.grant_unasked(BANK, HOME, scope, PURPOSE, uses=3, expires=now + 30 * _DAY)
    await bidder.at(HOME, "give_grant", bidder.scribe.give(HOME, grant))
    terms = Terms(
        beneficiary_name="虚构区住房和城乡建设局",
        beneficiary_key=beneficiary_key,
        section=section,
        guarantee_kind="bid",
        amount="80000.00",
        currency="CNY",
        nbf=now,
        exp=now + 90 * _DAY,
    )
    application = await bidder.at(BANK, "apply", writer.apply(BANK, code, grant, terms))
    guarantor, deadline = bidder.network[BANK].services.guarantor, time.monotonic() + _MOST_SECONDS
    while guarantor.load(application).stage is not Stage.ISSUED:
        row = guarantor.load(application)
        assert not row.problem, row.problem
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.02)
