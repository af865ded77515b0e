"""That the code gives the bytes in the vector files, and `generate.py` the files."""

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_account import Account
from eth_hash.auto import keccak

from node.domain import (
    approval,
    archive,
    award,
    bank_order,
    bundle,
    bundle_check,
    certified,
    checkpoint,
    claim_payment,
    consent,
    credit_line,
    custody,
    delegation,
    descriptor,
    disclosure,
    dispute,
    document,
    encoding,
    erasure,
    evidence,
    grant,
    guarantee,
    guarantee_file,
    guarantee_statement,
    issue_rules,
    ledger_ids,
    legal_read,
    line_statement,
    login,
    mandate,
    member,
    merkle,
    notice,
    offer,
    opening,
    pledge,
    reading,
    record,
    reservation_key,
    sealed_guarantee,
    sealing,
    shares,
    status,
    trust,
    waiver,
    wallet,
)
from node.domain import case as case_
from node.domain.archive import (
    ArchivedAnchor,
    ArchivedRecord,
    ArchivedRow,
    FileEntry,
    decode_lines,
    encode_line,
)
from node.domain.category import categories
from node.domain.controller import controllers_digest
from node.domain.ledger import GrantTerms
from node.domain.signature import verify_p256
from node.domain.succession import ShownSuccession, follow, read_succession
from node.domain.tile import tile_path
from node.domain.trust import TrustList
from node.errors import DocumentFormatError, NodeError, SignatureError
from node.wallet import waivers as wallet_waivers
from node.wallet.keyfile import WalletKey
from node.wire.bank_manual import FILE_PATH, RESULT_PATH, SURRENDER_PATH, read_push
from tests.vectors import generate, waiver_vectors, world
from tests.vectors.keys import Ed25519TestKey, P256TestKey

FOLDER = Path(__file__).parent
SEALED_KINDS = (
    opening.OpeningKeyRequest,
    opening.OpeningKey,
    opening.OpeningTerms,
    opening.OpeningNotice,
    opening.ShareRequest,
    opening.ShareRelease,
    sealed_guarantee.SealedGuarantee,
    sealed_guarantee.ApplicationRefusal,
)
KINDS = {
    document.typ(kind): kind
    for kind in (
        descriptor.MemberCard,
        descriptor.DescriptorSignature,
        delegation.Delegation,
        delegation.KeyAcceptance,
        grant.AccessRequest,
        grant.Grant,
        reading.ReadRequest,
        reading.ReadAnswer,
        reading.ReadReceipt,
        consent.PersonConsent,
        consent.RecordedConsent,
        consent.ConsentWithdrawal,
        consent.ConsentReceipt,
        dispute.Dispute,
        dispute.DisputeAnswer,
        notice.Notice,
        notice.NoticeReceipt,
        wallet.ConsentCall,
        wallet.ConsentsCall,
        wallet.WithdrawCall,
        wallet.DisputeCall,
        wallet.DisputesCall,
        wallet.HoldersCall,
        custody.Custody,
        case_.CaseList,
        guarantee.ApplicationCode,
        guarantee.Guarantee,
        guarantee.GuaranteeRelease,
        guarantee_statement.Statement,
        guarantee_file.GuaranteeSeal,
        award.AwardGrant,
        pledge.BidPledge,
        waiver.BidWaiver,
        waiver.EvaluationState,
        erasure.ErasureReceipt,
        legal_read.LegalRequest,
        legal_read.LegalCountersignature,
        legal_read.LegalRead,
        legal_read.LegalAnswer,
        mandate.Mandate,
        approval.Approval,
        *SEALED_KINDS,
        *wallet.WalletCall.__subclasses__(),
        line_statement.LineStatement,
        offer.GuaranteeOffer,
        login.CertificateLogin,
        login.LoginSession,
        archive.ArchiveStatement,
    )
}


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


