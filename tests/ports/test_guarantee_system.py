"""What every guarantee system behind the port must do; and what the node's listener for its pushes refuses."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from adapters.banks.https_system import HttpsGuaranteeSystem
from adapters.banks.posting import EnvelopePost
from adapters.banks.trial_system import ADDRESS, TrialPusher, TrialSystem, trial_system_gateway
from node.api.limits import PublicLimit
from node.api.system_pushes import PushServer
from node.config import LimitsConfig
from node.domain.desk import Stage
from node.domain.guarantee_system import (
    Applied,
    Opened,
    SurrenderAsked,
    SystemCall,
    Withdrawn,
    check_answer,
)
from node.errors import BankAnswerError, BankUnavailableError, UnavailableError
from node.ports import Clock, GuaranteeSystem
from node.wallet.keyfile import new_wallet_key
from node.wire.bank_manual import RESULT_PATH, SURRENDER_PATH, Acknowledged
from node.wire.envelope import Es256Suite, open_envelope, seal, stamp_of
from tests.ports.test_core_banking import self_signed
from tests.support.world import World
from tests.support.world_desk import applied, row
from tests.support.world_guarantees import BANK, Tender

ORDER = "ab" * 32
APPLY = SystemCall(
    ORDER,
    0,
    Applied(
        is_sealed=False,
        centre="nanjing",
        section="A04-999999-00000001-001-001",
        creditor="虚构区住房和城乡建设局",
        applicant_name="虚构建设有限公司",
        applicant_code="91310000132269406T",
        representative="张三",
        representative_phone="",
        amount="80000.00",
        nbf=1_772_330_400,
        exp=1_780_106_400,
    ),
)
WITHDRAW = SystemCall(ORDER, 1, Withdrawn("cancelled"))
OPENED = SystemCall(ORDER, 1, Opened("ZX-1", 1_772_330_400, "nanjing", "A04-1", "虚构区住房和城乡建设局"))
SURRENDER = SystemCall(ORDER, 2, SurrenderAsked("ZX-1", 1_772_330_400, "项目取消"))
NODE, SYSTEM, STRANGER = new_wallet_key(), new_wallet_key(), new_wallet_key()
AT_NODE, AT_SYSTEM = Es256Suite(NODE.sign, SYSTEM.public_key), Es256Suite(SYSTEM.sign, NODE.public_key)


class Wall:
    """A clock for both sides."""

    def __init__(self, time: float = 1_772_330_400.0) -> None:
        self.time = time

    def now(self) -> float:
        return self.time


@dataclass
class Made:
    """An implementation, and the system behind it."""

    port: GuaranteeSystem
    trial: TrialSystem


async def served(
    application: web.Application, tls: ssl.SSLContext | None = None
) -> tuple[web.AppRunner, int]:
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    return runner, int(runner.addresses[0][1])


@pytest.fixture(params=["memory", "https"])
async def made(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Made]:
    trial = TrialSystem()
    if request.param == "memory":
        yield Made(trial, trial)
        return
    server, believes = self_signed(tmp_path)
    runner, port = await served(trial_system_gateway(trial, AT_SYSTEM), server)
    post = EnvelopePost(f"https://127.0.0.1:{port}", AT_NODE, Wall(), tls=believes, timeout_seconds=5.0)
    system = HttpsGuaranteeSystem(post, ADDRESS)
    yield Made(system, trial)
    await system.close()
    await runner.cleanup()


async def test_a_call_is_taken_once_however_often_it_comes(made: Made) -> None:
    answers = await asyncio.gather(*(made.port.tell(APPLY) for _ in range(5)))
    assert len({*answers}) == 1
    check_answer(APPLY, answers[0])
    assert answers[0].state == "taken"
    for call in (OPENED, SURRENDER, SURRENDER):
        assert (await made.port.tell(call)).state == "taken"
    assert len(made.trial.taken) == 3


async def test_a_call_that_was_not_answered_is_still_taken_once(made: Made) -> None:
    made.trial.is_late = True
    with pytest.raises(BankUnavailableError):
        await made.port.tell(APPLY)
    made.trial.is_late = False
    assert (await made.port.tell(APPLY)).state == "taken"
    assert made.trial.orders() == [ORDER]


async def test_an_absent_system_is_told_as_absent(made: Made) -> None:
    made.trial.is_absent = True
    with pytest.raises(BankUnavailableError):
        await made.port.tell(APPLY)


async def test_what_does_not_fit_is_refused_with_a_reason(made: Made) -> None:
    unknown = await made.port.tell(WITHDRAW)
    assert (unknown.state, bool(unknown.reason)) == ("refused", True)
    await made.port.tell(APPLY)
    other = msgspec.structs.replace(APPLY, told=msgspec.structs.replace(APPLY.told, amount="1"))
    assert (await made.port.tell(other)).state == "refused"
    made.trial.approve(ORDER, "ZX-1")
    assert (await made.port.tell(WITHDRAW)).state == "refused", "it has issued"


async def test_a_false_answer_is_refused(made: Made) -> None:
    made.trial.tamper = lambda told: msgspec.structs.replace(told, order_no="cd" * 32)
    answer = await made.port.tell(APPLY)
    with pytest.raises(BankAnswerError):
        check_answer(APPLY, answer)
    made.trial.tamper = lambda told: msgspec.structs.replace(told, order_no="no order")
    with pytest.raises(BankAnswerError):
        await made.port.tell(APPLY)


# -- pushes over HTTP -------------------------------------------------------------------------------------------


@dataclass
class Listening:
    """A bank in a world whose node listens for pushes, with one order at its system."""

    tender: Tender
    system: TrialSystem
    application: str
    url: str
    tls: ssl.SSLContext

    def pusher(self, suite: Es256Suite = AT_SYSTEM, clock: Clock | None = None) -> TrialPusher:
        clock = clock or self.tender.world.clock
        return TrialPusher(EnvelopePost(self.url, suite, clock, tls=self.tls, timeout_seconds=5.0))

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url + path, data=body, ssl=self.tls) as answer,
        ):
            return answer.status, await answer.read()

    @property
    def stage(self) -> Stage:
        return row(self.tender, self.application).stage


@pytest.fixture
async def listening(tmp_path: Path) -> AsyncIterator[Listening]:
    with World(guarantors=[BANK]) as world:
        await world.settle()
        tender = Tender(world)
        tender.bank.guarantee_system = system = TrialSystem()
        tender.bank.restart()
        application = await applied(tender)
        server, believes = self_signed(tmp_path)
        services, limit = tender.bank.services, PublicLimit(LimitsConfig())
        listener = PushServer(services.system_desk, services.gate, AT_NODE, limit, server)
        port = await listener.listen("127.0.0.1:0")
        yield Listening(tender, system, application, f"https://127.0.0.1:{port}", believes)
        await listener.close()


async def test_pushes_over_https_issue_and_are_answered_under_the_nodes_signature(
    listening: Listening,
) -> None:
    pusher, system, order = listening.pusher(), listening.system, listening.application
    try:
        assert await pusher.push(system.approve(order, "ZX-1")) == Acknowledged(order, "0000")
        content = b"%PDF-1.7" + bytes(1 << 20)
        assert await pusher.push(system.file(order, "ZX-1", content)) == Acknowledged(order, "0000")
        assert listening.stage is Stage.ISSUED
        wrong = await pusher.push(system.refuse(order))
        assert (wrong.code, wrong.message[:12]) == ("0002", "SYSTEM_PUSH:")
        assert (await pusher.push((RESULT_PATH, "{}"))).code == "0001"
        assert (await pusher.push((RESULT_PATH, system.refuse("cd" * 32)[1]))).code == "0002"
    finally:
        await pusher.close()


async def test_who_is_not_the_system_or_not_of_now_changes_and_learns_nothing(listening: Listening) -> None:
    system, now = listening.system, listening.tender.world.clock.now()
    path, data = system.refuse(listening.application)
    good = seal(AT_SYSTEM, data, "0" * 32, stamp_of(now))
    opened = msgspec.json.decode(good)
    bodies = [
        seal(Es256Suite(STRANGER.sign, NODE.public_key), data, "1" * 32, stamp_of(now)),
        seal(AT_NODE, data, "2" * 32, stamp_of(now)),  # what the node itself says, sent back
        seal(AT_SYSTEM, data, "3" * 32, stamp_of(now - 301)),
        seal(AT_SYSTEM, data, "4" * 32, stamp_of(now + 302)),
        seal(AT_SYSTEM, data, "5" * 32, "20261399999999"),
        msgspec.json.encode({**opened, "nonceStr": "6" * 32}),
        msgspec.json.encode({**opened, "data": system.refuse("cd" * 32)[1]}),
        msgspec.json.encode({**opened, "sign": base64.b64encode(SYSTEM.sign(b"something else")).decode()}),
        b"",
        b"\xff",
    ]
    answers = {await listening.post(path, body) for body in bodies}
    assert answers == {(400, b"400: Bad Request")}
    assert listening.stage is Stage.APPLIED
    assert (await listening.post(path, good))[0] == 200
    assert listening.stage is Stage.REFUSED


async def test_an_envelope_is_taken_once_also_after_a_restart_and_on_no_other_path(
    listening: Listening,
) -> None:
    system, order, now = listening.system, listening.application, listening.tender.world.clock.now()
    path, data = system.approve(order, "ZX-1")
    body = seal(AT_SYSTEM, data, "7" * 32, stamp_of(now))
    status, answer = await listening.post(path, body)
    assert status == 200
    answered = open_envelope(AT_SYSTEM, answer)
    assert (answered.nonce_str, answered.time_stamp) == ("7" * 32, stamp_of(now))
    assert (await listening.post(path, body))[0] == 400
    listening.tender.bank.restart()
    services = listening.tender.bank.services
    again = PushServer(services.system_desk, services.gate, AT_NODE, PublicLimit(LimitsConfig()), None)
    listening.url = f"http://127.0.0.1:{await again.listen('127.0.0.1:0')}"
    try:
        assert (await listening.post(path, body))[0] == 400
        pusher = listening.pusher()
        # An approval is no answer to a surrender, and the other way round.
        assert (await pusher.push((SURRENDER_PATH, data))).code == "0001"
        assert (await pusher.push((RESULT_PATH, system.surrender(order, "ZX-1")[1]))).code == "0001"
        await pusher.close()
    finally:
        await again.close()


async def test_who_asks_too_often_waits_and_a_taken_port_is_named(listening: Listening) -> None:
    services = listening.tender.bank.services
    limit = PublicLimit(msgspec.structs.replace(LimitsConfig(), tiles_per_second=1))
    other = PushServer(services.system_desk, services.gate, AT_NODE, limit, None)
    with pytest.raises(UnavailableError, match=r"guarantor\.system\.listen"):
        await other.listen(listening.url.removeprefix("https://"))
    port = await other.listen("127.0.0.1:0")
    listening.url = f"http://127.0.0.1:{port}"
    answers = {(await listening.post(RESULT_PATH, b""))[0] for _ in range(20)}
    assert answers == {400, 429}
    await other.close()
