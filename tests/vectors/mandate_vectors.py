"""A mandate, a grant under it, and the check of a draft."""

from collections.abc import Mapping
from typing import Any

import msgspec

from node.domain.document import sign_document
from node.domain.encoding import canonical_json
from node.domain.grant import Grant
from node.domain.joint_bid import (
    Agreement,
    JointBid,
    Share,
    agreement_digest,
    encode_joint_bid,
    section_commitment,
)
from node.domain.ledger_ids import subject_id
from node.domain.mandate import Mandate
from node.domain.wallet import BranchCall, CheckCall, JointBidCall, PackageRecord, WalletCall
from node.wallet.mandates import mandate_id
from tests.vectors import story, wallet_calls, world
from tests.vectors.authority import CREDIT_CODE
from tests.vectors.keys import P256TestKey, derived, fixed_bytes, p256
from tests.vectors.world import ALLIANCE, NOW, READER, SUBJECT, THIRD, WALLET

SECTION_SALT = fixed_bytes("section salt")


def attorney() -> P256TestKey:
    """The key of whoever may act."""
    return p256("attorney")


def mandate() -> Mandate:
    revoker = derived(WALLET, b"heqi.revocation.v1", world.jti("mandate"))
    return Mandate(
        **world.common("mandate"),
        iss=SUBJECT,
        key=WALLET.public.hex(),
        form="attorney",
        agent="",
        agent_key=attorney().public.hex(),
        agent_name="示例人王五（投标专员）",
        powers=("grant", "look"),
        scope=story.SCOPE,
        receivers=(READER,),
        purposes=(),
        uses=5,
        nbf=NOW,
        exp=NOW + 90 * 86_400,
        register_before=NOW + 3_600,
        revoker=(world.contract("ES256Verifier") + revoker.public).hex(),
        agreement="",
        principal_code="",
        agent_code="",
    )


def mandate_token() -> str:
    return sign_document(mandate(), WALLET.sign)


def grant() -> Grant:
    """The same as the subject's own, by the attorney."""
    return msgspec.structs.replace(
        story.grant(),
        jti=world.jti("grant under a mandate"),
        key=attorney().public.hex(),
        mandate=mandate_token(),
    )


def grant_token() -> str:
    return sign_document(grant(), attorney().sign)


def parent() -> P256TestKey:
    """The key of another subject: a parent, or a member of a joint bid."""
    return p256("attorney")


def other_subject() -> str:
    return subject_id(bytes.fromhex(ALLIANCE), THIRD, fixed_bytes("other subject salt")).hex()


def confirmation() -> Mandate:
    """A parent confirms the subject to be its branch."""
    return msgspec.structs.replace(
        _without_powers(parent(), other_subject(), "confirmation"),
        form="branch",
        agent=SUBJECT,
        agent_name="示例建设有限公司",
        principal_code="91110108740053589U",
        agent_code=CREDIT_CODE,
    )


def agreement() -> Agreement:
    shares = {SUBJECT: "60", other_subject(): "40"}
    return Agreement(
        alliance=ALLIANCE,
        members=tuple(Share(subject, shares[subject]) for subject in sorted(shares)),
        lead=SUBJECT,
        section=section_commitment(SECTION_SALT, "示例工程-1/标段2"),
        nbf=NOW,
        exp=NOW + 90 * 86_400,
        salt=fixed_bytes("joint bid").hex(),
    )


def joint_bid() -> JointBid:
    tokens = [
        sign_document(
            msgspec.structs.replace(
                _without_powers(key, subject, f"joint bid {subject}"),
                form="joint-bid",
                agent=SUBJECT,
                agent_name="示例建设有限公司",
                agreement=agreement_digest(agreement()),
            ),
            key.sign,
        )
        for key, subject in ((WALLET, SUBJECT), (parent(), other_subject()))
    ]
    return JointBid(agreement(), tuple(tokens))


def _without_powers(key: P256TestKey, subject: str, name: str) -> Mandate:
    return msgspec.structs.replace(
        mandate(),
        jti=world.jti(name),
        iss=subject,
        key=key.public.hex(),
        agent_key="",
        powers=(),
        scope=(),
        receivers=(),
        uses=0,
    )


def calls() -> list[WalletCall]:
    return [
        CheckCall(
            **wallet_calls.call_of("check"),
            delegation=world.delegation_token(),
            records=(PackageRecord("subject.base", "base", dict(story.FIELDS["base"])),),
        ),
        BranchCall(
            **wallet_calls.call_of("branch"),
            confirmation=sign_document(confirmation(), parent().sign),
            delegation=world.delegation_token(),
        ),
        JointBidCall(**wallet_calls.call_of("joint bid"), joint_bid=encode_joint_bid(joint_bid()).decode()),
    ]


def vectors() -> Mapping[str, Any]:
    return {
        "mandate_id": mandate_id(mandate_token()),
        "section_salt": SECTION_SALT.hex(),
        "section": "示例工程-1/标段2",
        "agreement": canonical_json(msgspec.to_builtins(agreement())).decode(),
        "agreement_digest": agreement_digest(agreement()),
    }
