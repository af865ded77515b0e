"""A trial e-guarantee system: orders in memory, and the ways in which a real one fails. For tests and trials only.

It speaks the common bank interface: what it is told it keeps as the JSON that came, and what it pushes is JSON that
the node reads. `trial_system_gateway` puts it behind HTTP, `TrialPusher` has it push over HTTP.
"""

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from adapters.banks.posting import EnvelopePost
from node.domain.guarantee_system import SystemAnswer, SystemCall
from node.errors import BankAnswerError, BankUnavailableError
from node.wire.bank_manual import (
    FILE_PATH,
    OK,
    PATHS,
    RESULT_PATH,
    SURRENDER_PATH,
    Acknowledged,
    Address,
    DecryptionNotice,
    FilePush,
    OrderApply,
    OrderResult,
    OrderStUpdate,
    SurrenderApply,
    SurrenderResult,
    read_answer,
    write_call,
    write_moment,
)
from node.wire.envelope import MAX_ENVELOPE_BYTES, EnvelopeSuite, open_envelope, seal

ADDRESS = Address("bank", "C01", "T-2026")
PDF = b"%PDF-1.7\n% a trial guarantee\n"
Sent = tuple[str, str]
"""Path and JSON text of a push."""


@dataclass
class TrialSystem:
    """The `GuaranteeSystem` port over a dictionary."""

    taken: dict[tuple[str, str], str] = field(default_factory=dict)
    """JSON of what was taken, by kind of call and order, a surrender also by its request: each once."""
    refusing: dict[str, str] = field(default_factory=dict)
    """Reasons by kind of call."""
    is_absent: bool = False
    is_late: bool = False
    """Takes it, and then does not answer in time."""
    tamper: Callable[[Acknowledged], Acknowledged] | None = None
    """Makes a wrong answer of a right one."""
    came: list[str] = field(default_factory=list)
    """Kinds of calls in the order in which they came, as often as they came."""
    issued: set[str] = field(default_factory=set)
    """Orders that it has decided to issue."""

    async def tell(self, call: SystemCall) -> SystemAnswer:
        """See `GuaranteeSystem.tell`."""
        await asyncio.sleep(0)
        return read_answer(msgspec.json.encode(self.answer(call.kind, write_call(call, ADDRESS))).decode())

    def answer(self, kind: str, data: str) -> Acknowledged:
        """What it answers to a call in JSON.

        Raises:
            BankUnavailableError: it is made absent or late.
        """
        self.came.append(kind)
        if self.is_absent:
            raise BankUnavailableError("the trial system is away")
        told = self._take(kind, data)
        if self.is_late:
            raise BankUnavailableError("the trial system did not answer in time")
        return told if self.tamper is None else self.tamper(told)

    def order(self, application: str) -> OrderApply:
        """An order as it came."""
        return msgspec.json.decode(self.taken["apply", application], type=OrderApply)

    def orders(self) -> list[str]:
        """Numbers of the orders that it was given."""
        return [order for kind, order in self.taken if kind == "apply"]

    # -- what it pushes ---------------------------------------------------------------------------------

    def approve(self, application: str, number: str, **changes: str) -> Sent:
        """A decision to issue just what was ordered."""
        order = self.order(application)
        self.issued.add(application)
        result = OrderResult(
            application,
            "1",
            number,
            write_moment(1_767_225_600),
            order.guarantee_start_date,
            order.guarantee_end_date,
            order.guarantee_amount,
        )
        return RESULT_PATH, _json(msgspec.structs.replace(result, **changes))

    @staticmethod
    def refuse(application: str, note: str = "资料不齐") -> Sent:
        """A decision not to issue."""
        return RESULT_PATH, _json(OrderResult(application, "2", note=note))

    @staticmethod
    def file(application: str, number: str, content: bytes = PDF, **changes: str) -> Sent:
        """The file of a guarantee."""
        sums = hashlib.md5(content, usedforsecurity=False).hexdigest(), hashlib.sha256(content).hexdigest()
        push = FilePush(application, number, "PDF", base64.b64encode(content).decode(), *sums)
        return FILE_PATH, _json(msgspec.structs.replace(push, **changes))

    @staticmethod
    def surrender(application: str, number: str, result: str = "1", note: str = "") -> Sent:
        """An answer to a surrender."""
        said = SurrenderResult(application, number, result, note)  # type: ignore[arg-type]  # may be wrong on purpose
        return SURRENDER_PATH, _json(said)

    def _take(self, kind: str, data: str) -> Acknowledged:
        call = msgspec.json.decode(data, type=_MESSAGES[kind])
        order = call.order_no
        key = (kind, order + (f"/{call.request_no}" if isinstance(call, SurrenderApply) else ""))
        known = self.taken.get(key)
        if known is not None:
            return Acknowledged(order, OK) if known == data else Acknowledged(order, "1001", "其他内容")
        if kind in self.refusing:
            return Acknowledged(order, "1002", self.refusing[kind])
        if kind != "apply" and ("apply", order) not in self.taken:
            return Acknowledged(order, "1003", "无此订单")
        if kind == "withdraw" and order in self.issued:
            return Acknowledged(order, "1004", "已开立")
        self.taken[key] = data
        return Acknowledged(order, OK)


_MESSAGES: dict[str, type[OrderApply | OrderStUpdate | DecryptionNotice | SurrenderApply]] = {
    "apply": OrderApply,
    "withdraw": OrderStUpdate,
    "opened": DecryptionNotice,
    "surrender": SurrenderApply,
}


def _json(message: msgspec.Struct) -> str:
    return msgspec.json.encode(message).decode()


def trial_system_gateway(system: TrialSystem, suite: EnvelopeSuite) -> web.Application:
    """The web application before it; it answers only what the node has signed."""

    async def take(request: web.Request) -> web.Response:
        kind = next(kind for kind, path in PATHS.items() if path == request.path)
        try:
            asked = open_envelope(suite, await request.read())
            told = system.answer(kind, asked.data)
        except BankUnavailableError:
            return web.Response(status=503)
        except (BankAnswerError, msgspec.MsgspecError):
            return web.Response(status=400)
        body = seal(suite, _json(told), asked.nonce_str, asked.time_stamp)
        return web.Response(body=body, content_type="application/json")

    application = web.Application(client_max_size=MAX_ENVELOPE_BYTES)
    for path in PATHS.values():
        application.router.add_post(path, take)
    return application


class TrialPusher:
    """Pushes to a node's listener, as the system does."""

    def __init__(self, post: EnvelopePost) -> None:
        self._post = post

    async def push(self, sent: Sent) -> Acknowledged:
        """Push, and return what the node answers.

        Raises:
            BankUnavailableError: the node takes no push, or not from this sender.
            BankAnswerError: the answer is not the node's.
        """
        return msgspec.json.decode(await self._post.ask(*sent), type=Acknowledged)

    async def close(self) -> None:
        """Close the connections."""
        await self._post.close()
