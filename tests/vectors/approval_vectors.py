"""What two officers sign: a delegation that reserves acts, an approval, a grant and a request that carry it."""

import msgspec

from node.domain.approval import Approval, approved_id
from node.domain.delegation import sign_delegation
from node.domain.document import Document, sign_document
from node.domain.encoding import to_base64url
from node.domain.grant import Grant
from tests.vectors import authority, story, wallet_calls, world
from tests.vectors.keys import P256TestKey, p256
from tests.vectors.world import WALLET

SECOND = p256("second officer")


def delegation_token() -> str:
    """For the second officer's key."""
    said = msgspec.structs.replace(
        world.delegation("second delegation"),
        key=SECOND.public.hex(),
        two_officers=("grant", "move"),
    )
    bidder = authority.bidder()
    signing_input = sign_delegation(said, [bidder.der], bidder.key).rpartition(".")[0]
    return f"{signing_input}.{to_base64url(p256('bidder certificate').sign(signing_input.encode()))}"


def approval(document: Document, name: str, key: P256TestKey = SECOND) -> str:
    said = Approval(
        **world.common(name),
        key=key.public.hex(),
        document=approved_id(document, WALLET.public.hex()),
        delegation=delegation_token(),
    )
    return sign_document(said, key.sign)


def grant() -> Grant:
    """The subject's own, approved."""
    alone = msgspec.structs.replace(story.grant(), jti=world.jti("grant of two"))
    return msgspec.structs.replace(alone, approval=approval(alone, "approval"))


def documents() -> list[tuple[str, str]]:
    """Each with the name of the key that signed it."""
    erase = wallet_calls.erase_call()
    erase = msgspec.structs.replace(erase, approval=approval(erase, "approval of an erasure"))
    return [
        ("bidder certificate", delegation_token()),
        ("second officer", grant().approval),
        ("wallet", sign_document(grant(), WALLET.sign)),
        ("wallet", sign_document(erase, WALLET.sign)),
    ]


def false_grants() -> list[tuple[str, str]]:
    """Why, and the grant."""
    right = grant()
    own = approval(right, "own approval", WALLET)
    header, payload, _ = right.approval.split(".")
    changed = {
        "the approval is of the same grant with one use more": {"uses": right.uses + 1},
        "the approval is by the key that signs": {"approval": own},
        "the approval is not signed": {"approval": f"{header}.{payload}.{'A' * 86}"},
        "a grant stands for the approval": {"approval": story.grant_token()},
    }
    return [
        (why, sign_document(msgspec.structs.replace(right, **changes), WALLET.sign))
        for why, changes in changed.items()
    ]
