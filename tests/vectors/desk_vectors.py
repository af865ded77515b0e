"""A guarantor's desk: the offer, what the applicant answers, a line of credit and what its owner is told."""

import json
from decimal import Decimal
from typing import Any

import msgspec

from adapters.banks.https import Recall
from adapters.banks.trial_system import TrialSystem
from node.domain.bank_order import OrderKind, order_of
from node.domain.claim_payment import Due, paid_statement, payment_order, payment_proof
from node.domain.credit_line import NOTHING_BEFORE, LineEvent, LineState, LineStatus, fields_of
from node.domain.document import document_digest, sign_document
from node.domain.guarantee_statement import Claim
from node.domain.guarantee_system import Applied, Opened, SurrenderAsked, SystemCall, Withdrawn
from node.domain.line_statement import LineStatement
from node.domain.offer import GuaranteeOffer
from node.domain.record import RecordHeader, SealedRecord, seal_record
from node.domain.wallet import AcceptCall, CancelCall, LineCall, WalletCall
from node.wire.bank_manual import Address, read_push, write_call
from node.wire.envelope import Es256Suite, seal
from tests.vectors import guarantee_story, wallet_calls, world
from tests.vectors.guarantee_story import RELEASE_STEP
from tests.vectors.keys import fixed_bytes
from tests.vectors.world import ALLIANCE, GUARANTOR, HOME, NOW, SUBJECT, WALLET

LINE = fixed_bytes("credit line", 16).hex()
RULES = """\
type = "heqi.issue-rules.v1"
name = "投标保函秒出 2026"
when_all_hold = "offer"
number_prefix = "BH-"
offer_days = 7
conditions = "投标保函合同 2026 版"
fee = { rate = "0.002", least = "100" }

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
id = "line"
check = "line"
zh = "授信额度不足"
en = "too little on the credit line"
"""
UNTIL = NOW + 365 * 86_400


def application() -> str:
    """Id of the application in the story."""
    [call] = [one for one in wallet_calls.calls() if one.kind == "wallet-apply"]
    return document_digest(sign_document(call, WALLET.sign)).hex()


def offer_token() -> str:
    offer = GuaranteeOffer(
        **world.common("guarantee offer"),
        iss=GUARANTOR,
        application=application(),
        fee="160",
        fee_currency="CNY",
        conditions="投标保函合同 2026 版",
        exp=NOW + 7 * 86_400,
    )
    return sign_document(offer, world.identity(GUARANTOR).sign)


def states() -> list[tuple[LineEvent, LineState, str, str]]:
    """Event, line after it, amount, guarantee."""
    opened = LineState(SUBJECT, "CNY", Decimal(2_000_000), Decimal(0), LineStatus.OPEN, UNTIL)
    drawn = LineState(SUBJECT, "CNY", Decimal(2_000_000), Decimal(80_000), LineStatus.OPEN, UNTIL)
    guarantee = guarantee_story.issued_id().hex()
    return [
        (LineEvent.GRANTED, opened, "0", ""),
        (LineEvent.DRAWN, drawn, "80000", guarantee),
        (LineEvent.RETURNED, opened, "80000", guarantee),
    ]


def history() -> list[tuple[dict[str, str], SealedRecord]]:
    """Fields and record of each state; each names the entry before it."""
    found: list[tuple[dict[str, str], SealedRecord]] = []
    for number, (event, state, amount, guarantee) in enumerate(states(), 1):
        previous = found[-1][1].entry.hex() if found else NOTHING_BEFORE
        fields = fields_of(state, event, Decimal(amount), guarantee, previous)
        found.append((fields, seal_record(_header(number), fields, fixed_bytes(f"line state {number}", 32))))
    return found


def statement_token() -> str:
    fields, sealed = history()[1]
    statement = LineStatement(
        **world.common("line statement"),
        iss=GUARANTOR,
        subject=SUBJECT,
        line=LINE,
        number=2,
        entry=sealed.entry.hex(),
        currency="CNY",
        limit=fields["limit"],
        used=fields["used"],
        status="open",
        until=UNTIL,
    )
    return sign_document(statement, world.identity(GUARANTOR).sign)


