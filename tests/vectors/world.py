"""One made-up alliance from which the vectors are taken: three centres, a bank, one bidder, one grant, one read.

Everything follows from names (`keys.py`), so two runs give the same bytes.
"""

from functools import cache

import msgspec

from node.domain.delegation import Delegation, sign_delegation
from node.domain.descriptor import (
    CONTRACTS,
    DESCRIPTOR_TYPE,
    AllianceFile,
    DeployedContract,
    Descriptor,
    MemberCard,
    sign_descriptor,
)
from node.domain.document import sign_document
from node.domain.encoding import to_base64url
from node.domain.ledger_ids import Eip712Domain, subject_id
from tests.vectors import authority
from tests.vectors.keys import P256TestKey, fixed_bytes, log_key, p256, sealing_public

NOW = 1_772_330_400
"""2026-03-01T02:00:00Z."""
ALLIANCE = fixed_bytes("alliance").hex()
CHAIN_ID = 20_260_301
HOME, READER, THIRD = CENTRES = ("centre-a", "centre-b", "centre-c")
GUARANTOR = "bank-d"
"""Admitted after the founding."""
WALLET = p256("wallet")
SUBJECT = subject_id(bytes.fromhex(ALLIANCE), HOME, fixed_bytes("subject salt")).hex()


def identity(member: str) -> P256TestKey:
    return p256(f"{member} identity")


def jti(name: str) -> str:
    return to_base64url(fixed_bytes(f"jti {name}", 16))


def common(name: str) -> dict[str, object]:
    """The members that all documents have."""
    return {"alliance": ALLIANCE, "iat": NOW, "jti": jti(name)}


def card(member: str) -> MemberCard:
    return MemberCard(
        alliance="",
        iat=NOW,
        jti=jti(f"card {member}"),
        iss=member,
        roles=2 if member == GUARANTOR else 1,
        account=fixed_bytes(f"account {member}", 20).hex(),
        identity_key=identity(member).public.hex(),
        log_key=log_key(f"{member} log").public.hex(),
        sealing_key=sealing_public(f"{member} sealing").hex(),
        endpoint=f"{member}.example:7401",
        wallet_endpoint=f"{member}.example:7402",
    )


@cache
def card_token(member: str) -> str:
    return sign_document(card(member), identity(member).sign)


@cache
def descriptor() -> Descriptor:
    return Descriptor(
        type=DESCRIPTOR_TYPE,
        alliance=ALLIANCE,
        name="测试联盟 Test alliance",
        created=NOW,
        chain_id=CHAIN_ID,
        genesis_hash=fixed_bytes("genesis").hex(),
        deployed_block=1,
        contracts={name: _contract(name) for name in sorted(CONTRACTS)},
        founders=tuple(card_token(member) for member in CENTRES),
        trust_anchors=(authority.anchor(),),
    )


def descriptor_signature(member: str, of: Descriptor | None = None) -> str:
    return sign_descriptor(
        of or descriptor(), member, identity(member).sign, iat=NOW, jti=jti(f"alliance {member}")
    )


@cache
def alliance_file() -> bytes:
    signatures = {member: descriptor_signature(member) for member in CENTRES}
    return readable(AllianceFile(descriptor(), signatures))


def readable(file: AllianceFile) -> bytes:
    return msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n"


def contract(name: str) -> bytes:
    """20 bytes: where the contract is."""
    return bytes.fromhex(_contract(name).address)


def domain(name: str) -> Eip712Domain:
    return Eip712Domain(CHAIN_ID, contract(name), bytes.fromhex(ALLIANCE))


def delegation(name: str = "delegation") -> Delegation:
    return Delegation(
        **common(name),
        key=WALLET.public.hex(),
        credit_code=authority.CREDIT_CODE,
        exp=NOW + 365 * 86_400,
    )


@cache
def delegation_token(*, rsa: bool = False) -> str:
    if rsa:
        bidder = authority.bidder(rsa_bits=2048)
        return sign_delegation(delegation("delegation rsa"), [bidder.der], bidder.key)
    bidder = authority.bidder()
    # `sign_delegation` signs with fresh randomness; the vector needs the deterministic signature.
    signing_input = sign_delegation(delegation(), [bidder.der], bidder.key).rpartition(".")[0]
    signature = p256("bidder certificate").sign(signing_input.encode())
    return f"{signing_input}.{to_base64url(signature)}"


def _contract(name: str) -> DeployedContract:
    return DeployedContract(fixed_bytes(f"contract {name}", 20).hex(), fixed_bytes(f"code {name}").hex())
