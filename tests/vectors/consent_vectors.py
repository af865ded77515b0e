"""A person in the bidder's records: what it signs, what its company records, what holders are told and answer."""

from typing import Any

from node.domain.consent import (
    ConsentReceipt,
    ConsentWithdrawal,
    PersonConsent,
    RecordedConsent,
    ShownConsent,
    encode_shown,
    evidence_digest,
)
from node.domain.dispute import Dispute, DisputeAnswer
from node.domain.document import Document, document_digest, sign_document
from node.domain.notice import (
    ConsentWithdrawn,
    Disputed,
    Erased,
    NewerVersion,
    NewerVersions,
    Notice,
    NoticeReceipt,
)
from node.domain.wallet import (
    ConsentCall,
    ConsentsCall,
    DisputeCall,
    DisputesCall,
    HoldersCall,
    WalletCall,
    WithdrawCall,
)
from tests.vectors import world
from tests.vectors.keys import P256TestKey, fixed_bytes, p256
from tests.vectors.world import HOME, NOW, READER, SUBJECT, WALLET

PERSON = "person in the records"
SALT = fixed_bytes("salt of the evidence", 32)
FILE = b"scan of a paper"


def person() -> P256TestKey:
    return p256(PERSON)


def _terms(name: str, key: P256TestKey, *, separate: bool) -> dict[str, Any]:
    return {
        **world.common(name),
        "subject": SUBJECT,
        "home": HOME,
        "key": key.public.hex(),
        "category": "subject.personnel",
        "thing": "staff-1",
        "receiver": READER,
        "receiver_name": "示例公共资源交易中心",
        "contact": "000-00000000",
        "purpose": "registration-reuse",
        "way": "核对项目班子",
        "fields": ("bank_account",) if separate else ("person_name", "phone"),
        "separate": separate,
        "necessity": "核对工资发放；泄露可致财产损失" if separate else "",
        "nbf": NOW,
        "exp": NOW + 86_400,
    }


def consent_token() -> str:
    return sign_document(PersonConsent(**_terms("person consent", person(), separate=False)), person().sign)


def recorded_token() -> str:
    consent = RecordedConsent(
        **_terms("recorded consent", WALLET, separate=True),
        evidence="paper",
        digest=evidence_digest(SALT, FILE),
        recorder="人事部",
        given=NOW,
    )
    return sign_document(consent, WALLET.sign)


def withdrawal_token() -> str:
    withdrawal = ConsentWithdrawal(
        **world.common("consent withdrawal"),
        subject=SUBJECT,
        home=HOME,
        consent=document_digest(consent_token()).hex(),
        key=person().public.hex(),
    )
    return sign_document(withdrawal, person().sign)


def dispute_token() -> str:
    dispute = Dispute(
        **world.common("dispute"),
        subject=SUBJECT,
        home=HOME,
        key=WALLET.public.hex(),
        category="subject.base",
        thing="base",
        version=1,
        fields=("phone",),
        statement="号码已停用",
    )
    return sign_document(dispute, WALLET.sign)


def _notices() -> list[Notice]:
    consent = document_digest(consent_token()).hex()
    dispute = document_digest(dispute_token()).hex()
    about = [
        ConsentWithdrawn(consent),
        Erased(()),
        NewerVersions((NewerVersion("subject.base", "base", 2),)),
        Disputed("subject.base", "base", ("phone",), "open", dispute),
    ]
    return [
        Notice(**world.common(f"notice {number}"), iss=HOME, aud=READER, subject=SUBJECT, about=one)
        for number, one in enumerate(about)
    ]


def notice_tokens() -> list[str]:
    return [sign_document(one, world.identity(HOME).sign) for one in _notices()]


def documents() -> list[tuple[str, str]]:
    """Name of the key, and the document."""
    home: list[Document] = [
        ConsentReceipt(
            **world.common("consent receipt"),
            iss=HOME,
            consent=document_digest(consent_token()).hex(),
            withdrawal=document_digest(withdrawal_token()).hex(),
        ),
        DisputeAnswer(
            **world.common("dispute answer"),
            iss=HOME,
            dispute=document_digest(dispute_token()).hex(),
            outcome="corrected",
            statement="已更正",
            version=2,
        ),
        *_notices(),
    ]
    receipt = NoticeReceipt(
        **world.common("notice receipt"),
        iss=READER,
        aud=HOME,
        notice=document_digest(notice_tokens()[0]).hex(),
        outcome="deleted",
        reason="",
    )
    return [
        (PERSON, consent_token()),
        ("wallet", recorded_token()),
        (PERSON, withdrawal_token()),
        ("wallet", dispute_token()),
        *((f"{HOME} identity", sign_document(one, world.identity(HOME).sign)) for one in home),
        (f"{READER} identity", sign_document(receipt, world.identity(READER).sign)),
    ]


def calls() -> list[tuple[str, str]]:
    """What wallets ask, as `documents`."""
    by_wallet: list[WalletCall] = [
        ConsentCall(**_call("consent", WALLET), consent=recorded_token()),
        ConsentsCall(**_call("consents", WALLET)),
        DisputeCall(**_call("dispute", WALLET), dispute=dispute_token()),
        DisputesCall(**_call("disputes", WALLET)),
        HoldersCall(**_call("holders", WALLET)),
    ]
    withdraw = WithdrawCall(**_call("withdraw", person()), withdrawal=withdrawal_token())
    return [
        *(("wallet", sign_document(one, WALLET.sign)) for one in by_wallet),
        (PERSON, sign_document(withdraw, person().sign)),
    ]


def _call(name: str, key: P256TestKey) -> dict[str, Any]:
    return {
        **world.common(f"wallet {name}"),
        "node": HOME,
        "subject": SUBJECT,
        "key": key.public.hex(),
    }


def shown() -> bytes:
    """Both consents as a home shows them; the disclosure is made up."""
    return encode_shown([ShownConsent(consent_token(), "W10"), ShownConsent(recorded_token(), "")])


def evidence() -> dict[str, str]:
    return {"salt": SALT.hex(), "file": FILE.hex(), "digest": evidence_digest(SALT, FILE)}