def documents() -> list[tuple[str, str]]:
    """Signer and token of each."""
    calls: list[WalletCall] = [
        AcceptCall(**_call("accept"), application=application(), offer=document_digest(offer_token()).hex()),
        CancelCall(**_call("cancel"), application=application()),
        LineCall(**_call("line")),
    ]
    return [
        (f"{GUARANTOR} identity", offer_token()),
        *(("wallet", sign_document(one, WALLET.sign)) for one in calls),
        (f"{GUARANTOR} identity", statement_token()),
    ]


def line() -> list[dict[str, Any]]:
    """Each state from seed to entry."""
    return [
        {
            "number": number,
            "seed": fixed_bytes(f"line state {number}", 32).hex(),
            "fields": fields,
            "payload": json.loads(sealed.payload),
            "entry": sealed.entry.hex(),
        }
        for number, (fields, sealed) in enumerate(history(), 1)
    ]


def bank() -> dict[str, Any]:
    """An order and the envelope around it."""
    order = order_of(OrderKind.COLLECT_FEE, application(), SUBJECT, "160", "CNY")
    suite = Es256Suite(world.identity(GUARANTOR).sign, world.identity(HOME).public)
    nonce = fixed_bytes("nonce of the bank order", 16).hex()
    envelope = seal(suite, msgspec.json.encode(order).decode(), nonce, "20260301020000")
    terms, says = guarantee_story.guarantee(), guarantee_story.claim().says
    assert isinstance(says, Claim)
    sum_ = Decimal(says.amount), terms.currency
    raw_id = guarantee_story.issued_id().hex()
    due = Due(raw_id, RELEASE_STEP, SUBJECT, *sum_, terms.beneficiary_name, says.payee)
    payment = payment_order(due, 0)
    recall = seal(suite, msgspec.json.encode(Recall(payment)).decode(), nonce, "20260301020000")
    return {
        "order": msgspec.to_builtins(order),
        "envelope": json.loads(envelope),
        "payment": msgspec.to_builtins(payment),
        "recall": json.loads(recall),
        "proof": json.loads(payment_proof(payment, "T00000001")),
        "proof_sha256": paid_statement(payment, "T00000001").proof,
    }


def system() -> dict[str, Any]:
    """What a guarantee system is told, and what it pushes, as the common bank interface has it."""
    plain = Applied(
        is_sealed=False,
        centre=HOME,
        section="A04-999999-00000001-001-001",
        creditor="虚构区住房和城乡建设局",
        applicant_name="虚构建设有限公司",
        applicant_code="91310000132269406T",
        representative="张三",
        representative_phone="",
        amount="80000.00",
        nbf=1_772_330_400,
        exp=1_780_106_400,
    )
    sealed = msgspec.structs.replace(plain, is_sealed=True, centre="", section="", creditor="")
    opened = Opened("ZX-2026-0001", 1_772_503_200, plain.centre, plain.section, plain.creditor)
    sender = Address(GUARANTOR, "C01", "T-2026")
    told = {
        "apply": (0, plain),
        "apply_sealed": (0, sealed),
        "withdraw": (1, Withdrawn("cancelled")),
        "opened": (1, opened),
        "surrender": (2, SurrenderAsked(opened.number, 1_773_000_000, "项目取消")),
    }
    calls = {
        name: json.loads(write_call(SystemCall(application(), step, one), sender))
        for name, (step, one) in told.items()
    }
    trial = TrialSystem({("apply", application()): json.dumps(calls["apply"])})
    pushes = {
        "result": trial.approve(application(), opened.number),
        "refusal": trial.refuse(application()),
        "file": trial.file(application(), opened.number),
        "surrender_result": trial.surrender(application(), opened.number),
    }
    return {
        "calls": calls,
        "pushes": {name: json.loads(data) for name, (_, data) in pushes.items()},
        "read": {name: msgspec.to_builtins(read_push(path, data)) for name, (path, data) in pushes.items()},
    }


def _header(number: int) -> RecordHeader:
    return RecordHeader(
        alliance=ALLIANCE,
        member=GUARANTOR,
        category="guarantee.line",
        thing=LINE,
        version=number,
        owner=GUARANTOR,
        source_system="heqi",
        source_version="",
        captured=f"2026-03-0{number}T02:00:00.000Z",
        clock="system",
        definition=1,
    )


def _call(name: str) -> dict[str, Any]:
    return wallet_calls.call_of(name, node=GUARANTOR)