KEYS, CANONICAL, RECORD, LOG = (load(f"{name}.json") for name in ("keys", "canonical", "record", "log"))
DOCUMENTS, LEDGER, BUNDLE = (load(f"{name}.json") for name in ("documents", "ledger", "bundle"))
LOGIN = load("login.json")
ARCHIVE = load("archive.json")
CONSENT, SEALED, DESK = load("consent.json"), load("sealed.json"), load("desk.json")
APPROVAL, WAIVER = load("approval.json"), load("waiver.json")
ALL_DOCUMENTS = [
    case
    for topic in (DOCUMENTS, LOGIN, ARCHIVE, CONSENT, APPROVAL, SEALED, DESK, WAIVER)
    for case in topic["documents"]
]
ALLIANCE_FILE = load("descriptor.json")["file"].encode()


RECORD_HEADER = set(record.RecordHeader.__struct_fields__)


def by(name):
    """Test ids."""
    return lambda case: case[name] if isinstance(case, dict) else None


def from_hexes(texts):
    return [bytes.fromhex(text) for text in texts]


def test_the_generator_writes_the_committed_files(tmp_path):
    generate.main(tmp_path)
    for name in generate.TOPICS:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


@pytest.mark.parametrize("case", CANONICAL["canonical"])
def test_canonical_bytes(case):
    raw = bytes.fromhex(case["bytes"])
    assert encoding.canonical_json(case["value"]) == raw
    assert encoding.parse_canonical_json(raw) == case["value"]


@pytest.mark.parametrize("case", CANONICAL["refused"], ids=by("why"))
def test_json_that_is_not_canonical_is_refused(case):
    with pytest.raises(DocumentFormatError):
        encoding.parse_canonical_json(bytes.fromhex(case["bytes"]))


def test_base64url_and_times():
    for case in CANONICAL["base64url"]:
        assert encoding.to_base64url(bytes.fromhex(case["bytes"])) == case["text"]
        assert encoding.from_base64url(case["text"]).hex() == case["bytes"]
    for text in CANONICAL["base64url_refused"]:
        with pytest.raises(DocumentFormatError):
            encoding.from_base64url(text)
    for case in CANONICAL["times"]:
        assert encoding.to_rfc3339(case["seconds"]) == case["text"]


def test_slots_of_all_categories():
    assert RECORD["slots"] == {category.name: category.slots for category in categories()}


@pytest.mark.parametrize("case", RECORD["records"], ids=by("name"))
def test_record(case):
    seed, slots = bytes.fromhex(case["seed"]), RECORD["slots"][case["header"]["category"]]
    header = msgspec.convert(case["header"], record.RecordHeader)
    sealed = record.seal_record(header, case["fields"], seed)
    assert sealed.payload.decode() == case["payload"]
    assert sealed.entry.hex() == case["entry"]
    assert sealed.commitments == disclosure.Commitments(
        bytes.fromhex(case["blind"]), case["disclosures"], case["digests"]
    )
    assert len(case["digests"]) == slots
    assert record.parse_payload(sealed.payload) == (header, case["digests"])
    opened = disclosure.open_disclosures(case["disclosures"].values(), case["digests"])
    assert {field.name: field.value for field in opened} == case["fields"]


@pytest.mark.parametrize("case", RECORD["records"], ids=by("name"))
def test_record_secrets_by_the_formula_of_the_specification(case):
    stream = hashlib.shake_256(b"heqi.record.v1" + bytes.fromhex(case["seed"])).digest(case["stream_bytes"])
    names = sorted(case["fields"])
    assert stream[:32].hex() == case["blind"]
    at, digests = 32, []
    for name in names:
        salt = base64.urlsafe_b64encode(stream[at : at + 18]).decode()
        assert case["salts"][name] == salt
        assert json.loads(encoding.from_base64url(case["disclosures"][name])) == [
            salt,
            name,
            case["fields"][name],
        ]
        digests.append(hashlib.sha256(case["disclosures"][name].encode()).digest())
        at += 18
    digests += [stream[start : start + 32] for start in range(at, len(stream), 32)]
    assert sorted(base64.urlsafe_b64encode(d).rstrip(b"=").decode() for d in digests) == case["digests"]
    entry = b"heqi.entry.v1\0" + bytes.fromhex(case["blind"]) + case["payload"].encode()
    assert hashlib.sha256(entry).hexdigest() == case["entry"]


