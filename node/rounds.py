"""What a node does without being asked, and how often."""

from collections.abc import Coroutine, Iterator

from node.background import every, repeat
from node.config import Config
from node.wiring import Services

_EXCHANGE_SECONDS = 0.5
_LEGAL_SECONDS = 5.0
_CALENDAR_SECONDS = 1.0
_REGISTRY_SECONDS = 1.0
_EXPIRIES_SECONDS = 3_600.0
_DEFINITIONS_SECONDS = 2.0
_DESK_SECONDS = 0.5
_BANK_SECONDS = 1.0
_LINES_SECONDS = 60.0
_OPENINGS_SECONDS = 600.0


def rounds(s: Services, config: Config) -> Iterator[Coroutine[None, None, None]]:
    """The work beside the calls, each piece for ever; all of it at once is a running node.

    Args:
        s: the node's use cases.
        config: how often the ledger is asked, the log published and reservations sent.
    """
    poll, log = config.ledger.poll_seconds, config.log.period_seconds
    yield repeat("follow the ledger", s.follow, poll)
    yield repeat("send to the ledger", s.sender.step, poll)
    yield repeat("prove the ledger", s.ledger_proofs.step, poll)
    yield repeat("exchange with peers", s.reading.step, _EXCHANGE_SECONDS)
    yield repeat("tell owners", s.coverage.step, _EXCHANGE_SECONDS)
    yield repeat("compare versions", s.changes.step, _EXCHANGE_SECONDS)
    yield repeat("tell holders", s.notices.step, _EXCHANGE_SECONDS)
    yield repeat("sign issues again", s.issue_renewal.step, poll)
    yield repeat("hand in steps", s.guarantee_delivery.step, _EXCHANGE_SECONDS)
    yield repeat("tell of claims", s.guarantee_views.step, _EXCHANGE_SECONDS)
    yield repeat("count lines", s.line_keeping.step, _EXCHANGE_SECONDS)
    yield repeat("follow notices", s.holdings.step, _EXCHANGE_SECONDS)
    yield repeat("hand in legal receipts", s.legal_reading.step, _LEGAL_SECONDS)
    yield repeat("corroborate reads", s.corroboration.step, _EXCHANGE_SECONDS)
    yield repeat("ask the register", s.look_ups.step, _REGISTRY_SECONDS)
    yield repeat("ask for definitions", s.catalogue.step, _DEFINITIONS_SECONDS)
    yield repeat("keep the calendar", s.obligations.step, _CALENDAR_SECONDS)
    yield repeat("decide by rules", s.desk.step, _DESK_SECONDS)
    yield repeat("order from the core bank", s.bank_orders.step, _BANK_SECONDS)
    yield repeat("pay claims", s.claim_payments.step, _BANK_SECONDS)
    yield repeat("tell the guarantee system", s.system_desk.step, _BANK_SECONDS)
    yield every(_LINES_SECONDS, s.lines.step, "look after credit lines")
    yield repeat("forget keys of openings", s.share_keeping.step, _OPENINGS_SECONDS)
    yield every(_EXPIRIES_SECONDS, s.expiries.tell, "tell what runs out")
    yield repeat("witness the others' logs", s.witness.step, log)
    yield every(log, s.publish_when_known, "publish the log")
    yield every(config.reservations.period_seconds, s.reserving.send_when_known, "reserve applications")
