"""What wallets ask nodes: one request of each kind."""

from node.domain.award import AwardGrant
from node.domain.controller import PASSKEY
from node.domain.delegation import KeyAcceptance
from node.domain.document import document_digest, sign_document
from node.domain.ledger_ids import (
    change_controller_digest,
    move_subject_digest,
    revoke_grant_digest,
    veto_recovery_digest,
)
from node.domain.wallet import (
    ApplicationsCall,
    ApplyCall,
    AwardsCall,
    CodeCall,
    ControllerCall,
    CopyCall,
    EraseCall,
    ExportCall,
    FinishCall,
    GrantCall,
    HistoryCall,
    MoveCall,
    PackageRecord,
    PlaceCall,
    RecoverCall,
    RegisterCall,
    RelayCall,
    ReleaseCall,
    ReleasesCall,
    RevokeCall,
    StatusCall,
    StepCall,
    StepsCall,
    VetoCall,
    WalletCall,
)
from tests.vectors import guarantee_story, story, world
from tests.vectors.keys import P256TestKey, derived, p256
from tests.vectors.world import GUARANTOR, HOME, SUBJECT, THIRD, WALLET

NEXT = p256("next wallet")


def revoker() -> P256TestKey:
    """The one-time revocation key of the grant."""
    return derived(WALLET, b"heqi.revocation.v1", world.jti("grant"))


def calls() -> list[WalletCall]:
    return [*_about_grants(), *_about_guarantees(), *_about_moving()]


def awards_call() -> AwardsCall:
    """The bidder asks the tender's centre for the proof of its awards."""
    return AwardsCall(
        **call_of("awards", node=guarantee_story.CENTRE),
        project="示例工程-1",
        delegation=world.delegation_token(),
    )


def award_grant() -> AwardGrant:
    """The bidder lets the bank read its awards."""
    one_time = derived(WALLET, b"heqi.revocation.v1", world.jti("award grant"))
    return AwardGrant(
        **world.common("award grant"),
        iss=SUBJECT,
        key=WALLET.public.hex(),
        aud=GUARANTOR,
        centre=guarantee_story.CENTRE,
        project="示例工程-1",
        exp=world.NOW + 30 * 86_400,
        register_before=world.NOW + 3_600,
        revoker=(world.contract("ES256Verifier") + one_time.public).hex(),
    )


def erase_call() -> EraseCall:
    """The subject has two categories erased."""
    return EraseCall(**call_of("erase"), categories=("access.read", "subject.qualification"))


def signer(call: WalletCall) -> P256TestKey:
    """Whose wallet asks."""
    if isinstance(call, RecoverCall | FinishCall):
        return NEXT
    return (
        guarantee_story.beneficiary_key()
        if isinstance(call, ReleaseCall | ReleasesCall | StepCall | StepsCall)
        else WALLET
    )


def _about_grants() -> list[WalletCall]:
    signed = revoke_grant_digest(world.domain("Grants"), story.granted_id())
    package = tuple(
        PackageRecord(f"subject.{name}", name, dict(story.FIELDS[name])) for name in ("base", "qualification")
    )
    granted = story.grant()
    terms = {
        "digest": document_digest(story.grant_token()).hex(),
        "register_before": granted.register_before,
        "exp": granted.exp,
        "revoker": granted.revoker,
    }
    return [
        RegisterCall(**call_of("register", subject=""), delegation=world.delegation_token(), records=package),
        StatusCall(**call_of("status")),
        GrantCall(**call_of("grant"), grant=story.grant_token()),
        RelayCall(**call_of("relay", node=THIRD), **terms),
        RevokeCall(**call_of("revoke"), **terms, signature=revoker().sign(signed).hex()),
        HistoryCall(**call_of("history")),
        ExportCall(**call_of("export")),
    ]


def move_digest() -> bytes:
    """What the wallet signs to make the other centre its home."""
    return move_subject_digest(world.domain("Subjects"), bytes.fromhex(SUBJECT), 2, THIRD)


def _about_moving() -> list[WalletCall]:
    package = PackageRecord("subject.base", "base", dict(story.FIELDS["base"]))
    return [
        MoveCall(
            **call_of("move", node=THIRD),
            delegation=world.delegation_token(),
            records=(package,),
            version=2,
            signature=WALLET.sign(move_digest()).hex(),
            grants=(),
        ),
        CopyCall(**call_of("copy")),
        PlaceCall(**call_of("place", node=THIRD)),
        ControllerCall(
            **call_of("controller", node=THIRD),
            removed="",
            added=PASSKEY + NEXT.public.hex(),
            version=2,
            signature=WALLET.sign(_change_digest()).hex(),
        ),
        VetoCall(
            **call_of("veto", node=THIRD),
            version=2,
            signature=WALLET.sign(
                veto_recovery_digest(world.domain("Subjects"), bytes.fromhex(SUBJECT), 2)
            ).hex(),
        ),
        RecoverCall(
            **call_of("recover", node=THIRD, key=NEXT),
            delegation=world.delegation_token(),
            former=world.delegation_token(),
            acceptance=sign_document(acceptance(), WALLET.sign),
        ),
        FinishCall(**call_of("finish", node=THIRD, key=NEXT)),
    ]


def acceptance() -> KeyAcceptance:
    """The wallet's key says that the delegation is its own company's."""
    return KeyAcceptance(
        **world.common("acceptance"),
        key=WALLET.public.hex(),
        delegation=document_digest(world.delegation_token()).hex(),
    )


def _change_digest() -> bytes:
    added = world.contract("WebAuthnVerifier") + NEXT.public
    return change_controller_digest(
        world.domain("Subjects"), bytes.fromhex(SUBJECT), 2, removed=b"", added=added
    )


def _about_guarantees() -> list[WalletCall]:
    told = guarantee_story
    asked = told.guarantee()
    return [
        CodeCall(
            **call_of("code", node=told.CENTRE), section=told.SECTION, delegation=world.delegation_token()
        ),
        ApplyCall(
            **call_of("apply", node=GUARANTOR),
            code=told.code_token(),
            grant=told.grant_token(),
            applicant_key=asked.applicant_key,
            beneficiary_name=asked.beneficiary_name,
            beneficiary_key=asked.beneficiary_key,
            section=asked.section,
            guarantee_kind=asked.guarantee_kind,
            amount=asked.amount,
            currency=asked.currency,
            nbf=asked.nbf,
            exp=asked.exp,
        ),
        ApplicationsCall(**call_of("applications", node=GUARANTOR)),
        ReleasesCall(
            **call_of("releases", subject="", node=told.CENTRE, key=told.beneficiary_key()),
            section=told.SECTION,
        ),
        ReleaseCall(
            **call_of("release", subject="", node=told.CENTRE, key=told.beneficiary_key()),
            guarantee=told.guarantee_token(),
            release=told.release_token(),
            signature=told.beneficiary_key().sign(told.release_digest()).hex(),
        ),
        StepCall(
            **call_of("step", subject="", node=told.CENTRE, key=told.beneficiary_key()),
            guarantee=told.guarantee_token(),
            step=told.claim_token(),
            signature=told.beneficiary_key().sign(told.claim_digest()).hex(),
            receipt=told.claim_receipt(),
        ),
        StepsCall(
            **call_of("steps", subject="", node=GUARANTOR, key=told.beneficiary_key()),
            guarantee=told.guarantee_token(),
        ),
    ]


def call_of(
    name: str, subject: str = SUBJECT, node: str = HOME, key: P256TestKey = WALLET
) -> dict[str, object]:
    common = world.common(f"wallet {name}")
    return {**common, "node": node, "subject": subject, "key": key.public.hex()}
