"""What the bidder's wallet asks its node: one request of each kind."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.domain.document import document_digest
from node.domain.ledger_ids import revoke_grant_digest
from node.domain.wallet import (
    GrantCall,
    HistoryCall,
    PackageRecord,
    RegisterCall,
    RevokeCall,
    StatusCall,
    WalletCall,
)
from tests.vectors import story, world
from tests.vectors.keys import P256_ORDER, P256TestKey
from tests.vectors.world import HOME, SUBJECT, WALLET


def revoker() -> P256TestKey:
    """The one-time revocation key, by the formula in `docs/formats/ledger.md` and not by the wallet's code."""
    secret = WALLET.scalar.to_bytes(32, "big")
    salt = world.jti("grant").encode()
    material = HKDF(hashes.SHA256(), 48, salt=salt, info=b"heqi.revocation.v1").derive(secret)
    return P256TestKey(int.from_bytes(material, "big") % (P256_ORDER - 1) + 1)


def calls() -> list[WalletCall]:
    terms, digest = story.grant(), document_digest(story.grant_token())
    signed = revoke_grant_digest(world.domain("Grants"), story.granted_id())
    package = tuple(
        PackageRecord(f"subject.{name}", name, dict(story.FIELDS[name])) for name in ("base", "qualification")
    )
    return [
        RegisterCall(**_call("register", subject=""), delegation=world.delegation_token(), records=package),
        StatusCall(**_call("status")),
        GrantCall(**_call("grant"), grant=story.grant_token()),
        RevokeCall(
            **_call("revoke"),
            digest=digest.hex(),
            register_before=terms.register_before,
            exp=terms.exp,
            revoker=terms.revoker,
            signature=revoker().sign(signed).hex(),
        ),
        HistoryCall(**_call("history")),
    ]


def _call(name: str, subject: str = SUBJECT) -> dict[str, object]:
    common = world.common(f"wallet {name}")
    return {**common, "node": HOME, "subject": subject, "key": WALLET.public.hex()}
