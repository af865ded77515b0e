"""What people in a company's records sign, and what the company signs for them: consents, withdrawals, disputes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from node.domain.consent import (
    ConsentReceipt,
    ConsentWithdrawal,
    PersonConsent,
    RecordedConsent,
    check_terms,
    evidence_digest,
    open_consent,
)
from node.domain.dispute import Dispute, DisputeAnswer
from node.domain.document import document_digest, open_members_document, sign_by_controller
from node.domain.member import Member
from node.domain.notice import Notice, NoticeReceipt
from node.errors import DocumentFormatError
from node.wallet.documents import Scribe

SALT_BYTES = 32
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Told:
    """What a person is told and agrees to, PIPL art. 17, 23 and 30."""

    home: str
    category: str
    thing: str
    receiver: str
    receiver_name: str
    contact: str
    purpose: str
    way: str
    fields: Sequence[str]
    necessity: str
    """Not empty for a separate consent to sensitive fields."""
    days: int


@dataclass(frozen=True, slots=True)
class Proof:
    """The paper or recording behind a recorded consent."""

    kind: Literal["paper", "recording", "electronic"]
    file: bytes
    salt: bytes
    """32 random bytes, kept with the file."""
    recorder: str
    given: int
    """Seconds since 1970 UTC."""


def sign_consent(scribe: Scribe, told: Told, proof: Proof | None = None) -> str:
    """A consent by the wallet's key: its own, or with a proof the company's record of one.

    Raises:
        DocumentFormatError: a member breaks a rule.
    """
    terms = _terms(scribe, told)
    consent: PersonConsent | RecordedConsent
    if proof is None:
        consent = PersonConsent(**terms)
    else:
        consent = RecordedConsent(
            **terms,
            evidence=proof.kind,
            digest=evidence_digest(proof.salt, proof.file),
            recorder=proof.recorder,
            given=proof.given,
        )
    check_terms(consent)
    token = sign_by_controller(consent, scribe.signer)
    open_consent(token)  # as its readers will
    return token


def sign_withdrawal(scribe: Scribe, consent: str) -> str:
    """The withdrawal of a consent by the wallet's key."""
    said = open_consent(consent)
    withdrawal = ConsentWithdrawal(
        **scribe.common(),
        subject=said.subject,
        home=said.home,
        consent=document_digest(consent).hex(),
        key=scribe.signer.name,
    )
    return sign_by_controller(withdrawal, scribe.signer)


def sign_dispute(  # noqa: PLR0917
    scribe: Scribe, home: str, category: str, thing: str, version: int, fields: Sequence[str], statement: str
) -> str:
    """A dispute by the wallet's key."""
    dispute = Dispute(
        **scribe.common(),
        subject=scribe.subject,
        home=home,
        key=scribe.signer.name,
        category=category,
        thing=thing,
        version=version,
        fields=tuple(sorted(set(fields))),
        statement=statement,
    )
    return sign_by_controller(dispute, scribe.signer)


def check_consent_receipt(scribe: Scribe, token: str, home: Member, consent: str) -> ConsentReceipt:
    """Check a home's receipt for a consent, or for its withdrawal, before it is kept.

    Raises:
        NodeError: it is not by that member, or about another consent.
    """
    receipt = open_members_document(token, ConsentReceipt, home.identity_keys)
    named = (receipt.alliance, receipt.iss, receipt.consent)
    if named != (scribe.descriptor.alliance, home.name, document_digest(consent).hex()):
        raise DocumentFormatError("the receipt is for another consent")
    return receipt


def check_notice_receipt(scribe: Scribe, token: str, holder: Member, notice: str) -> NoticeReceipt:
    """Check what a holder has signed in answer to a notice about this subject.

    Raises:
        NodeError: it is not by that member, or about another notice.
    """
    receipt = open_members_document(token, NoticeReceipt, holder.identity_keys)
    named = (receipt.alliance, receipt.iss, receipt.notice)
    if named != (scribe.descriptor.alliance, holder.name, document_digest(notice).hex()):
        raise DocumentFormatError("the receipt is for another notice")
    return receipt


def check_notice(scribe: Scribe, token: str, home: Member) -> Notice:
    """Check that a home did send a notice about this subject.

    Raises:
        NodeError: it is not by that member, or about another subject.
    """
    notice = open_members_document(token, Notice, home.identity_keys)
    if (notice.alliance, notice.iss, notice.subject) != (
        scribe.descriptor.alliance,
        home.name,
        scribe.subject,
    ):
        raise DocumentFormatError("the notice is about another subject")
    return notice


def check_dispute_answer(scribe: Scribe, token: str, home: Member, dispute: str) -> DisputeAnswer:
    """Check the answer to a dispute.

    Raises:
        NodeError: it is not by that member, or to another dispute.
    """
    answer = open_members_document(token, DisputeAnswer, home.identity_keys)
    named = (answer.alliance, answer.iss, answer.dispute)
    if named != (scribe.descriptor.alliance, home.name, document_digest(dispute).hex()):
        raise DocumentFormatError("the answer is to another dispute")
    return answer


def _terms(scribe: Scribe, told: Told) -> dict[str, Any]:
    common = scribe.common()
    return {
        **common,
        "subject": scribe.subject,
        "home": told.home,
        "key": scribe.signer.name,
        "category": told.category,
        "thing": told.thing,
        "receiver": told.receiver,
        "receiver_name": told.receiver_name,
        "contact": told.contact,
        "purpose": told.purpose,
        "way": told.way,
        "fields": tuple(sorted(set(told.fields))),
        "separate": bool(told.necessity),
        "necessity": told.necessity,
        "nbf": common["iat"],
        "exp": common["iat"] + told.days * _DAY,
    }
