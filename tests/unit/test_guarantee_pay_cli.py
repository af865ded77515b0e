"""What a bank's clerk sees of a payment: what waits, whom it goes to, the release, and how it ended."""

import argparse
import asyncio
import json
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import pytest

from node.api.desk_service import DeskService
from node.cli import guarantee_pay
from node.cli.main import _parser
from node.errors import ConfigError, ConflictError, InvalidError
from tests.support.world import World
from tests.support.world_claims import ACCOUNT, ClaimCase
from tests.support.world_guarantees import BANK, Tender


class Desk:
    """An operator's connection to the bank's node in this process."""

    def __init__(self, case: ClaimCase, loop: asyncio.AbstractEventLoop) -> None:
        s = case.tender.bank.services
        self.desk = DeskService(
            s.guarantor, s.desk, s.rules, s.line_desk, s.bank_orders, s.claim_payments, s.system_desk
        )
        self._loop = loop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def call(self, method: Any, request: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(method(request, None), self._loop).result(20)


@pytest.fixture
async def case(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClaimCase]:
    """A claim that complies, at a bank that pays by its core system."""
    with World(guarantors=[BANK]) as world:
        await world.settle()
        case = await ClaimCase.begin(Tender(world))
        await case.complying()
        loop = asyncio.get_running_loop()
        monkeypatch.setattr(guarantee_pay, "OperatorClient", lambda _: Desk(case, loop))
        yield case


async def run(*words: str) -> None:
    args: argparse.Namespace = _parser("guarantee").parse_args(
        ["guarantee", "pay", "--home", "bank-x", *words]
    )
    await asyncio.to_thread(args.run, args)


async def test_a_clerk_looks_releases_what_was_shown_and_sees_it_paid(
    case: ClaimCase, capsys: pytest.CaptureFixture[str]
) -> None:
    named = case.issued.id
    await run()
    listed = capsys.readouterr().out
    assert "待放款 due" in listed
    assert ACCOUNT in listed
    await run(named)
    shown = capsys.readouterr().out
    command = f"heqi guarantee pay --home bank-x {named} --amount 80000 --account '{ACCOUNT}'"
    assert command in shown, "what the clerk has checked is what is released"
    for wrong in (("--amount", "8000", "--account", ACCOUNT), ("--amount", "80000", "--account", "6222")):
        with pytest.raises(ConflictError, match="look at the claim"):
            await run(named, *wrong)
    await run(named, "--amount", "80000", "--account", ACCOUNT)
    assert "已放款 80000 CNY" in capsys.readouterr().out
    await run(named, "--json")
    one = json.loads(capsys.readouterr().out)
    assert (one["state"], one["order_state"]) == ("ordered", "open")
    await case.settle()
    await run("--json")
    assert json.loads(capsys.readouterr().out) == []
    with pytest.raises(ConflictError, match="no payment is due"):
        await run(named)
    with pytest.raises(ConflictError):
        await run(named, "--close")


async def test_half_a_release_is_none(case: ClaimCase) -> None:
    named = case.issued.id
    for words in (
        (named, "--amount", "80000"),
        (named, "--account", ACCOUNT),
        ("--amount", "80000", "--account", ACCOUNT),
        ("--close",),
        (named, "--close", "--amount", "80000", "--account", ACCOUNT),
    ):
        with pytest.raises(ConfigError):
            await run(*words)
    for amount in ("-80000", "8e4", "NaN"):
        with pytest.raises(InvalidError):
            await run(named, f"--amount={amount}", "--account", ACCOUNT)
    assert case.listed() == ["due"]