def test_log_tree():
    leaves = [merkle.leaf_hash(entry) for entry in from_hexes(LOG["entries"])]
    assert [leaf.hex() for leaf in leaves] == LOG["leaf_hashes"]
    nodes: dict[tuple[int, int], bytes] = {}

    def read(level, index):
        return nodes[level, index]

    for level, index, value in merkle.grow(0, leaves, read):
        nodes[level, index] = value
    assert {str(n): merkle.root_hash(n, read).hex() for n in range(len(leaves) + 1)} == LOG["roots"]
    for case in LOG["inclusion"]:
        proof = from_hexes(case["proof"])
        assert merkle.inclusion_proof(case["index"], case["size"], read) == proof
        root = bytes.fromhex(LOG["roots"][str(case["size"])])
        merkle.verify_inclusion(case["index"], case["size"], leaves[case["index"]], proof, root)
    for case in LOG["consistency"]:
        proof = from_hexes(case["proof"])
        assert merkle.consistency_proof(case["old"], case["new"], read) == proof
        roots = (bytes.fromhex(LOG["roots"][str(case[size])]) for size in ("old", "new"))
        merkle.verify_consistency(case["old"], case["new"], *roots, proof)


@pytest.mark.parametrize("case", LOG["checkpoints"], ids=by("size"))
def test_checkpoint(case):
    public = bytes.fromhex(case["log_key"])
    key = Ed25519TestKey(bytes.fromhex(KEYS["ed25519"][f"{case['member']} log"]["private"]))
    opened = checkpoint.open_checkpoint(case["note"], public)
    assert (opened.member, opened.size, opened.root.hex()) == (case["member"], case["size"], case["root"])
    assert opened.text == case["signed_text"]
    assert checkpoint.sign_checkpoint(opened, public, key.sign) == case["note"]


@pytest.mark.parametrize("case", LOG["refused"], ids=by("why"))
def test_false_checkpoint_is_refused(case):
    with pytest.raises(NodeError) as error:
        checkpoint.open_checkpoint(case["note"], bytes.fromhex(LOG["checkpoints"][0]["log_key"]))
    assert error.value.reason == case["reason"]


@pytest.mark.parametrize("case", ALL_DOCUMENTS, ids=lambda case: case["header"]["typ"])
def test_document(case):
    token = f"{case['signing_input']}.{encoding.to_base64url(bytes.fromhex(case['signature']))}"
    assert document.split_document(token) == (case["header"], case["payload"].encode())
    assert document.document_digest(token).hex() == case["id"]
    assert hashlib.sha256(case["signing_input"].encode()).hexdigest() == case["id"]
    kind = KINDS[case["header"]["typ"]]
    founded = descriptor.open_alliance_file(ALLIANCE_FILE)
    at = json.loads(case["payload"])["iat"]
    if kind is login.CertificateLogin:
        assert certified.open_certified(token, kind, TrustList(founded.trust_anchors), at)
        return
    if kind is delegation.Delegation:
        opened, identity = delegation.open_delegation(
            token, founded.alliance, TrustList(founded.trust_anchors), at
        )
        assert identity.credit_code == opened.credit_code
        return
    key = P256TestKey(int(KEYS["p256"][case["key"]]["private"], 16))
    opened = document.open_document(token, kind, key.public)
    assert document.sign_document(opened, key.sign) == token


