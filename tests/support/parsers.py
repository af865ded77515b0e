"""Every parser that faces the outside, with a valid example: what the fuzzers go over.

A name is `module:function`. What takes something apart that comes from outside and is not here is in `ELSEWHERE`,
with the reason; a test compares both with the code.
"""

import io
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from eth_hash.auto import keccak

from adapters.archive.envelope import Recipient, load_opener, new_recipient
from adapters.archive.folder import ArchiveFolder
from adapters.banks.trial_system import TrialSystem
from adapters.crypto.containers import decrypt_private, decrypt_symmetric, encrypt_private, encrypt_symmetric
from adapters.crypto.key_folder import P256Signer
from adapters.crypto.key_uri import parse_key_uri
from adapters.crypto.leaves import IdentityCertifier, issue_leaf, new_request
from adapters.crypto.organisation_seal import read_chain
from adapters.crypto.sealing import open_sealed, seal_to
from adapters.ledger import abi, happenings
from adapters.ledger.embedded.admission import read_transaction
from adapters.ledger.embedded.encoding import read_data, read_quantity
from adapters.ledger.embedded.rpc_error import RpcError
from adapters.ledger.engine import Engine
from adapters.signatures.cms import Trust, read_cms
from adapters.signatures.jws import read_jws
from adapters.signatures.pdf import read_pdf
from adapters.systems.ocds.dates import read_date
from adapters.systems.ocds.tree import parse as parse_tree
from node.api import paging
from node.cli.guarantee_batch import read_item
from node.cli.guarantee_section import read_waivers
from node.cli.registration_source import read_line
from node.cli.scopes import read_scopes
from node.cli.trust_file import read_trust
from node.config import parse_config
from node.domain import (
    approval,
    archive,
    attestation,
    award,
    bundle,
    case,
    certificate,
    certified,
    checkpoint,
    consent,
    cosignature,
    delegation,
    descriptor,
    disclosure,
    dispute,
    document,
    encoding,
    erasure,
    evidence,
    grant,
    guarantee_file,
    guarantee_pdf,
    guarantee_statement,
    joint_bid,
    ledger_proof,
    legal_read,
    login,
    mandate,
    member,
    opening,
    pledge,
    record,
    registry,
    sealed_guarantee,
    shares,
    signature,
    signed_file,
    status,
    succession,
    tile,
    timestamp,
    trust,
    validity,
    values,
    waiver,
    webauthn,
)
from node.domain.bundle_check import Verifier
from node.domain.catalogue import definition
from node.domain.document import sign_document
from node.domain.issue_rules import parse_rules
from node.domain.trust import TrustList
from node.errors import NodeError
from node.wallet import awards, recovering
from node.wallet import guarantees as wallet_guarantees
from node.wallet.approving import Held, open_held
from node.wallet.documents import Scribe
from node.wallet.keyfile import load_wallet_key, new_wallet_key
from node.wallet.logins import open_login
from node.wallet.passkey import Passkey
from node.wallet.releases import parse_rules as parse_agent_rules
from node.wallet.trial_authenticator import TrialAuthenticator
from node.wallet.waivers import show_grade
from node.wire.bank_manual import (
    FILE_PATH,
    RESULT_PATH,
    SURRENDER_PATH,
    read_answer,
    read_moment,
    read_push,
)
from node.wire.envelope import Es256Suite, open_envelope, seal
from node.wire.tls import parse_leaf
from tests.support import signed_files
from tests.support import trust as trust_support
from tests.support.archives import KEY, OPENER, RECIPIENT
from tests.support.trial_timestamps import TrialTimestamps
from tests.vectors import (
    approval_vectors,
    erasure_vectors,
    guarantee_file_vectors,
    guarantee_story,
    mandate_vectors,
    story,
    waiver_vectors,
    world,
)
from tests.vectors.authority import bidder
from tests.vectors.keys import log_key
from tests.vectors.world import SUBJECT, WALLET

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
PASSPHRASE = b"correct horse battery staple"
Example = bytes | str


@dataclass(frozen=True)
class Parser:
    """One parser."""

    call: Callable[[Any], object]
    examples: tuple[Example, ...]
    allowed: tuple[type[Exception], ...] = (NodeError,)
    slow: bool = False
    """A call takes milliseconds: fewer examples in the default suite."""


def _vectors(name: str) -> Any:
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


@cache
def _passkey() -> Passkey:
    return Passkey(TrialAuthenticator(new_wallet_key(), "wallet.example"))


def _passkey_document() -> str:
    accepted = delegation.KeyAcceptance(**world.common("passkey"), key=_passkey().name, delegation="ab" * 32)
    return document.sign_by_controller(accepted, _passkey())


