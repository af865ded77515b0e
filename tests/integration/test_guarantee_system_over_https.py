"""A bank's node and its guarantee system as `heqi.toml` connects them, over TLS both ways."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.banks.posting import EnvelopePost
from adapters.banks.trial_system import TrialPusher, TrialSystem, trial_system_gateway
from adapters.crypto.leaves import LeafSource
from node.app import Node, _guarantee_system
from node.config import Config, parse_config
from node.domain.desk import Stage
from node.errors import BankUnavailableError
from node.wallet.keyfile import new_wallet_key
from node.wire.envelope import Es256Suite
from tests.ports.test_core_banking import self_signed
from tests.support.network import free_ports
from tests.support.world import World
from tests.support.world_desk import applied, cancel, row
from tests.support.world_guarantees import BANK, Tender

HEQI_TOML = """
name = "bank"
roles = ["GUARANTOR"]
[listen]
members = "127.0.0.1:1"
wallets = "127.0.0.1:2"
[ledger]
url = "unix:///nowhere.sock"
[guarantor.system]
url = "https://127.0.0.1:{calls}"
key = "{key}"
ca = "gateway.pem"
listen = "127.0.0.1:{pushes}"
certificate = "gateway.pem"
certificate_key = "gateway.pem"
"""


@dataclass
class Connected:
    """Both sides, running."""

    tender: Tender
    system: TrialSystem
    pusher: TrialPusher
    stranger: TrialPusher


@pytest.fixture
async def connected(tmp_path: Path) -> AsyncIterator[Connected]:
    with World(guarantors=[BANK]) as world:
        await world.settle()
        tender, system, key = Tender(world), TrialSystem(), new_wallet_key()
        bank = tender.bank
        keys: Any = bank.keys
        server, believes = self_signed(tmp_path)
        its_suite = Es256Suite(key.sign, bank.keys.identity.public_key)
        gateway = web.AppRunner(trial_system_gateway(system, its_suite))
        await gateway.setup()
        calls, pushes = free_ports(2)
        await web.TCPSite(gateway, "127.0.0.1", calls, ssl_context=server).start()
        text = HEQI_TOML.format(calls=calls, pushes=pushes, key=key.public_key.hex())
        config: Config = parse_config(text.encode(), "heqi.toml")
        clock: Any = world.clock
        bank.guarantee_system = port = _guarantee_system(tmp_path, config, keys, clock)
        assert port is not None
        bank.restart()
        leaves = LeafSource(bank.name, keys.identity, clock)
        node = Node(tmp_path, config, keys, bank.services, leaves)
        await node._listen_over_http()
        url = f"https://127.0.0.1:{pushes}"
        posts = [
            EnvelopePost(url, Es256Suite(one.sign, bank.keys.identity.public_key), clock, tls=believes)
            for one in (key, new_wallet_key())
        ]
        yield Connected(tender, system, *map(TrialPusher, posts))
        for post in posts:
            await post.close()
        assert node._pushes is not None
        await node._pushes.close()
        await port.close()
        await gateway.cleanup()


async def test_from_application_to_issue_over_tls(connected: Connected) -> None:
    tender, system, pusher = connected.tender, connected.system, connected.pusher
    bidder = await tender.bidder()
    application, cancelled = await applied(tender), await applied(tender, bidder)
    assert set(system.orders()) == {application, cancelled}
    with pytest.raises(BankUnavailableError, match="400"):
        await connected.stranger.push(system.refuse(application))
    for sent in (system.approve(application, "ZX-1"), system.file(application, "ZX-1")):
        assert (await pusher.push(sent)).code == "0000"
    assert row(tender, application).stage is Stage.ISSUED
    cancel(tender, bidder, cancelled)
    await tender.world.settle()
    assert ("withdraw", cancelled) in system.taken
    assert (await pusher.push(system.refuse(cancelled))).code == "0002"
