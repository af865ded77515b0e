"""The commands of a guarantee's steps against running nodes: claim, look, examine, and a kept step brought again."""

import argparse
import asyncio
import json
import time
from types import SimpleNamespace

import pytest
import pytest_asyncio

from node.cli import guarantee as desk
from node.cli import guarantee_says
from node.cli.main import _parser
from node.cli.wallet import guarantees as commands
from node.domain.document import peek_document
from node.domain.guarantee import Guarantee
from node.domain.guarantee_table import State
from node.errors import ConfigError, ConflictError, MissingError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import WalletFolder, WalletState
from tests.integration.test_guarantees_over_grpc import (
    BANK,
    CENTRE,
    assess,
    issue,
    new_case,
    operate,
)
from tests.support.network import open_network

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    async with open_network(tmp_path_factory.mktemp("network"), guarantors=(BANK,)) as running:
        yield running


async def reached(look, is_so):
    """What a look finds, once it is so."""
    deadline = time.monotonic() + 20
    while not is_so(found := await look()):
        assert time.monotonic() < deadline, f"waited in vain: {found}"
        await asyncio.sleep(0.05)
    return found


class Desk:
    """An operator's connection to the bank's node, without the node's folder."""

    def __init__(self, network) -> None:
        self._network, self._loop = network, asyncio.get_running_loop()
        self.guarantees = SimpleNamespace(
            **{name: name for name in ("StepGuarantee", "GetGuaranteeLife", "ListClaims")}
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def call(self, method, request):
        work = operate(self._network, BANK, method, request)
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)


def parsed(*words: str) -> argparse.Namespace:
    return _parser(words[0]).parse_args(words)


async def test_a_claim_by_commands(network, tmp_path, monkeypatch, capsys):
    case = await new_case(network, 61)
    await assess(network, case.application)
    raw_id = await issue(network, case, "BH-61")
    file = tmp_path / "guarantee.jwt"
    file.write_text((await case.told())[2] + "\n")
    kept, proof = tmp_path / "claim.json", tmp_path / "transfer.pdf"
    proof.write_bytes(b"a transfer")
    wallet = WalletFolder(tmp_path, WalletState(CENTRE, ""), network.descriptor)
    scribe = Scribe(case.beneficiary, network.descriptor, "")
    opened = lambda _: (wallet, scribe, WalletClient(network[CENTRE].member))  # noqa: E731
    monkeypatch.setattr(commands, "open_session", opened)
    station = Desk(network)
    monkeypatch.setattr(desk, "OperatorClient", lambda *_, **__: station)

    async def run(*words: str) -> str:
        args = parsed(*words)
        await asyncio.to_thread(args.run, args)
        return capsys.readouterr().out

    def bank(command: str, *words: str):
        return run("guarantee", command, *words, "--home", str(tmp_path))

    def buyer(command: str, *words: str):
        return run("wallet", command, *words, "--wallet", str(tmp_path))

    async def state() -> str:
        try:
            return json.loads(await buyer("life", str(file), "--json"))["state"]
        except MissingError as error:
            return error.reason  # the bank's node has not seen the block yet

    await reached(state, lambda found: found == "ISSUED")
    with pytest.raises(ConfigError, match="--payee"):
        await buyer("step", str(file), "claim", "--amount", "80000.00", "--breach", "withdrawn")
    with pytest.raises(ConflictError):
        await buyer("step", str(file), "withdraw", "--reason", "nothing was claimed")
    claim = ("claim", "--amount", "80000.00", "--breach", "withdrawn", "--payee", "6222", "--keep", str(kept))
    assert CENTRE in await buyer("step", str(file), *claim)
    await reached(state, lambda found: found == "CLAIMED")
    with pytest.raises(ConflictError):
        await buyer("step-again", str(file), str(kept), "--at", BANK)

    async def claims():
        return json.loads(await bank("claims", "--json"))

    [row] = await reached(claims, lambda rows: rows[0]["claimed"] == "80000.00")
    assert (row["guarantee"], row["working_days_left"]) == (raw_id, 5)
    for words, after in (
        (("find-complying", "--reason", "in order"), "COMPLYING"),
        (("pay", "--amount", "80000.00", "--proof", str(proof)), "CLOSED"),
    ):
        assert "signed" in await bank("step", raw_id, *words)
        await reached(state, lambda found, after=after: found == after)
    shown = await bank("life", raw_id)
    assert "已结清" in shown
    assert guarantee_says.word(guarantee_says.Event.FIND_COMPLYING) in shown
    assert peek_document(file.read_text().strip(), Guarantee).number == "BH-61"


async def test_a_guarantee_that_has_moved_is_released_by_command(network, tmp_path, monkeypatch, capsys):
    case = await new_case(network, 62)
    await assess(network, case.application)
    raw_id = bytes.fromhex(await issue(network, case, "BH-62"))
    file, paper = tmp_path / "guarantee.jwt", tmp_path / "reduction.pdf"
    file.write_text((await case.told())[2] + "\n")
    paper.write_bytes(b"less is needed")
    wallet = WalletFolder(tmp_path, WalletState(CENTRE, ""), network.descriptor)
    scribe = Scribe(case.beneficiary, network.descriptor, "")
    opened = lambda _: (wallet, scribe, WalletClient(network[CENTRE].member))  # noqa: E731
    monkeypatch.setattr(commands, "open_session", opened)

    async def buyer(command: str, *words: str) -> str:
        args = parsed("wallet", command, str(file), *words, "--wallet", str(tmp_path))
        await asyncio.to_thread(args.run, args)
        return capsys.readouterr().out

    async def sequence() -> int:
        rows = [network[name].services.projection.guarantee(raw_id) for name in (BANK, CENTRE)]
        return min(0 if row is None else row.sequence for row in rows)

    await reached(sequence, lambda found: found == 1)
    await buyer("step", "reduce", "--amount", "20000.00", "--proof", str(paper))
    await reached(sequence, lambda found: found == 2)
    assert "已解保" in await buyer("release", "--reason", "the tender is over")
    await reached(sequence, lambda found: found == 3)
    assert network[BANK].services.projection.guarantee(raw_id).state == State.RELEASED
