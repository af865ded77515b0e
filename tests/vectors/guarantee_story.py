"""A guarantee in the made-up alliance: the code of the tender's centre, the grant to the bank, issue, release.

The one-time keys follow the formula in `docs/formats/ledger.md`, not the wallet's code.
"""

import hashlib
import hmac
from functools import cache

from node.domain.document import document_digest, sign_document
from node.domain.encoding import to_base64url
from node.domain.grant import Grant, Scope
from node.domain.guarantee import ApplicationCode, Guarantee, GuaranteeRelease, guarantee_terms
from node.domain.guarantee_life import begin, signed_step
from node.domain.guarantee_statement import Claim, Enclosure, Statement
from node.domain.guarantee_table import Event
from node.domain.ledger import GuaranteeStep, GuaranteeTerms
from node.domain.ledger_ids import (
    guarantee_id,
    issue_guarantee_digest,
    step_guarantee_digest,
    step_receipt_digest,
)
from node.domain.pledge import BidPledge
from node.domain.wallet import StepReceipt
from tests.vectors import authority, world
from tests.vectors.keys import P256TestKey, derived, fixed_bytes, p256
from tests.vectors.world import ALLIANCE, GUARANTOR, HOME, NOW, READER, SUBJECT, WALLET

CENTRE = READER
"""Runs the tender; it is not the bidder's home."""
SECTION = "示例工程-1/标段2"
INDEX_KEY = fixed_bytes(f"data key {CENTRE}")
SECTION_KEY = hmac.new(INDEX_KEY, b"heqi.section.v1\0" + SECTION.encode(), hashlib.sha256).digest()
CODE = to_base64url(hmac.new(SECTION_KEY, authority.CREDIT_CODE.encode(), hashlib.sha256).digest())
END = NOW + 90 * 86_400
RELEASE_STEP = 2


def applicant_key() -> P256TestKey:
    return derived(WALLET, b"heqi.applicant.v1", CODE)


def beneficiary_key() -> P256TestKey:
    return derived(p256("beneficiary wallet"), b"heqi.beneficiary.v1", SECTION)


def code() -> ApplicationCode:
    return ApplicationCode(
        **world.common("application code"),
        iss=CENTRE,
        code=CODE,
        key=WALLET.public.hex(),
        exp=NOW + 30 * 86_400,
    )


@cache
def code_token() -> str:
    return sign_document(code(), world.identity(CENTRE).sign)


def grant() -> Grant:
    one_time = derived(WALLET, b"heqi.revocation.v1", world.jti("grant to the bank"))
    return Grant(
        **world.common("grant to the bank"),
        iss=SUBJECT,
        aud=(GUARANTOR,),
        home=HOME,
        key=WALLET.public.hex(),
        request="",
        scope=(Scope("subject.base", ("credit_code", "legal_name")),),
        purpose="guarantee-application",
        basis="consent",
        uses=3,
        standing=False,
        nbf=NOW,
        exp=NOW + 30 * 86_400,
        register_before=NOW + 3_600,
        revoker=(world.contract("ES256Verifier") + one_time.public).hex(),
    )


@cache
def grant_token() -> str:
    return sign_document(grant(), WALLET.sign)


def guarantee() -> Guarantee:
    return Guarantee(
        **world.common("guarantee"),
        iss=GUARANTOR,
        number="BH-2026-0001",
        centre=CENTRE,
        code=CODE,
        applicant=SUBJECT,
        applicant_name=authority.ORGANISATION,
        applicant_code=authority.CREDIT_CODE,
        applicant_key=applicant_key().public.hex(),
        beneficiary_name="示例市住房和城乡建设局",
        beneficiary_key=beneficiary_key().public.hex(),
        section=SECTION,
        guarantee_kind="bid",
        legal_nature="independent",
        amount="80000.00",
        currency="CNY",
        nbf=NOW,
        exp=END,
    )


@cache
def guarantee_token() -> str:
    return sign_document(guarantee(), world.identity(GUARANTOR).sign)


def terms() -> GuaranteeTerms:
    return guarantee_terms(guarantee(), document_digest(guarantee_token()), world.contract("ES256Verifier"))


def issued_id() -> bytes:
    return guarantee_id(bytes.fromhex(ALLIANCE), terms())


def issue_digest() -> bytes:
    return issue_guarantee_digest(world.domain("Guarantees"), issued_id())


@cache
def pledge() -> BidPledge:
    return BidPledge(
        **world.common("bid pledge"),
        centre=CENTRE,
        section=SECTION,
        key=WALLET.public.hex(),
        delegation=world.delegation_token(),
        text=hashlib.sha256("我方承诺 we pledge".encode()).hexdigest(),
        amount="80000.00",
        currency="CNY",
        exp=END,
    )


@cache
def pledge_token() -> str:
    return sign_document(pledge(), WALLET.sign)


def release() -> GuaranteeRelease:
    return GuaranteeRelease(
        **world.common("guarantee release"), guarantee=issued_id().hex(), reason="招标结束 the tender is over"
    )


@cache
def release_token() -> str:
    return sign_document(release(), beneficiary_key().sign)


def release_digest() -> bytes:
    previous, document = document_digest(guarantee_token()), document_digest(release_token())
    step = GuaranteeStep(issued_id(), RELEASE_STEP, previous, Event.RELEASE, document)
    return step_guarantee_digest(world.domain("Guarantees"), step)


def claim() -> Statement:
    """Instead of the release: the beneficiary claims."""
    says = Claim(
        "30000.00",
        "投标人撤回投标 the bidder withdrew its bid",
        (Enclosure("撤回通知.pdf", hashlib.sha256(b"a notice of withdrawal").hexdigest()),),
        "示例银行 6222 0000 0000 0000",
        0,
    )
    return Statement(
        **world.common("guarantee claim"),
        guarantee=issued_id().hex(),
        sequence=RELEASE_STEP,
        previous=document_digest(guarantee_token()).hex(),
        event=Event.CLAIM.name,
        says=says,
    )


@cache
def claim_token() -> str:
    return sign_document(claim(), beneficiary_key().sign)


def claim_digest() -> bytes:
    previous, digest = document_digest(guarantee_token()), document_digest(claim_token())
    step = signed_step(issued_id(), CODE, RELEASE_STEP, previous, claim(), digest, begin(guarantee()))
    return step_guarantee_digest(world.domain("Guarantees"), step)


def claim_receipt() -> StepReceipt:
    """The guarantor's."""
    key, digest = world.identity(GUARANTOR), document_digest(claim_token())
    told = (issued_id(), Event.CLAIM, digest, NOW + 86_400)
    signature = key.sign(step_receipt_digest(world.domain("Guarantees"), *told))
    return StepReceipt(GUARANTOR, NOW + 86_400, key.public.hex(), signature.hex())