def test_tile_paths():
    for case in ARCHIVE["tile_paths"]:
        assert tile_path(case["level"], case["index"], case["width"]) == case["path"]


def test_archive_lines():
    kinds = {"manifest": FileEntry, "anchor": ArchivedAnchor, "erased-row": ArchivedRow}
    for name, line in ARCHIVE["lines"].items():
        [read] = decode_lines(line.encode(), kinds.get(name, ArchivedRecord), name)
        assert encode_line(read).decode() == line


def test_login_challenge():
    challenge = login.parse_challenge(LOGIN["challenge"])
    assert str(challenge) == LOGIN["challenge"]
    assert {name: getattr(challenge, name) for name in LOGIN["parts"]} == LOGIN["parts"]
    answer, _, session = (json.loads(case["payload"]) for case in LOGIN["documents"])
    assert answer["challenge"] == LOGIN["challenge"]
    assert (session["login"], session["answer"]) == (challenge.id, LOGIN["documents"][0]["id"])


@pytest.mark.parametrize("case", LOGIN["refused"], ids=by("why"))
def test_false_login_challenge_is_refused(case):
    with pytest.raises(NodeError) as error:
        login.parse_challenge(case["text"])
    assert error.value.reason == case["reason"]


def test_a_line_of_credit_is_a_chain_of_entries():
    known, states = credit_line.NOTHING_BEFORE, []
    for case in DESK["line"]:
        header = msgspec.convert(
            {k: v for k, v in case["payload"].items() if k in RECORD_HEADER}, record.RecordHeader
        )
        sealed = record.seal_record(header, case["fields"], bytes.fromhex(case["seed"]))
        assert json.loads(sealed.payload) == case["payload"]
        assert (sealed.entry.hex(), case["fields"]["previous"]) == (case["entry"], known)
        known = case["entry"]
        states.append(evidence.VerifiedRecord(header, case["fields"], 0, sealed.payload, sealed.entry))
    found = credit_line.check_history(states)
    assert (found.number, found.entry.hex(), found.state.used) == (3, known, 0)


def test_a_bank_order_has_the_id_of_what_it_is_for():
    order = DESK["bank"]["order"]
    seed = b"heqi.bank-order.v1\0" + order["kind"].encode() + b"\0" + bytes.fromhex(order["about"])
    assert hashlib.sha256(seed + order["step"].to_bytes(8, "big")).hexdigest() == order["id"]
    about = (order["about"], order["subject"], order["amount"], order["currency"])
    made = bank_order.order_of(bank_order.OrderKind(order["kind"]), *about)
    assert msgspec.to_builtins(made) == order == json.loads(DESK["bank"]["envelope"]["data"])


