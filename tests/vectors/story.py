"""What happens in the made-up alliance: the bidder's records, the home's log, a grant, a read, a bundle."""

from collections.abc import Mapping
from functools import cache

from msgspec.structs import replace

from node.domain import merkle
from node.domain.bundle import (
    BUNDLE_TYPE,
    Authority,
    Bundle,
    LaterCheckpoint,
    LegalAuthority,
    bundle_digest,
    encode_bundle,
)
from node.domain.case import CaseList, write_case
from node.domain.checkpoint import Checkpoint, sign_checkpoint
from node.domain.cosignature import cosign, with_cosignatures
from node.domain.custody import Custody, LedgerClock, content_of
from node.domain.document import document_digest, sign_document
from node.domain.encoding import from_base64url, to_base64url
from node.domain.evidence import Evidence, ShownRecord, encode_evidence, evidence_digest, show_record
from node.domain.grant import AccessRequest, Grant, Scope, grant_terms
from node.domain.ledger_ids import grant_id
from node.domain.legal_read import LegalAnswer, LegalCountersignature, LegalRead, LegalRequest, Notice
from node.domain.reading import ReadAnswer, ReadReceipt, ReadRequest
from node.domain.record import RecordHeader, SealedRecord, seal_record
from node.wallet.keyfile import WalletKey
from tests.vectors import authority, world
from tests.vectors.keys import fixed_bytes, log_key, p256
from tests.vectors.ledger_state import BLOCK, ledger_proof
from tests.vectors.world import ALLIANCE, HOME, NOW, READER, SUBJECT, THIRD

LOG_SIZE = 21
OFFICERS = (p256("first officer"), p256("second officer"))
"""Of the reader."""
OWN_SIZE = 18
"""What the home shows of itself is under an earlier checkpoint."""
WITNESSES = (READER, THIRD)
PLACES = {"base": 4, "qualification": 11, "tender": 17}
"""Where the records stand in the home's log; everywhere else is cover. They are older than definitions."""
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
    "award": {"title": "示例工程", "value_amount": "123456.78", "value_currency": "CNY"},
    "tender": {"title": '示例工程 "一标段"\n', "budget": {"amount": "123456.789012", "currency": "CNY"}},
}
SCOPE = (
    Scope("subject.base", ("credit_code", "name", "phone")),
    Scope("subject.qualification", ("field_03",), 1),
)
SHOWN = {"base": ("credit_code", "name"), "qualification": ("field_03",)}
"""The subject never stated a phone, so it cannot be shown."""


