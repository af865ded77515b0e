"""A bank's desk in a world: rules in force, lines, and what applicant and bank do between application and issue."""

import hashlib
from decimal import Decimal
from typing import Any

from node.domain.document import document_digest, peek_document
from node.domain.grant import Scope
from node.domain.guarantee import Guarantee
from node.domain.wallet import AcceptCall, CancelCall
from node.services.applications import Application
from node.services.issue_rules import RulesSource
from tests.support.world import DAY
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre
from tests.support.world_guarantees import Tender

WIDE = (
    Scope("subject.base", ("credit_code", "legal_name", "registered_capital", "registered_capital_currency")),
)
RULES = """
type = "heqi.issue-rules.v1"
name = "投标保函秒出 2026"
when_all_hold = "{outcome}"
number_prefix = "BH-"
conditions = "投标保函合同 2026 版"
fee = {{ rate = "0.002", least = "100" }}
[[rules]]
id = "kind"
check = "kind"
any_of = ["bid"]
otherwise = "refuse"
zh = "仅受理投标保函"
en = "bid guarantees only"
[[rules]]
id = "amount"
check = "amount"
at_most = "800000"
zh = "金额较大"
en = "a large amount"
[[rules]]
id = "capital"
check = "registered-capital"
at_least = "1000000"
zh = "注册资本不足"
en = "too little registered capital"
otherwise = "refuse"
[[rules]]
id = "again"
check = "refusals"
at_most = 0
zh = "曾被拒绝"
en = "refused before"
"""


def source(outcome: str = "issue", more: str = "") -> RulesSource:
    """A rules file, approved."""
    text = (RULES.format(outcome=outcome) + more).encode()
    return RulesSource(text, hashlib.sha256(text).hexdigest())


def use_rules(bank: Centre, outcome: str = "issue", more: str = "") -> None:
    """From now on, also after a restart."""
    bank.rules = source(outcome, more)
    bank.services.rules.load()


def row(tender: Tender, application: str) -> Application:
    return tender.bank.services.guarantor.load(application)


def terms(tender: Tender, application: str) -> Guarantee:
    return peek_document(row(tender, application).guarantee, Guarantee)


async def applied(tender: Tender, bidder: Bidder | None = None, *, wide: bool = True, **asked: Any) -> str:
    """An application under a grant on what the rules want to see, after the bank's background work."""
    bidder = bidder or await tender.bidder()
    grant = tender.grant(bidder, scope=WIDE) if wide else tender.grant(bidder)
    tender.world.give(bidder, grant)
    application = tender.apply(bidder, grant=grant, **asked)
    await tender.world.settle()
    return application


def accept(tender: Tender, bidder: Bidder, application: str, offer: str = "") -> Application:
    """The applicant signs the offer that stands, or another one."""
    offer = offer or row(tender, application).offer
    digest = document_digest(offer).hex()
    token = bidder.scribe.call(AcceptCall, tender.bank.name, application=application, offer=digest)
    return tender.bank.services.desk.accept(token)


def cancel(tender: Tender, bidder: Bidder, application: str) -> None:
    token = bidder.scribe.call(CancelCall, tender.bank.name, application=application)
    tender.bank.services.desk.cancel(token)


def grant_line(tender: Tender, bidder: Bidder, limit: str = "200000", days: int = 365) -> None:
    """The bank grants a line."""
    until = int(tender.world.clock.now()) + days * DAY
    tender.bank.services.lines.grant(bidder.subject, "CNY", Decimal(limit), until)