def _approved(token: str) -> object:
    """An approval of the grant of the vectors, or whatever else it is of."""
    given = approval_vectors.grant()
    return approval.open_approval(given, given.key, token)


def _held_file() -> bytes:
    alone = msgspec.structs.replace(approval_vectors.grant(), approval="")
    held = Held(document=sign_document(alone, WALLET.sign), approval=approval_vectors.grant().approval)
    return msgspec.json.encode(held)


def _held(raw: bytes) -> object:
    return open_held(raw, Scribe(new_wallet_key(), world.descriptor(), SUBJECT))


def _sealed_member(name: str) -> member.Member:
    """The centres of the vectors, and a bank."""
    return descriptor.open_card(document.sign_document(world.card(name), world.identity(name).sign))


def _open_guarantee(file: str) -> object:
    keys = [world.identity(world.GUARANTOR).public]
    return sealed_guarantee.open_guarantee(file, lambda _: keys, world.contract("ES256Verifier"))


def _sealed_share() -> bytes:
    return encoding.from_base64url(_vectors("sealed")["shares"][0]["sealed"])


def _open_share(sealed: bytes) -> bytes:
    case = _vectors("sealed")["shares"][0]
    info = shares.share_info(
        bytes.fromhex(world.ALLIANCE), bytes.fromhex(_vectors("sealed")["opening"]), case["holder"]
    )
    return shares.open_share(bytes.fromhex(case["secret"]), sealed, info)


def _tokens(*kinds: str) -> tuple[str, ...]:
    found = [
        *_vectors("documents")["documents"],
        *_vectors("login")["documents"],
        *_vectors("archive")["documents"],
        *_vectors("consent")["documents"],
        *_vectors("approval")["documents"],
        *_vectors("sealed")["documents"],
    ]
    return tuple(
        f"{one['signing_input']}.{encoding.to_base64url(bytes.fromhex(one['signature']))}"
        for one in found
        if not kinds or one["header"]["typ"] in {f"heqi-{kind}+jwt" for kind in kinds}
    )


def _kinds() -> list[type[document.Document]]:
    found, waiting = [], [document.Document]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            waiting.append(kind)
            if hasattr(kind, "kind") and kind.__module__.startswith("node."):
                found.append(kind)
    return found


def _peek(token: str) -> None:
    """As every kind of document: it is one of them at most."""
    for kind in _kinds():
        try:
            document.peek_document(token, kind)
        except NodeError:
            continue
        document.document_digest(token)


