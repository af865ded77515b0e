"""What people see and decide of the orders at a bank's guarantee system; and how such a system is configured."""

import argparse
import asyncio
import inspect
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from adapters.banks.trial_system import PDF, TrialSystem
from adapters.crypto.keys import memory_keys
from node.api.desk_service import DeskService
from node.app import _guarantee_system, _push_server
from node.cli import guarantee_desk, guarantee_system
from node.cli.main import _parser
from node.config import SystemConfig, parse_config
from node.doctor import FolderProbe
from node.errors import ConfigError, MissingError
from node.wire.bank_manual import read_push
from tests.ports.test_core_banking import self_signed
from tests.support.world import World
from tests.support.world_desk import applied
from tests.support.world_guarantees import BANK, Tender


class Station:
    """An operator's connection to the bank's node, in this process."""

    def __init__(self, tender: Tender) -> None:
        s = tender.bank.services
        service = DeskService(
            s.guarantor, s.desk, s.rules, s.line_desk, s.bank_orders, s.claim_payments, s.system_desk
        )
        names = [name for name, _ in inspect.getmembers(service, inspect.ismethod) if name[0].isupper()]
        self.desk = SimpleNamespace(**{name: getattr(service, name) for name in names})
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, method: Any, request: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(method(request, None), self._loop).result(20)

    def stream(self, method: Any, request: Any) -> list[Any]:
        async def everything() -> list[Any]:
            return [part async for part in method(request, None)]

        return asyncio.run_coroutine_threadsafe(everything(), self._loop).result(20)


@pytest.fixture
async def tender() -> AsyncIterator[Tender]:
    with World(guarantors=[BANK]) as world:
        await world.settle()
        tender = Tender(world)
        tender.bank.guarantee_system = TrialSystem()
        tender.bank.restart()
        yield tender


async def test_orders_are_seen_tried_again_given_up_and_their_file_fetched(
    tender: Tender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    system = tender.bank.guarantee_system
    assert isinstance(system, TrialSystem)
    station = Station(tender)
    for module in (guarantee_system, guarantee_desk):
        monkeypatch.setattr(module, "OperatorClient", lambda *_, **__: station)

    async def run(*words: str) -> str:
        args: argparse.Namespace = _parser("guarantee").parse_args(["guarantee", *words, "--home", "."])
        await asyncio.to_thread(args.run, args)
        return capsys.readouterr().out

    system.refusing["apply"] = "渠道未开通"
    application = await applied(tender)
    assert "渠道未开通" in await run("system", "list")
    [row] = json.loads(await run("system", "list", "--json"))
    assert (row["state"], row["calls"][0]["state"]) == ("sent", "parked")
    del system.refusing["apply"]
    await run("system", "retry", application)
    await tender.world.settle()
    with pytest.raises(MissingError):
        await run("system", "drop", application)
    with pytest.raises(MissingError):
        await run("system", "file", application, "--out", str(tmp_path / "no.pdf"))
    take = tender.bank.services.system_desk.take
    take(read_push(*system.approve(application, "ZX-1")))
    assert "已通过" in await run("show", application)
    take(read_push(*system.file(application, "ZX-1")))
    shown = json.loads(await run("show", application, "--json"))
    assert (shown["state"], shown["system"]["number"]) == ("issued", "ZX-1")
    assert shown["system"]["file_sha256"] == sha256(PDF).hexdigest()
    await run("system", "file", application, "--out", str(tmp_path / "bank.pdf"))
    assert (tmp_path / "bank.pdf").read_bytes() == PDF
    assert json.loads(await run("system", "list", "--json")) == []


KEY = "ab" * 64
BASE = b'name = "bank"\nroles = ["GUARANTOR"]\n[listen]\nmembers = "h:1"\nwallets = "h:2"\n[ledger]\nurl = "unix:///x"\n'
GOOD = f'url = "https://bank.example:8443"\nkey = "{KEY}"\nlisten = "127.0.0.1:8446"\n'
WRONG = {
    'url = "https://bank.example"\n': "together",
    GOOD.replace("https://bank", "http://bank"): "https",
    GOOD.replace(KEY, "ab"): "128",
    GOOD.replace("127.0.0.1:8446", "8446"): "host:port",
    GOOD.replace("127.0.0.1:8446", "0.0.0.0:8446"): "certificate",
    GOOD + 'certificate = "a.pem"\n': "together",
    GOOD + "timeout_seconds = 0\n": "0.1 to 120",
    GOOD + 'channel = "\\u0007"\n': "printable",
    'channel = "C01"\n': "needs url",
    GOOD + "unknown = 1\n": "unknown",
}


def configured(text: str) -> Any:
    return parse_config(BASE + b"[guarantor.system]\n" + text.encode(), "heqi.toml")


def test_a_wrong_configuration_is_named() -> None:
    for text, problem in WRONG.items():
        with pytest.raises(ConfigError, match=problem):
            configured(text)
    assert configured("").guarantor.system.url == ""


async def test_a_node_listens_for_its_system_under_its_own_certificate(tmp_path: Path) -> None:
    self_signed(tmp_path)
    keys: Any = memory_keys()
    services: Any = SimpleNamespace(system_desk=None, gate=None)
    more = 'certificate = "gateway.pem"\ncertificate_key = "gateway.pem"\nca = "gateway.pem"\n'
    config = configured(GOOD.replace("8446", "0") + more)
    server = _push_server(tmp_path, config, keys, services)
    assert server is not None
    assert await server.listen(config.guarantor.system.listen)
    await server.close()
    assert _guarantee_system(tmp_path, config, keys, SimpleNamespace()) is not None
    assert _push_server(tmp_path, configured(""), keys, services) is None
    assert _guarantee_system(tmp_path, configured(""), keys, SimpleNamespace()) is None
    for name, make in (
        ("certificate", lambda c: _push_server(tmp_path, c, keys, services)),
        ("ca", lambda c: _guarantee_system(tmp_path, c, keys, SimpleNamespace())),
    ):
        wrong = more.replace(f'{name} = "gateway.pem"', f'{name} = "nothing.pem"', 1)
        with pytest.raises(ConfigError, match=rf"guarantor\.system\.{name}"):
            make(configured(GOOD + wrong))


def test_the_doctor_looks_at_the_listeners_key_and_certificate(tmp_path: Path) -> None:
    self_signed(tmp_path)
    (tmp_path / "gateway.pem").chmod(0o644)
    about = SystemConfig(certificate="gateway.pem", certificate_key="gateway.pem")
    probe = FolderProbe(tmp_path, None, memory_keys, about)
    [key] = [file for file in probe.files() if file.path.endswith("gateway.pem")]
    assert (key.is_secret, key.mode & 0o077) == (True, 0o44)
    assert [end.name for end in probe.expiries()] == ["guarantor.system.certificate gateway.pem"]