def test_a_payment_has_the_id_of_its_claim_and_a_proof_over_what_was_ordered():
    order, proof = DESK["bank"]["payment"], DESK["bank"]["proof"]
    assert order["step"] == 2 << 16
    assert order["payee"].count("\n") == 1
    assert json.loads(DESK["bank"]["recall"]["data"]) == {"recall": order}
    text = json.dumps(proof, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == DESK["bank"]["proof_sha256"]
    made = msgspec.convert(order, bank_order.BankOrder)
    assert claim_payment.payment_proof(made, proof["reference"]).decode() == text
    assert claim_payment.claim_of(made) == 2


def test_calls_and_pushes_of_the_common_bank_interface():
    calls, pushes = DESK["system"]["calls"], DESK["system"]["pushes"]
    for tender in ("center_name", "block_number", "creditor"):
        assert tender in calls["apply"]
        assert tender not in calls["apply_sealed"]
    assert (calls["apply"]["guarantee_type"], calls["apply_sealed"]["guarantee_type"]) == ("2", "1")
    paths = {"file": FILE_PATH, "surrender_result": SURRENDER_PATH}
    for name, push in pushes.items():
        read = read_push(paths.get(name, RESULT_PATH), json.dumps(push))
        assert msgspec.to_builtins(read) == DESK["system"]["read"][name]
    content = base64.b64decode(pushes["file"]["file_content"])
    assert hashlib.sha256(content).hexdigest() == pushes["file"]["sha256"]


def test_a_rules_file_is_approved_by_its_hash():
    approved = issue_rules.parse_rules(DESK["rules"].encode())
    assert approved.digest == DESK["rules_sha256"]
    assert [rule.id for rule in approved.rules.rules] == ["kind", "amount", "line"]


def test_shown_consents_and_the_evidence_of_a_recorded_one():
    shown = consent.parse_shown(CONSENT["shown"].encode())
    assert consent.encode_shown(reversed(shown)).decode() == CONSENT["shown"]
    assert {type(consent.open_consent(one.consent)) for one in shown} == {
        consent.PersonConsent,
        consent.RecordedConsent,
    }
    salt, file = (bytes.fromhex(CONSENT["evidence"][name]) for name in ("salt", "file"))
    assert consent.evidence_digest(salt, file) == CONSENT["evidence"]["digest"]


def test_a_sealed_guarantee_from_its_code_to_its_file():
    reservation = msgspec.convert(SEALED["reservation"], sealed_guarantee.Reservation)
    assert sealed_guarantee.nullifier_of(SEALED["code"], 0).hex() == SEALED["nullifier"]
    assert sealed_guarantee.binding_of(reservation).hex() == SEALED["binding"]
    assert (
        ledger_ids.reserve_application_digest(
            world.domain("Alliance"), bytes.fromhex(SEALED["binding"])
        ).hex()
        == SEALED["reservation_digest"]
    )
    names = ("nullifier", "binding", "reservation_signature")
    one = sealing.SignedReservation(*(bytes.fromhex(SEALED[name]) for name in names))
    assert reservation_key.is_reservation_signed(world.domain("Alliance"), one)
    raw_opening, alliance = bytes.fromhex(SEALED["opening"]), bytes.fromhex(world.ALLIANCE)
    for place, case in enumerate(SEALED["shares"], 1):
        info = shares.share_info(alliance, raw_opening, case["holder"])
        sealed = encoding.from_base64url(case["sealed"])
        share = shares.open_share(bytes.fromhex(case["secret"]), sealed, info)
        assert (share.hex(), share[0]) == (case["share"], place)
        commitment = shares.share_commitment(raw_opening, case["holder"], share)
        assert commitment.hex() == case["commitment"]
    dealt = {place: bytes.fromhex(case["share"]) for place, case in enumerate(SEALED["shares"], 1)}
    assert shares.join_shares(dealt, 2).hex() == SEALED["opening_key"]
    file = opening.parse_sealed_file(SEALED["file"].encode())
    ciphertext = encoding.from_base64url(file.ciphertext)
    key = bytes.fromhex(SEALED["opening_key"])
    assert shares.decrypt_content(key, ciphertext, raw_opening).decode() == SEALED["content"]
    content = sealed_guarantee.parse_content(SEALED["content"].encode())
    assert content.guarantee == SEALED["opened_guarantee"]
    verifier = world.contract("ES256Verifier")
    terms = sealed_guarantee.open_guarantee(
        content.guarantee, lambda _: [world.identity(world.GUARANTOR).public], verifier
    )
    told = guarantee.guarantee_terms(terms, sealed_guarantee.file_digest(content.guarantee), verifier)
    assert ledger_ids.guarantee_id(alliance, told).hex() == SEALED["guarantee_id"]


def test_a_sealed_guarantee_by_the_formulas_of_the_specification():
    info = b"heqi.nullifier.v2\0" + bytes(8)
    material = HKDF(SHA256(), 48, salt=None, info=info).derive(SEALED["code"].encode())
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    secret = int.from_bytes(material, "big") % (order - 1) + 1
    assert secret.to_bytes(32, "big").hex() == SEALED["reservation_secret"]
    account = Account.from_key(secret)
    assert "00" * 12 + account.address[2:].lower() == SEALED["nullifier"]
    signed = account.unsafe_sign_hash(bytes.fromhex(SEALED["reservation_digest"]))
    vs = signed.s | (signed.v - 27) << 255
    assert f"{signed.r:064x}{vs:064x}" == SEALED["reservation_signature"]
    bound = json.dumps(SEALED["reservation"], sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(b"heqi.binding.v1\0" + bound).hexdigest() == SEALED["binding"]
    hidden = SEALED["hidden"].encode()
    [sealed] = [case for case in SEALED["documents"] if case["header"]["typ"] == "heqi-sealed-guarantee+jwt"]
    committed = hashlib.sha256(b"heqi.hidden-terms.v1\0" + hidden).hexdigest()
    assert json.loads(sealed["payload"])["hidden"] == committed
    assert SEALED["opened_guarantee"].endswith("~" + encoding.to_base64url(hidden))


def test_every_kind_of_document_has_a_vector():
    assert {case["header"]["typ"] for case in ALL_DOCUMENTS} == set(KINDS)


@pytest.mark.parametrize("case", DOCUMENTS["refused_grants"], ids=by("why"))
def test_false_document_is_refused(case):
    with pytest.raises(NodeError) as error:
        document.open_document(case["token"], grant.Grant, bytes.fromhex(KEYS["p256"]["wallet"]["public"]))
    assert error.value.reason == case["reason"]


def test_an_approval_names_the_document_as_it_is_without_it():
    [given] = [one for one in APPROVAL["documents"] if one["header"]["typ"] == "heqi-grant+jwt"]
    [approved] = [one for one in APPROVAL["documents"] if one["header"]["typ"] == "heqi-approval+jwt"]
    payload = json.loads(given["payload"])
    del payload["approval"]
    assert encoding.canonical_json(payload).decode() == APPROVAL["alone"]
    signed = f"{given['signing_input'].partition('.')[0]}.{encoding.to_base64url(APPROVAL['alone'].encode())}"
    assert hashlib.sha256(signed.encode()).hexdigest() == APPROVAL["alone_id"]
    assert json.loads(approved["payload"])["document"] == APPROVAL["alone_id"]
    opened = msgspec.json.decode(given["payload"], type=grant.Grant)
    assert (
        approval.open_approval(opened, opened.key, opened.approval).key
        == KEYS["p256"]["second officer"]["public"]
    )


@pytest.mark.parametrize("case", APPROVAL["refused_grants"], ids=by("why"))
def test_a_grant_with_a_false_approval_is_refused(case):
    with pytest.raises(NodeError) as error:
        grant.open_grant(case["token"])
    assert error.value.reason == case["reason"]


def test_ledger_identifiers():
    alliance, subject, granted = bytes.fromhex(LEDGER["alliance"]), LEDGER["subject"], LEDGER["grant"]
    for name, padded in LEDGER["member_names"].items():
        assert member.member_name_to_bytes32(name).hex() == padded
        assert member.member_name_from_bytes32(bytes.fromhex(padded)) == name
    salt = bytes.fromhex(subject["salt"])
    assert ledger_ids.subject_id(alliance, subject["home"], salt).hex() == subject["id"]
    terms = GrantTerms(
        bytes.fromhex(granted["digest"]),
        granted["register_before"],
        granted["expires"],
        bytes.fromhex(granted["revoker"]),
    )
    assert ledger_ids.grant_id(alliance, terms).hex() == granted["id"]


def test_ledger_signatures():
    alliance, revocation, change = (
        bytes.fromhex(LEDGER["alliance"]),
        LEDGER["revocation"],
        LEDGER["change_controller"],
    )
    domains = {}
    for name, case in LEDGER["domains"].items():
        domains[name] = ledger_ids.Eip712Domain(case["chain_id"], bytes.fromhex(case["contract"]), alliance)
        assert domains[name].separator().hex() == case["separator"]
    digest = ledger_ids.revoke_grant_digest(domains["Grants"], bytes.fromhex(LEDGER["grant"]["id"]))
    assert digest.hex() == revocation["digest"]
    signature = bytes.fromhex(revocation["signature"])
    verify_p256(bytes.fromhex(revocation["one_time_public"]), digest, signature)
    handed = ledger_ids.change_controller_digest(
        domains["Subjects"],
        bytes.fromhex(LEDGER["subject"]["id"]),
        change["version"],
        removed=bytes.fromhex(change["removed"]),
        added=bytes.fromhex(change["added"]),
    )
    assert handed.hex() == change["digest"]
    veto = LEDGER["veto_recovery"]
    vetoed = ledger_ids.veto_recovery_digest(
        domains["Subjects"], bytes.fromhex(LEDGER["subject"]["id"]), veto["version"]
    )
    assert vetoed.hex() == veto["digest"]
    signers = [bytes.fromhex(one) for one in LEDGER["controllers"]["signers"]]
    assert controllers_digest(signers).hex() == LEDGER["controllers"]["digest"]
    move = LEDGER["move_subject"]
    moved = ledger_ids.move_subject_digest(
        domains["Subjects"], bytes.fromhex(LEDGER["subject"]["id"]), move["version"], move["home"]
    )
    assert moved.hex() == move["digest"]
    verify_p256(bytes.fromhex(LEDGER["subject"]["controller"])[20:], moved, bytes.fromhex(move["signature"]))


def test_a_change_of_keys():
    case = LEDGER["change_keys"]
    succession = read_succession(msgspec.convert(case["succession"], ShownSuccession))
    domain = ledger_ids.Eip712Domain(
        LEDGER["domains"]["Alliance"]["chain_id"],
        bytes.fromhex(LEDGER["domains"]["Alliance"]["contract"]),
        bytes.fromhex(LEDGER["alliance"]),
    )
    digest = ledger_ids.key_change_digest(domain, succession.member, succession.version, succession.change)
    assert digest.hex() == case["digest"]
    member = world.card(succession.member).member()
    after = follow(member, succession, domain)
    assert after.identity_keys(succession.time) == (succession.change.keys.identity_key, member.identity_key)
    assert after.log_key_at(succession.change.log_size) == member.log_key
    assert after.log_key_at(succession.change.log_size + 1) == succession.change.keys.log_key
    stolen = replace(succession, proofs=replace(succession.proofs, identity=succession.proofs.new_identity))
    for false in (stolen, replace(succession, version=2), replace(succession, member="centre-b")):
        with pytest.raises(SignatureError):
            follow(member, false, domain)


def test_the_wallet_derives_the_revocation_key_of_the_specification():
    case = LEDGER["revocation"]
    wallet_key = WalletKey(ec.derive_private_key(int(case["wallet_private"], 16), ec.SECP256R1()))
    assert wallet_key.revocation_key(case["jti"]).public_key.hex() == case["one_time_public"]
    assert P256TestKey(int(case["one_time_private"], 16)).public.hex() == case["one_time_public"]


def test_descriptor():
    case, opened = load("descriptor.json"), descriptor.open_alliance_file(ALLIANCE_FILE)
    assert encoding.canonical_json(msgspec.to_builtins(opened)).decode() == case["canonical"]
    assert descriptor.descriptor_digest(opened) == case["digest"]
    assert hashlib.sha256(case["canonical"].encode()).hexdigest() == case["digest"]


@pytest.mark.parametrize("case", BUNDLE["bundles"], ids=by("name"))
def test_bundle(case):
    parsed = bundle.parse_bundle(case["bundle"].encode())
    assert bundle.encode_bundle(parsed).decode() == case["bundle"]
    assert evidence.parse_evidence(evidence.encode_evidence(parsed.evidence)) == parsed.evidence
    verified = bundle_check.verify_bundle(
        parsed, bundle_check.Verifier(descriptor.open_alliance_file(ALLIANCE_FILE))
    )
    assert [
        {"thing": shown.header.thing, "index": shown.index, "fields": dict(shown.fields)}
        for shown in verified.evidence.records
    ] == case["records"]
    assert [step.kind.value for step in verified.steps] == case["steps"]


@pytest.mark.parametrize("case", BUNDLE["refused"], ids=by("why"))
def test_false_bundle_is_refused(case):
    founded = descriptor.open_alliance_file(ALLIANCE_FILE)
    plain = json.loads(BUNDLE["bundles"][case["of"]]["bundle"])
    for path, value in case["replace"].items():
        *parents, last = path.split(".")
        place = plain
        for parent in parents:
            place = place[parent]
        place[last] = value
        if value is None:
            del place[last]
    with pytest.raises(NodeError) as error:
        bundle_check.verify_bundle(
            bundle.parse_bundle(encoding.canonical_json(plain)), bundle_check.Verifier(founded)
        )
    assert error.value.reason == case["reason"]


def test_case():
    verifier = bundle_check.Verifier(descriptor.open_alliance_file(ALLIANCE_FILE))
    lines = BUNDLE["case"].encode().splitlines(keepends=True)
    opened = case_.read_case(lines, verifier)
    assert opened.about.title == "（2026）示例民初1号"
    assert [len(one.evidence.records) for one in opened.bundles] == [1, 2]


def test_trust_list():
    vectors = load("trust.json")
    entries = [(one["ca"], one["entry"].encode()) for one in vectors["entries"]]
    for (name, raw), one in zip(entries, vectors["entries"], strict=True):
        assert trust.encode_anchor(trust.parse_anchor(raw, name)) == raw
        assert keccak(raw).hex() == one["hash"]
    assert ledger_ids.trust_head(entries).hex() == vectors["head"]
    bound = vectors["nonce"]
    token = bound["delegation"]
    preimage = b"heqi.status.v1\0" + encoding.from_base64url(bound["salt"]) + token.encode()
    assert hashlib.sha256(preimage).hexdigest() == bound["nonce"]
    assert status.binding_nonce(token, encoding.from_base64url(bound["salt"])).hex() == bound["nonce"]


def test_list_of_erasures():
    lines, head = load("erasure.json")["lines"], erasure.NO_HEAD
    raw = b"".join(one["line"].encode() + b"\n" for one in lines)
    for one, (line, mark) in zip(lines, erasure.read_lines(raw, erasure.Mark()), strict=True):
        assert erasure.encode_line(line) == one["line"].encode() + b"\n"
        assert line.previous == head
        head = hashlib.sha256(one["line"].encode() + b"\n").hexdigest()
        assert (mark.end, mark.head) == (one["end"], head)


def test_a_waiver_shows_the_grade_out_of_the_whole_evaluation():
    shown, cut = wallet_waivers.show_grade(WAIVER["exported"].encode())
    assert evidence.encode_evidence(shown).decode() == WAIVER["evidence"]
    signed = waiver.open_waiver(waiver_vectors.waiver_token())
    assert signed.evidence == shown
    verified = evidence.verify_evidence(
        shown, alliance=world.ALLIANCE, member=signed.home, log_key=lambda _: bytes.fromhex(WAIVER["log_key"])
    )
    said = waiver.read_evaluation(verified.records[0])
    assert said == cut
    assert verified.records[0].fields == {name: WAIVER["fields"][name] for name in waiver.SHOWN_FIELDS}
    [rule] = waiver.rules_from(json.loads(WAIVER["rules"]))
    assert rule.is_about(said)
    assert (rule.share(said.grade), rule.share("AA"), rule.share("A")) == (100, 50, 0)
