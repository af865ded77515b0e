"""What happens in the made-up alliance: the bidder's records, the home's log, a grant, a read, a bundle."""

from collections.abc import Mapping
from functools import cache

from node.domain import merkle
from node.domain.bundle import BUNDLE_TYPE, Authority, Bundle, encode_bundle
from node.domain.checkpoint import Checkpoint, sign_checkpoint
from node.domain.document import document_digest, sign_document
from node.domain.evidence import Evidence, ShownRecord, encode_evidence, evidence_digest, show_record
from node.domain.grant import AccessRequest, Grant, Scope, grant_terms
from node.domain.ledger_ids import grant_id
from node.domain.reading import ReadAnswer, ReadReceipt, ReadRequest
from node.domain.record import RecordHeader, SealedRecord, seal_record
from node.wallet.keyfile import WalletKey
from tests.vectors import authority, world
from tests.vectors.keys import fixed_bytes, log_key
from tests.vectors.world import ALLIANCE, HOME, NOW, READER, SUBJECT

LOG_SIZE = 21
PLACES = {"base": 4, "qualification": 11, "tender": 17}
"""Where the records stand in the home's log; everywhere else is cover."""
FIELDS: Mapping[str, Mapping[str, object]] = {
    "base": {
        "address": "示例市示例路1号 \U0001f3d7",
        "contact": {"name": "张三", "phone": "+86 000 0000"},
        "credit_code": authority.CREDIT_CODE,
        "employees": 42,
        "founded": "2001-02-03",
        "is_small": False,
        "name": authority.ORGANISATION,
        "registered_capital": "1000.50",
        "trades": ["建筑工程", "市政工程"],
    },
    "qualification": {f"field_{i:02}": i for i in range(16)},
    "tender": {"title": '示例工程 "一标段"\n', "budget": {"amount": "123456.789012", "currency": "CNY"}},
}
SCOPE = (
    Scope("subject.base", ("credit_code", "name", "phone")),
    Scope("subject.qualification", ("field_03",), 1),
)
SHOWN = {"base": ("credit_code", "name"), "qualification": ("field_03",)}
"""The subject never stated a phone, so it cannot be shown."""


def header(name: str) -> RecordHeader:
    is_tender = name == "tender"
    return RecordHeader(
        alliance=ALLIANCE,
        member=HOME,
        category="trade.tender" if is_tender else f"subject.{name}",
        thing="ocds-示例-1" if is_tender else name,
        version=2 if name == "base" else 1,
        owner=HOME if is_tender else SUBJECT,
        source_system="示例交易系统" if is_tender else "wallet",
        source_version="r7" if is_tender else "",
        captured="2026-03-01T02:00:00.125Z",
        clock="system",
        occurred="2026-02-28T09:30:00+08:00" if is_tender else "",
    )


def seed(name: str) -> bytes:
    return fixed_bytes(f"seed {name}")


@cache
def record(name: str) -> SealedRecord:
    return seal_record(header(name), FIELDS[name], seed(name))


@cache
def entries() -> tuple[bytes, ...]:
    """32 bytes for each place in the log."""
    held = {place: record(name).entry for name, place in PLACES.items()}
    return tuple(held.get(place) or fixed_bytes(f"cover {place}") for place in range(LOG_SIZE))


@cache
def nodes() -> Mapping[tuple[int, int], bytes]:
    leaves = [merkle.leaf_hash(entry) for entry in entries()]
    grown: dict[tuple[int, int], bytes] = {}
    for level, index, value in merkle.grow(0, leaves, lambda level, index: grown[level, index]):
        grown[level, index] = value
    return grown


def read_node(level: int, index: int) -> bytes:
    return nodes()[level, index]


def root(size: int) -> bytes:
    return merkle.root_hash(size, read_node)


@cache
def note() -> str:
    key = log_key(f"{HOME} log")
    return sign_checkpoint(Checkpoint(ALLIANCE, HOME, LOG_SIZE, root(LOG_SIZE)), key.public, key.sign)


def shown(name: str, fields: tuple[str, ...]) -> ShownRecord:
    sealed, place = record(name), PLACES[name]
    disclosures = [sealed.commitments.disclosures[field] for field in fields]
    proof = merkle.inclusion_proof(place, LOG_SIZE, read_node)
    return show_record(sealed.payload, sealed.commitments.blind, disclosures, place, proof)


@cache
def evidence() -> Evidence:
    return Evidence(note(), tuple(shown(name, fields) for name, fields in SHOWN.items()))


def access_request() -> AccessRequest:
    return AccessRequest(
        **world.common("access request"),
        iss=READER,
        aud=HOME,
        subject=SUBJECT,
        scope=SCOPE,
        purpose="registration-reuse",
        uses=2,
        exp=NOW + 30 * 86_400,
    )


def revocation_key() -> WalletKey:
    return WalletKey(world.WALLET.key).revocation_key(world.jti("grant"))


def grant() -> Grant:
    return Grant(
        **world.common("grant"),
        iss=SUBJECT,
        aud=READER,
        home=HOME,
        key=world.WALLET.public.hex(),
        request=world.jti("access request"),
        scope=SCOPE,
        purpose="registration-reuse",
        uses=2,
        nbf=NOW,
        exp=NOW + 30 * 86_400,
        register_before=NOW + 3_600,
        revoker=(world.contract("ES256Verifier") + revocation_key().public_key).hex(),
    )


@cache
def grant_token() -> str:
    return sign_document(grant(), world.WALLET.sign)


def granted_id() -> bytes:
    terms = grant_terms(grant(), document_digest(grant_token()))
    return grant_id(bytes.fromhex(ALLIANCE), terms)


def read_request() -> ReadRequest:
    return ReadRequest(
        **world.common("read request"),
        iss=READER,
        aud=HOME,
        grant=granted_id().hex(),
        scope=SCOPE,
        purpose="registration-reuse",
    )


@cache
def read_request_token() -> str:
    return sign_document(read_request(), world.identity(READER).sign)


def read_answer() -> ReadAnswer:
    return ReadAnswer(
        **world.common("read answer"),
        iss=HOME,
        aud=READER,
        request=document_digest(read_request_token()).hex(),
        evidence=evidence_digest(encode_evidence(evidence())),
        use=1,
    )


@cache
def read_answer_token() -> str:
    return sign_document(read_answer(), world.identity(HOME).sign)


def read_receipt() -> ReadReceipt:
    answer = document_digest(read_answer_token()).hex()
    return ReadReceipt(**world.common("read receipt"), iss=READER, aud=HOME, answer=answer)


def authority_section() -> Authority:
    return Authority(grant_token(), world.delegation_token(), read_request_token(), read_answer_token())


@cache
def bundle() -> bytes:
    """What the reader can show: records of another centre, with the authority under which they were read."""
    return encode_bundle(Bundle(BUNDLE_TYPE, ALLIANCE, HOME, evidence(), authority_section()))


@cache
def own_bundle() -> bytes:
    """What the home shows of itself: one record of its own, every field."""
    fields = tuple(sorted(FIELDS["tender"]))
    return encode_bundle(Bundle(BUNDLE_TYPE, ALLIANCE, HOME, Evidence(note(), (shown("tender", fields),))))