def _file(call: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A parser that takes a path."""

    def parse(raw: bytes) -> object:
        handle, name = tempfile.mkstemp()
        try:
            os.write(handle, raw)
            os.close(handle)
            return call(Path(name))
        finally:
            os.unlink(name)

    return parse


def _log(raw: bytes) -> object:
    """Topics, as many as such an event has, then the data."""
    event = abi._events().get(raw[:32])
    end = 32 + 32 * sum(event.indexed) if event else 96
    return happenings.to_happening([raw[at : at + 32] for at in range(0, end, 32)], raw[end:])


def _engine(method: str) -> Callable[[str], object]:
    engine = Engine("http://localhost/", 1)
    return lambda text: getattr(engine, method)(text, "answer")


@cache
def _alliance() -> bytes:
    return world.alliance_file()


def _pem() -> bytes:
    return encrypt_private(KEY, PASSPHRASE)


def _leaf_pem() -> bytes:
    return issue_leaf("hangzhou", KEY, 0).certificate_pem


def _archive() -> tuple[bytes, ...]:
    return tuple(
        line.encode()
        for name, line in _vectors("archive")["lines"].items()
        if name in {"record", "unpublished", "erased"}
    )


def _manifest_line() -> bytes:
    return _vectors("archive")["lines"]["manifest"].encode()


def _checkpoint() -> checkpoint.Checkpoint:
    return checkpoint.parse_checkpoint(story.note())


def _cosignature() -> str:
    key = log_key("centre-b log")
    return cosignature.cosign(_checkpoint(), "centre-b", key.public, 1, key.sign)


def _disclosures(text: str) -> object:
    parts = text.split("~")
    return disclosure.open_disclosures(parts[:-1], parts[-1].split(","))


def _shown() -> str:
    one = _vectors("record")["records"][0]
    return "~".join([*one["disclosures"].values(), ",".join(one["digests"])])


def _trial() -> dict[str, bytes]:
    request = status.build_ocsp_request(
        trust_support.bidder().certificate, trust_support.root().certificate, bytes(32)
    )
    stamps = TrialTimestamps()
    return {
        "ocsp": trust_support.responder().answer(request),
        "crl": trust_support.responder().revocation_list(),
        "stamp": stamps.answer(timestamp.build_timestamp_request("a.b.c")),
        "root": stamps.root.certificate.public_bytes(Encoding.DER),
    }


def _registry_entry() -> bytes:
    return registry.encode_entry(
        registry.RegistryEntry(
            "91110000600037341L",
            "虚构建设有限公司",
            registry.RegistryState.IN_OPERATION,
            "2026-03-01T00:00:00Z",
            "1",
            registered_capital="50000000.00",
            currency="CNY",
        )
    )


def _attestation() -> bytes:
    about = attestation.About("subject.base", "base", 1)
    said = attestation.Attestation(
        about,
        ("credit_code",),
        attestation.Method.CERTIFICATE,
        "hangzhou",
        attestation.Result.MATCH,
        "2026-03-01T00:00:00Z",
        "ab" * 32,
        "cd" * 32,
    )
    fields = {name: values.to_json_value(value) for name, value in attestation.fields_of(said).items()}
    return encoding.canonical_json(fields)


def _fields(raw: bytes) -> dict[str, object]:
    found = encoding.parse_canonical_json(raw)
    return found if isinstance(found, dict) else {}


def _evaluation_with(fields: dict[str, object]) -> evidence.VerifiedRecord:
    """The evaluation of the vectors with other fields."""
    header, _ = record.parse_payload(waiver_vectors.record().payload)
    return evidence.VerifiedRecord(header, fields, 0, b"")


_TRUST = Trust((), 0)


def _an_event() -> bytes:
    """An anchor, as a contract tells it."""
    [(topic, event)] = [(topic, one) for topic, one in abi._events().items() if one.name == "Anchored"]
    words = [bytes(31) + b"\x01" for _ in event.types]
    name = member.member_name_to_bytes32("hangzhou")
    return topic + b"".join([name, *words])[: 32 * len(event.types)]


def _papers(request: str) -> object:
    [read], [second] = _tokens("legal-read"), _tokens("legal-countersignature")
    return legal_read.open_papers(
        legal_read.LegalPapers(read, request, second), story.legal_read(), world.NOW
    )


@cache
def parsers() -> dict[str, Parser]:
    """All of them, by name."""
    trial, bidders = _trial(), bidder()
    certificates = trust_support.bidder().certificate, trust_support.root().certificate
    founders = descriptor.open_alliance_file(_alliance())
    recognised = TrustList(founders.trust_anchors)
    bundles = tuple(one["bundle"].encode() for one in _vectors("bundle")["bundles"])
    shown = encoding.canonical_json(json.loads(bundles[0])["evidence"])
    change = _vectors("ledger")["change_keys"]["succession"]
    successions = json.dumps([change]).encode()
    verifier = Verifier(founders)
    proof = ledger_proof.encode_ledger_proof(story.read_bundle().ledger[0])
    request_pem = new_request()[1]
    entry = _vectors("trust")["entries"][0]["entry"].encode()
    bench, sealed_file = signed_files, guarantee_file_vectors.sealed()
    cms = bench.cms(bidders)
    return {
        "node.domain.archive:decode_lines": Parser(
            lambda raw: list(archive.decode_lines(raw, archive.ArchivedRecord, "x")), _archive()
        ),
        "node.domain.archive:parse_manifest": Parser(archive.parse_manifest, (_manifest_line(),)),
        "node.domain.bundle:parse_bundle": Parser(bundle.parse_bundle, bundles),
        "node.domain.case:read_case": Parser(
            lambda raw: list(case.read_case(io.BytesIO(raw), verifier).bundles), (story.case(),), slow=True
        ),
        "node.domain.award:open_award_grant": Parser(award.open_award_grant, _tokens("award-grant")),
        "node.wallet.awards:read_papers": Parser(
            _file(awards.read_papers), (json.dumps({"award_grant": "", "delegation": ""}).encode(),)
        ),
        "node.domain.opening:open_terms": Parser(
            lambda token: opening.open_terms(token, _sealed_member), _tokens("opening-terms")
        ),
        "node.domain.opening:parse_sealed_file": Parser(
            opening.parse_sealed_file, (_vectors("sealed")["file"].encode(),)
        ),
        "node.domain.sealed_guarantee:parse_content": Parser(
            sealed_guarantee.parse_content, (_vectors("sealed")["content"].encode(),)
        ),
        "node.domain.sealed_guarantee:peek_guarantee": Parser(
            sealed_guarantee.peek_guarantee, (_vectors("sealed")["opened_guarantee"], *_tokens("guarantee"))
        ),
        "node.domain.sealed_guarantee:open_guarantee": Parser(
            _open_guarantee, (_vectors("sealed")["opened_guarantee"], *_tokens("guarantee"))
        ),
        "node.domain.shares:open_share": Parser(_open_share, (_sealed_share(),)),
        "node.domain.mandate:open_mandate": Parser(mandate.open_mandate, _tokens("mandate")),
        "node.domain.mandate:authority_of": Parser(mandate.authority_of, _tokens("grant")),
        "node.domain.approval:open_approval": Parser(_approved, _tokens("approval")),
        "node.wallet.approving:open_held": Parser(_held, (_held_file(),)),
        "node.domain.joint_bid:open_joint_bid": Parser(
            joint_bid.open_joint_bid, (joint_bid.encode_joint_bid(mandate_vectors.joint_bid()),)
        ),
        "node.domain.registry:parse_entry": Parser(registry.parse_entry, (_registry_entry(),)),
        "node.domain.registry:decode_entry": Parser(registry.decode_entry, (_registry_entry(),)),
        "node.domain.attestation:read_attestation": Parser(
            lambda raw: attestation.read_attestation(_fields(raw)), (_attestation(),)
        ),
        "node.domain.ledger_proof:parse_ledger_proof": Parser(ledger_proof.parse_ledger_proof, (proof,)),
        "node.domain.ledger_proof:read_storage": Parser(
            lambda raw: ledger_proof.read_storage(ledger_proof.parse_ledger_proof(raw)), (proof,)
        ),
        "node.domain.ledger_proof:read_header": Parser(
            ledger_proof.read_header, (encoding.from_base64url(json.loads(proof)["header"]),)
        ),
        "node.domain.certified:open_certified": Parser(
            lambda text: certified.open_certified(text, login.CertificateLogin, recognised, world.NOW),
            _tokens("certificate-login"),
            slow=True,
        ),
        "node.domain.certified:chain_of": Parser(
            lambda text: certified.chain_of(text, delegation.Delegation), _tokens("delegation")
        ),
        "node.domain.certified:peek_certified": Parser(
            lambda text: certified.peek_certified(text, delegation.Delegation), _tokens("delegation")
        ),
        "node.domain.webauthn:decode_assertion": Parser(
            webauthn.decode_assertion, (_passkey().sign_digest(bytes(32)),)
        ),
        "node.domain.document:open_by_controller": Parser(
            lambda text: document.open_by_controller(text, delegation.KeyAcceptance, _passkey().name),
            (_passkey_document(),),
        ),
        "node.domain.delegation:open_acceptance": Parser(
            lambda text: delegation.open_acceptance(text, world.delegation_token()),
            _tokens("key-acceptance"),
        ),
        "node.wallet.recovering:parse_papers": Parser(
            recovering.parse_papers,
            (json.dumps({"subject": "", "delegation": "", "acceptance": ""}).encode(),),
        ),
        "node.domain.certificate:load_chain": Parser(
            lambda raw: certificate.load_chain([raw]), (bidders.der,)
        ),
        "node.domain.certificate:check_certificate": Parser(
            lambda raw: certificate.check_certificate([raw], recognised, world.NOW), (bidders.der,), slow=True
        ),
        "node.domain.checkpoint:parse_checkpoint": Parser(checkpoint.parse_checkpoint, (story.note(),)),
        "node.domain.checkpoint:open_checkpoint": Parser(
            lambda text: checkpoint.open_checkpoint(text, bytes(32)), (story.note(),)
        ),
        "node.domain.checkpoint:split_note": Parser(checkpoint.split_note, (story.note(),)),
        "node.domain.cosignature:open_cosignature": Parser(
            lambda text: cosignature.open_cosignature(
                text, _checkpoint(), "centre-b", log_key("centre-b log").public
            ),
            (_cosignature(),),
        ),
        "node.domain.consent:open_consent": Parser(
            consent.open_consent, _tokens("person-consent", "recorded-consent")
        ),
        "node.domain.consent:open_withdrawal": Parser(consent.open_withdrawal, _tokens("consent-withdrawal")),
        "node.domain.consent:parse_shown": Parser(
            consent.parse_shown, (_vectors("consent")["shown"].encode(),)
        ),
        "node.domain.dispute:open_dispute": Parser(dispute.open_dispute, _tokens("dispute")),
        "node.domain.delegation:open_delegation": Parser(
            lambda text: delegation.open_delegation(text, founders.alliance, recognised, world.NOW),
            _tokens("delegation"),
            slow=True,
        ),
        "node.domain.descriptor:open_card": Parser(descriptor.open_card, _tokens("member-card")),
        "node.domain.descriptor:parse_alliance_file": Parser(descriptor.parse_alliance_file, (_alliance(),)),
        "node.domain.descriptor:open_alliance_file": Parser(
            descriptor.open_alliance_file, (_alliance(),), slow=True
        ),
        "node.domain.disclosure:open_disclosures": Parser(_disclosures, (_shown(),)),
        "node.domain.guarantee_pdf:read_attachment": Parser(guarantee_pdf.read_attachment, (sealed_file,)),
        "node.domain.guarantee_pdf:read_seal": Parser(
            lambda raw: guarantee_pdf.read_seal(raw, guarantee_file_vectors.unsealed()),
            (sealed_file,),
            slow=True,
        ),
        "node.domain.guarantee_file:peek_attachment": Parser(
            guarantee_file.peek_attachment, (sealed_file,), slow=True
        ),
        "node.domain.guarantee_file:open_file": Parser(
            guarantee_file_vectors.opened, (sealed_file,), slow=True
        ),
        "adapters.crypto.organisation_seal:read_chain": Parser(read_chain, (bidder().pem.encode(),)),
        "node.domain.document:peek_document": Parser(_peek, _tokens()),
        "node.domain.document:open_document": Parser(
            lambda text: document.open_document(text, grant.Grant, world.WALLET.public), _tokens("grant")
        ),
        "node.domain.document:split_document": Parser(document.split_document, _tokens()[:3]),
        "node.domain.document:decode_payload": Parser(
            lambda raw: document.decode_payload(raw, grant.Grant),
            tuple(encoding.from_base64url(token.split(".")[1]) for token in _tokens("grant")),
        ),
        "node.domain.encoding:parse_canonical_json": Parser(encoding.parse_canonical_json, (shown,)),
        "node.domain.encoding:decode_canonical": Parser(
            lambda raw: encoding.decode_canonical(raw, evidence.Evidence), (shown,)
        ),
        "node.domain.encoding:parse_readable_json": Parser(encoding.parse_readable_json, (_alliance(),)),
        "node.domain.encoding:from_rfc3339": Parser(
            encoding.from_rfc3339, ("2026-02-28T09:30:00.125+08:00",)
        ),
        "node.domain.erasure:read_lines": Parser(
            lambda raw: list(erasure.read_lines(raw, erasure.Mark())),
            (b"".join(map(erasure.encode_line, erasure_vectors.lines())),),
        ),
        "node.domain.encoding:from_base64url": Parser(encoding.from_base64url, ("-_8", "YWJj")),
        "node.domain.encoding:from_hex": Parser(lambda text: encoding.from_hex(text, 4), ("00ff10ab",)),
        "node.domain.evidence:parse_evidence": Parser(evidence.parse_evidence, (shown,)),
        "node.domain.guarantee_statement:peek_step": Parser(
            guarantee_statement.peek_step, _tokens("guarantee-step", "guarantee-release")
        ),
        "node.domain.guarantee_statement:read_says": Parser(
            guarantee_statement.read_says,
            (b'{"type":"payment","amount":"80000.00","proof":"' + b"ab" * 32 + b'"}',),
        ),
        "node.wallet.guarantees:read_kept": Parser(
            wallet_guarantees.read_kept,
            (encoding.canonical_json({"step": "a.b.c", "earlier": [], "contract": "", "receipt": None}),),
        ),
        "node.domain.grant:open_grant": Parser(grant.open_grant, _tokens("grant")),
        "node.domain.legal_read:open_papers": Parser(_papers, _tokens("legal-request")),
        "node.domain.legal_read:open_countersignature": Parser(
            lambda text: legal_read.open_countersignature(
                _tokens("legal-request")[0], story.legal_request(), text
            ),
            _tokens("legal-countersignature"),
        ),
        "node.domain.login:parse_challenge": Parser(login.parse_challenge, (_vectors("login")["challenge"],)),
        "node.domain.member:member_name_from_bytes32": Parser(
            member.member_name_from_bytes32, (member.member_name_to_bytes32("hangzhou"),)
        ),
        "node.domain.record:parse_payload": Parser(
            record.parse_payload, tuple(one["payload"].encode() for one in _vectors("record")["records"])
        ),
        "node.domain.signed_file:format_of": Parser(signed_file.format_of, (cms,)),
        "node.domain.status:open_ocsp": Parser(
            lambda raw: status.open_ocsp(raw, *certificates), (trial["ocsp"],)
        ),
        "node.domain.status:claimed_time": Parser(status.claimed_time, (trial["ocsp"],)),
        "node.domain.status:open_crl": Parser(
            lambda raw: status.open_crl(raw, *certificates), (trial["crl"],)
        ),
        "node.domain.succession:parse_successions": Parser(
            succession.parse_successions,
            (successions,),
        ),
        "node.domain.tile:split_entries": Parser(
            lambda raw: tile.split_entries(raw, 2), ((b"\0\x20" + bytes(32)) * 2,)
        ),
        "node.domain.timestamp:check_timestamp": Parser(
            lambda raw: timestamp.check_timestamp(raw, "a.b.c", recognised), (trial["stamp"],)
        ),
        "node.domain.catalogue.definition:parse_definition": Parser(
            definition.parse_definition, (_vectors("catalogue")["definition"].encode(),)
        ),
        "node.domain.catalogue.definition:read_definition": Parser(
            definition.read_definition, (_vectors("catalogue")["definition"].encode(),)
        ),
        "node.domain.trust:parse_anchor": Parser(trust.parse_anchor, (entry,)),
        "node.domain.validity:parse_proof": Parser(
            validity.parse_proof,
            (
                validity.encode_proof(
                    trust_support.proof(trust_support.said(trust_support.responder(), "a.b.c"))
                ),
                b"",
            ),
        ),
        "node.domain.values:from_json_value": Parser(
            lambda raw: values.from_json_value(encoding.parse_readable_json(raw)),
            (b'{"a":[1,"x",true,{"$decimal":"1.50"}]}',),
        ),
        "node.domain.signature:p256_key": Parser(signature.p256_key, (world.WALLET.public,)),
        "node.wire.tls:parse_leaf": Parser(parse_leaf, (_leaf_pem(),)),
        "node.config:parse_config": Parser(
            lambda raw: parse_config(raw, "heqi.toml"),
            (
                b'name = "a"\nroles = ["CENTRE"]\n[listen]\nmembers = "h:1"\nwallets = "h:2"\n[ledger]\nurl = "unix:///x"\n',
            ),
        ),
        "node.wire.envelope:open_envelope": Parser(
            lambda raw: open_envelope(_SUITE, raw), (seal(_SUITE, "{}", "0" * 32, "20260301000000"),)
        ),
        "node.wire.bank_manual:read_answer": Parser(
            read_answer, (f'{{"order_no":"{"ab" * 32}","code":"1002","message":"渠道未开通"}}',)
        ),
        "node.wire.bank_manual:read_moment": Parser(read_moment, ("20260301100000",)),
        "node.wire.bank_manual:read_push": Parser(
            _push,
            (
                TrialSystem.refuse("ab" * 32)[1],
                TrialSystem.file("ab" * 32, "ZX-1")[1],
                TrialSystem.surrender("ab" * 32, "ZX-1")[1],
            ),
        ),
        "node.domain.issue_rules:parse_rules": Parser(parse_rules, (_RULES,)),
        "node.api.paging:start_of": Parser(paging.start_of, ("17",)),
        "node.cli.registration_source:read_line": Parser(
            read_line,
            (
                b'{"id":"1","credit_code":"","records":[{"category":"a","thing":"b","fields":{"a":[1,true]}}]}\n',
            ),
        ),
        "node.domain.pledge:open_pledge": Parser(pledge.open_pledge, (guarantee_story.pledge_token(),)),
        "node.domain.waiver:open_waiver": Parser(waiver.open_waiver, (waiver_vectors.waiver_token(),)),
        "node.domain.waiver:open_state": Parser(
            lambda token: waiver.open_state(
                token,
                waiver=document.document_digest(waiver_vectors.waiver_token()).hex(),
                alliance=world.ALLIANCE,
                home=descriptor.open_card(world.card_token(world.THIRD)),
                centre=guarantee_story.CENTRE,
            ),
            (waiver_vectors.state_token(),),
        ),
        "node.domain.waiver:read_evaluation": Parser(
            lambda raw: waiver.read_evaluation(_evaluation_with(_fields(raw))),
            (encoding.canonical_json({name: waiver_vectors.FIELDS[name] for name in waiver.SHOWN_FIELDS}),),
        ),
        "node.domain.waiver:rules_from": Parser(
            lambda raw: waiver.rules_from(encoding.parse_readable_json(raw)),
            (json.dumps(waiver_vectors.RULES).encode(),),
        ),
        "node.wallet.waivers:show_grade": Parser(show_grade, (waiver_vectors.exported(),)),
        "node.cli.guarantee_section:read_waivers": Parser(
            _file(read_waivers), (json.dumps(waiver_vectors.RULES).encode(),)
        ),
        "node.wallet.releases:parse_rules": Parser(
            lambda raw: parse_agent_rules(raw, "rules.toml"),
            (b'centre = "c"\n[[section]]\nsection = "s"\nobligations = ["bid-return"]\nmost_amount = "1"\n',),
        ),
        "node.cli.guarantee_batch:read_item": Parser(
            read_item,
            (json.dumps({"guarantor": "bank-x", "number": "BH-1", "bidder": "91310000132269406T"}),),
        ),
        "node.cli.scopes:read_scopes": Parser(
            lambda text: read_scopes([text]), ("subject.base:legal_name,phone",)
        ),
        "node.cli.trust_file:read_trust": Parser(_file(read_trust), (b"[" + entry + b"]",)),
        "node.wallet.keyfile:load_wallet_key": Parser(
            _file(lambda path: load_wallet_key(path, PASSPHRASE)), (_pem(),), slow=True
        ),
        "node.wallet.logins:open_login": Parser(
            lambda text: open_login(text, founders), (_vectors("login")["challenge"],)
        ),
        "adapters.archive.envelope:load_opener": Parser(
            lambda raw: load_opener(raw, PASSPHRASE, "key"), (new_recipient(PASSPHRASE)[0],), slow=True
        ),
        "adapters.archive.envelope:Recipient": Parser(
            lambda raw: Recipient(raw, "key"),
            (KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),),
        ),
        "adapters.archive.envelope:Opener.open": Parser(OPENER.open, (RECIPIENT.seal(b"{}\n"),)),
        "adapters.archive.folder:ArchiveFolder.read": Parser(
            lambda text: _an_archive().read(text), ("tile/0/x001/234.p/5", "manifest.jwt")
        ),
        "adapters.crypto.containers:decrypt_private": Parser(
            lambda raw: decrypt_private(raw, PASSPHRASE, "key"), (_pem(),), slow=True
        ),
        "adapters.crypto.containers:decrypt_symmetric": Parser(
            lambda raw: decrypt_symmetric(raw, PASSPHRASE, "key"),
            (encrypt_symmetric(bytes(32), PASSPHRASE),),
            slow=True,
        ),
        "adapters.crypto.key_uri:parse_key_uri": Parser(
            parse_key_uri,
            (
                "pkcs11:token=t;object=o;id=%01?module-path=/x&pin-source=file:/y",
                "ssh-agent:/s?key=SHA256:abc",
            ),
        ),
        "adapters.crypto.leaves:IdentityCertifier.certify": Parser(
            lambda raw: IdentityCertifier("hangzhou", P256Signer(KEY)).certify(raw, "s", "writer", 0, 1),
            (request_pem,),
        ),
        "adapters.crypto.sealing:open_sealed": Parser(
            lambda raw: open_sealed([_SEALING], raw, b"i"), (_sealed(),)
        ),
        "adapters.ledger.happenings:to_happening": Parser(_log, (_an_event(),), (NodeError, ValueError)),
        "adapters.ledger.abi:decode_error": Parser(
            abi.decode_error, (keccak(b"NotMember(bytes32)")[:4] + bytes(32),)
        ),
        "adapters.ledger.engine:Engine.read_number": Parser(_engine("read_number"), ("0x1f",)),
        "adapters.ledger.engine:Engine.read_bytes": Parser(_engine("read_bytes"), ("0x00ff",)),
        "adapters.ledger.embedded.admission:read_transaction": Parser(
            lambda raw: read_transaction(raw, 1), (b"\x02\xc0", b"\x02\xcb\x01" + b"\x80" * 10), (RpcError,)
        ),
        "adapters.ledger.embedded.encoding:read_quantity": Parser(
            lambda text: read_quantity(text, "n"), ("0x1f",), (RpcError,)
        ),
        "adapters.ledger.embedded.encoding:read_data": Parser(
            lambda text: read_data(text, "n"), ("0x00ff",), (RpcError,)
        ),
        "adapters.signatures.cms:read_cms": Parser(lambda raw: read_cms(raw, b"", _TRUST), (cms,), slow=True),
        "adapters.signatures.jws:read_jws": Parser(lambda raw: read_jws(raw, b""), (bench.jws(bidders),)),
        "adapters.signatures.pdf:read_pdf": Parser(
            lambda raw: read_pdf(raw, _TRUST), (bench.sign_pdf(bidders),), slow=True
        ),
        "adapters.systems.ocds.tree:parse": Parser(
            parse_tree, ('{"ocid":"a","value":{"amount":1.5}}',), (ValueError, RecursionError)
        ),
        "adapters.systems.ocds.dates:read_date": Parser(read_date, ("2026-01-01T00:00:00Z", "2026-02-28")),
    }


def _push(data: str) -> object:
    path = RESULT_PATH if '"status"' in data else FILE_PATH if '"md5"' in data else SURRENDER_PATH
    return read_push(path, data)


_BANK = new_wallet_key()
_SUITE = Es256Suite(_BANK.sign, _BANK.public_key)
_RULES = b"""\
type = "heqi.issue-rules.v1"
name = "a"
when_all_hold = "issue"
number_prefix = "B-"
[[rules]]
id = "k"
check = "kind"
any_of = ["bid"]
zh = "z"
en = "e"
"""
ELSEWHERE = {
    "node.domain.proven_state:open_ledger_proof": "read_storage",
    "node.archives:open_archive": "an archive as a whole: test_archive.py changes every file of one",
    "node.app:load_descriptor": "open_alliance_file",
    "node.cli.wallet.setup:read_certificate": "check_certificate; the owner's own file",
    "node.cli.wallet.session:open_session": "the wallet's own folder",
    "node.domain.archive_check:read_record": "an archive as a whole: test_archive.py changes every file of one",
    "node.domain.document:open_members_document": "peek_document and open_document",
    "node.cli.opening:open_": "a command that begins an opening",
    "node.domain.shares:split_key": "deals shares of a key; takes nothing apart",
    "node.domain.sealed_guarantee:reopen_guarantee": "reads what this node has checked and kept",
    "node.domain.document:reopen_document": "reads only what this node has checked and kept",
    "node.domain.succession:read_succession": "takes what parse_successions and parse_bundle have checked",
    "node.domain.tile:read_node": "reads tiles that a signed manifest names",
    "node.wire.status:from_rpc_error": "test_parsers_stand.py, with false details",
    "node.config:load_config": "parse_config",
    "node.config:read_file": "hands over bytes",
    "node.wallet.trial_authenticator:open_trial_passkey": "trials only; the wallet's own folder",
    "node.wallet.backup:open_backup": "a passphrase is stretched at every try: test_backup.py changes it by hand",
    "node.wallet.folder:open_wallet": "the wallet's own folder: keys by load_wallet_key, the rest by its own hand",
    "node.cli.trust_file:read_entry": "read_trust",
    "node.wallet.releases:load_rules": "parse_rules",
    "node.cli.guarantee_batch:read_batch": "the operator's own folder, or read_item line by line",
    "node.cli.registration_load:load": "a command; what it reads is read by node.cli.registration_source:read_line",
    "node.cli.record_load:load": "a command; what it reads is read by node.cli.record:append_messages",
    "adapters.crypto.files:read_secret": "hands over bytes",
    "adapters.crypto.key_holders:open_key": "parse_key_uri",
    "adapters.crypto.organisation_seal:read_seal": "read_chain and decrypt_private; the node's own folder",
    "adapters.crypto.keys:load_keys": "decrypt_private and decrypt_symmetric",
    "adapters.crypto.keys:open_keys": "decrypt_private and decrypt_symmetric",
    "adapters.crypto.passphrase:read_passphrase": "any bytes are a passphrase",
    "adapters.crypto.trial_ca:load": "trials only",
    "adapters.ledger.abi:decode_function": "calls that this node has made itself",
    "adapters.ledger.abi:decode_log": "to_happening",
    "adapters.ledger.abi:decode_result": "test_false_answers of the engine",
    "adapters.ledger.abi:decode_values": "to_happening",
    "adapters.ledger.artifact:load_artifact": "a file of this package",
    "adapters.ledger.embedded.chain:open_chain": "the engine's own database",
    "adapters.ledger.embedded.encoding:read_object": "a type check",
    "adapters.ledger.memory.transactions:read_transaction": "the twin reads what it wrote",
    "adapters.signatures.cms:load_signed_data": "read_cms",
    "adapters.signatures.cms:read_signer": "read_cms",
    "adapters.signatures.worker:read": "read_cms, read_jws, read_pdf",
    "adapters.systems.ocds.files:read_documents": "test_ocds_fuzz.py",
    "adapters.systems.ocds.reader:read_ocds": "test_ocds_fuzz.py",
}


@cache
def _an_archive() -> ArchiveFolder:
    folder = Path(tempfile.mkdtemp())
    (folder / "manifest.jwt").write_text("x")
    return ArchiveFolder(folder)


_SEALING = X25519PrivateKey.generate()


def _sealed() -> bytes:
    return seal_to(_SEALING.public_key().public_bytes_raw(), b"content", b"i")
