"""Vectors of the trust list: entries, heads, and the nonce that commits to a delegation."""

from collections.abc import Mapping
from typing import Any

from eth_hash.auto import keccak
from msgspec.structs import replace

from node.domain.encoding import to_base64url
from node.domain.ledger_ids import trust_head
from node.domain.status import binding_nonce
from node.domain.trust import CreditCodeField, TrustAnchor, encode_anchor
from tests.vectors import authority, world
from tests.vectors.keys import fixed_bytes


def anchors() -> list[TrustAnchor]:
    plain = authority.anchor()
    further = replace(
        plain,
        id="other-ca",
        name="另一证书机构 Other CA",
        credit_code=CreditCodeField("1.2.156.10260.4.1.4", "extension", "NTRCN-"),
        policies=("1.2.156.10197.6.1.1", "1.2.156.10197.6.1.2"),
        key_usages=("content_commitment",),
        ocsp=("http://ocsp.example/",),
        crl=("http://crl.example/ca.crl",),
        nonces=True,
        suspended=world.NOW,
    )
    stamps = TrustAnchor(
        id="tsa",
        name="时间戳机构 TSA",
        certificate=plain.certificate,
        serves="timestamps",
        timestamp=("https://tsa.example/",),
    )
    return [plain, further, stamps]


def trust() -> Mapping[str, Any]:
    entries = [(anchor.id, encode_anchor(anchor)) for anchor in anchors()]
    token, salt = world.delegation_token(), fixed_bytes("status salt", 16)
    return {
        "entries": [{"ca": name, "entry": raw.decode(), "hash": keccak(raw).hex()} for name, raw in entries],
        "head": trust_head(entries).hex(),
        "nonce": {
            "salt": to_base64url(salt),
            "delegation": token,
            "nonce": binding_nonce(token, salt).hex(),
        },
    }