def header(name: str) -> RecordHeader:
    is_tender = name in {"tender", "award"}
    return RecordHeader(
        alliance=ALLIANCE,
        member=HOME,
        category=f"trade.{name}" if is_tender else f"subject.{name}",
        thing="ocds-示例-1" if is_tender else name,
        version=2 if name == "base" else 1,
        owner=HOME if is_tender else SUBJECT,
        source_system="示例交易系统" if is_tender else "wallet",
        source_version="r7" if is_tender else "",
        captured="2026-03-01T02:00:00.125Z",
        clock="system",
        occurred="2026-02-28T09:30:00+08:00" if is_tender else "",
        definition=1 if name == "award" else 0,
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
def note(size: int = LOG_SIZE) -> str:
    key = log_key(f"{HOME} log")
    return sign_checkpoint(Checkpoint(ALLIANCE, HOME, size, root(size)), key.public, key.sign)


@cache
def cosigned(size: int = LOG_SIZE, witnesses: tuple[str, ...] = WITNESSES) -> str:
    """The home's checkpoint as others have cosigned it."""
    checkpoint = Checkpoint(ALLIANCE, HOME, size, root(size))
    keys = {name: log_key(f"{name} log") for name in witnesses}
    lines = [cosign(checkpoint, name, key.public, NOW + 1, key.sign) for name, key in keys.items()]
    return with_cosignatures(note(size), lines)


def shown(name: str, fields: tuple[str, ...], size: int = LOG_SIZE) -> ShownRecord:
    sealed, place = record(name), PLACES[name]
    disclosures = [sealed.commitments.disclosures[field] for field in fields]
    proof = merkle.inclusion_proof(place, size, read_node)
    return show_record(sealed.payload, sealed.commitments.blind, disclosures, place, proof)


@cache
def evidence() -> Evidence:
    return Evidence(note(), tuple(shown(name, fields) for name, fields in SHOWN.items()))


def legal_request() -> LegalRequest:
    return LegalRequest(
        **world.common("legal request"),
        iss=READER,
        aud=HOME,
        subject=SUBJECT,
        credit_code="",
        scope=SCOPE,
        purpose="litigation",
        basis="court",
        authority="示例市中级人民法院",
        case="（2026）示01民初1号",
        instrument=fixed_bytes("order").hex(),
        notice=Notice(NOW + 30 * 86_400, "pipl-18", "案件不公开审理"),
        officer="officer-zhang",
        key=OFFICERS[0].public.hex(),
        second="officer-li",
    )


def legal_countersignature() -> LegalCountersignature:
    return LegalCountersignature(
        **world.common("legal countersignature"),
        iss=READER,
        request=document_digest(sign_document(legal_request(), OFFICERS[0].sign)).hex(),
        officer="officer-li",
        key=OFFICERS[1].public.hex(),
    )


def legal_read() -> LegalRead:
    return LegalRead(
        **world.common("legal read"),
        iss=READER,
        aud=HOME,
        request=legal_countersignature().request,
        countersignature=document_digest(sign_document(legal_countersignature(), OFFICERS[1].sign)).hex(),
    )


def legal_answer() -> LegalAnswer:
    return LegalAnswer(
        **world.common("legal answer"),
        iss=HOME,
        aud=READER,
        read=document_digest(sign_document(legal_read(), world.identity(READER).sign)).hex(),
        evidence=evidence_digest(encode_evidence(evidence())),
        as_of=NOW,
    )


def access_request() -> AccessRequest:
    return AccessRequest(
        **world.common("access request"),
        iss=READER,
        aud=HOME,
        subject=SUBJECT,
        scope=SCOPE,
        purpose="registration-reuse",
        basis="consent",
        uses=2,
        exp=NOW + 30 * 86_400,
    )


def revocation_key() -> WalletKey:
    return WalletKey(world.WALLET.key).revocation_key(world.jti("grant"))


def grant() -> Grant:
    return Grant(
        **world.common("grant"),
        iss=SUBJECT,
        aud=(READER,),
        home=HOME,
        key=world.WALLET.public.hex(),
        request=world.jti("access request"),
        scope=SCOPE,
        purpose="registration-reuse",
        basis="consent",
        uses=2,
        standing=False,
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
        as_of=world.common("read answer")["iat"],
    )


@cache
def read_answer_token() -> str:
    return sign_document(read_answer(), world.identity(HOME).sign)


def read_receipt() -> ReadReceipt:
    answer = document_digest(read_answer_token()).hex()
    return ReadReceipt(**world.common("read receipt"), iss=READER, aud=HOME, answer=answer)


def authority_section() -> Authority:
    return Authority(grant_token(), world.delegation_token(), read_request_token(), read_answer_token())


def later(old: int, new: int = LOG_SIZE, witnesses: tuple[str, ...] = WITNESSES) -> LaterCheckpoint:
    """A later checkpoint, and why it contains the earlier one."""
    proof = merkle.consistency_proof(old, new, read_node)
    return LaterCheckpoint(cosigned(new, witnesses), tuple(map(to_base64url, proof)))


def custody(of: Bundle, keeper: str, **changes: object) -> str:
    """A keeper's statement on a bundle."""
    payloads = [from_base64url(record.payload) for record in of.evidence.records]
    statement = Custody(
        **world.common(f"custody {keeper}"),
        iss=keeper,
        bundle=bundle_digest(of),
        records=tuple(map(content_of, payloads)),
        storage="aes-256-gcm",
        software="heqi 0",
        clock=LedgerClock(BLOCK, fixed_bytes("newest block").hex(), NOW),
        obtained=0 if of.authority is None and of.legal is None else NOW,
    )
    return sign_document(replace(statement, **changes), world.identity(keeper).sign)


def kept(of: Bundle, keeper: str = "", **changes: object) -> Bundle:
    """The bundle with its keeper's statement."""
    is_own = of.authority is None and of.legal is None
    return replace(of, custody=custody(of, keeper or (HOME if is_own else READER), **changes))


@cache
def read_bundle() -> Bundle:
    """What the reader can show: records of another centre, with the authority under which they were read."""
    proof = ledger_proof(LOG_SIZE, root(LOG_SIZE), granted_id())
    shows = Bundle(BUNDLE_TYPE, ALLIANCE, HOME, evidence(), authority_section())
    return kept(replace(shows, later=(later(LOG_SIZE),), ledger=(proof,)))


def legal_section(**changes: str) -> LegalAuthority:
    tokens = {
        "read": sign_document(legal_read(), world.identity(READER).sign),
        "request": sign_document(legal_request(), OFFICERS[0].sign),
        "countersignature": sign_document(legal_countersignature(), OFFICERS[1].sign),
        "answer": sign_document(legal_answer(), world.identity(HOME).sign),
    }
    return LegalAuthority(**{**tokens, **changes})


@cache
def legal_bundle() -> Bundle:
    """What the reader can show of the same records, read on the order of a court."""
    proof = ledger_proof(LOG_SIZE, root(LOG_SIZE))
    shows = Bundle(BUNDLE_TYPE, ALLIANCE, HOME, evidence(), legal=legal_section())
    return kept(replace(shows, later=(later(LOG_SIZE),), ledger=(proof,)))


@cache
def home_bundle() -> Bundle:
    """What the home shows of itself: one record of its own, every field; anchored and witnessed later."""
    fields = tuple(sorted(FIELDS["tender"]))
    shows = Evidence(note(OWN_SIZE), (shown("tender", fields, OWN_SIZE),))
    proof = ledger_proof(LOG_SIZE, root(LOG_SIZE))
    return kept(Bundle(BUNDLE_TYPE, ALLIANCE, HOME, shows, later=(later(OWN_SIZE),), ledger=(proof,)))


@cache
def bundle() -> bytes:
    return encode_bundle(read_bundle())


@cache
def own_bundle() -> bytes:
    return encode_bundle(home_bundle())


def case_list(compiler: str = THIRD) -> CaseList:
    """Both bundles, put together by a third member."""
    measures = (content_of(own_bundle()), content_of(bundle()))
    return CaseList(**world.common("case"), iss=compiler, title="（2026）示例民初1号", bundles=measures)


@cache
def case() -> bytes:
    signed = sign_document(case_list(), world.identity(THIRD).sign)
    return b"".join(write_case(signed, (own_bundle(), bundle())))
