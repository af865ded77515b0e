"""That the code gives the bytes of the guarantee in the vector files, and the formulas of the pages do too."""

import hashlib
import hmac
import json
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from eth_abi import encode
from eth_utils import keccak

from node.domain import document, encoding, ledger_ids
from node.domain.calendar import WorkingYear, add_working_days
from node.domain.guarantee import Guarantee, check_guarantee, guarantee_terms
from node.domain.ledger import GuaranteeStep, GuaranteeTerms
from node.domain.signature import verify_p256
from node.wallet.keyfile import WalletKey


def load(name: str) -> Any:
    return json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))


LEDGER, DOCUMENTS, KEYS = load("ledger"), load("documents"), load("keys")["p256"]
ALLIANCE = bytes.fromhex(LEDGER["alliance"])
TOLD = LEDGER["guarantee"]
VERIFIER = bytes.fromhex(TOLD["beneficiary"]["signer"])[:20]


def signed(kind: str) -> tuple[str, str]:
    """The document of a kind, and its id."""
    [case] = [case for case in DOCUMENTS["documents"] if case["header"]["typ"] == f"heqi-{kind}+jwt"]
    signature = encoding.to_base64url(bytes.fromhex(case["signature"]))
    return f"{case['signing_input']}.{signature}", case["id"]


def terms() -> GuaranteeTerms:
    return GuaranteeTerms(
        bytes.fromhex(TOLD["digest"]),
        bytes.fromhex(TOLD["application"]),
        TOLD["expires"],
        TOLD["guarantor"],
        bytes.fromhex(TOLD["beneficiary"]["commitment"]),
        bytes.fromhex(TOLD["applicant"]["commitment"]),
        bytes.fromhex(TOLD["centre"]["commitment"]),
        bytes.fromhex(TOLD["end"]["commitment"]),
        TOLD["examination"],
    )


def domain() -> ledger_ids.Eip712Domain:
    case = LEDGER["domains"]["Guarantees"]
    return ledger_ids.Eip712Domain(case["chain_id"], bytes.fromhex(case["contract"]), ALLIANCE)


def test_the_ledger_learns_of_the_guarantee_what_the_vector_says() -> None:
    token, digest = signed("guarantee")
    opened = document.open_document(token, Guarantee, bytes.fromhex(KEYS["bank-d identity"]["public"]))
    check_guarantee(opened)
    assert digest == TOLD["digest"]
    assert guarantee_terms(opened, bytes.fromhex(digest), VERIFIER) == terms()
    assert opened.code == TOLD["code"]
    assert hashlib.sha256(TOLD["code"].encode("ascii")).hexdigest() == TOLD["application"]
    assert opened.exp == TOLD["exp"]


def test_the_ends_on_the_ledger_and_the_movers_by_the_formulas_of_the_specification() -> None:
    unit = 366 * 86_400
    assert TOLD["expires"] % unit == 0
    assert TOLD["expires"] - unit < TOLD["exp"] <= TOLD["expires"]
    for name in ("beneficiary", "applicant"):
        mover, tag = TOLD[name], f"heqi.{name}-salt.v1\0".encode()
        assert hashlib.sha256(tag + TOLD["code"].encode("ascii")).hexdigest() == mover["salt"]
        assert keccak(bytes.fromhex(mover["salt"] + mover["signer"])).hex() == mover["commitment"]


def test_the_centre_and_the_end_by_the_formulas_of_the_specification() -> None:
    code, centre, end = TOLD["code"].encode("ascii"), TOLD["centre"], TOLD["end"]
    assert hashlib.sha256(b"heqi.centre-salt.v1\0" + code).hexdigest() == centre["salt"]
    word = centre["name"].encode("ascii").ljust(32, b"\0")
    assert keccak(bytes.fromhex(centre["salt"]) + word).hex() == centre["commitment"]
    first = (1).to_bytes(32, "big")
    assert hashlib.sha256(b"heqi.end-salt.v1\0" + code + first).hexdigest() == end["salt"]
    word = TOLD["exp"].to_bytes(32, "big")
    assert keccak(bytes.fromhex(end["salt"]) + word).hex() == end["commitment"]


def test_working_days_by_the_words_of_the_specification() -> None:
    told = LEDGER["calendar"]
    early, late = (int(told[word], 16) for word in ("early", "late"))
    worked = {
        date(2026, 1, 1) + timedelta(place)
        for place in range(365)
        if (early >> place if place < 256 else late >> (place - 256)) & 1
    }
    assert len(worked) == told["working_days"]
    day, count = date(2026, 2, 13), told["period"]["count"]
    while count:
        day += timedelta(1)
        count -= day in worked
    midnight = datetime(day.year, day.month, day.day, tzinfo=timezone(timedelta(hours=8))) + timedelta(1)
    assert midnight.timestamp() == told["period"]["end"]
    year = WorkingYear.of(2026, early, late)
    assert add_working_days({2026: year}, told["period"]["time"], 5) == told["period"]["end"]
    words = encode(["uint16", "uint256", "uint256"], [2026, early, late])
    assert words.hex() == told["data"]


def test_the_id_commits_to_the_terms() -> None:
    assert ledger_ids.guarantee_id(ALLIANCE, terms()).hex() == TOLD["id"]


def test_the_issue_is_the_guarantors_signature() -> None:
    digest = ledger_ids.issue_guarantee_digest(domain(), bytes.fromhex(TOLD["id"]))
    assert digest.hex() == LEDGER["issue"]["digest"]
    public = bytes.fromhex(KEYS["bank-d identity"]["public"])
    verify_p256(public, digest, bytes.fromhex(LEDGER["issue"]["signature"]))


def test_the_release_is_the_beneficiarys_signature() -> None:
    case, (_, release_id) = LEDGER["release"], signed("guarantee-release")
    assert case["document"] == release_id
    assert case["previous"] == TOLD["digest"]
    step = GuaranteeStep(
        bytes.fromhex(TOLD["id"]),
        case["sequence"],
        bytes.fromhex(case["previous"]),
        case["event"],
        bytes.fromhex(case["document"]),
    )
    digest = ledger_ids.step_guarantee_digest(domain(), step)
    assert digest.hex() == case["digest"]
    verify_p256(bytes.fromhex(TOLD["beneficiary"]["signer"])[20:], digest, bytes.fromhex(case["signature"]))


def test_the_wallet_derives_the_one_time_keys_of_the_specification() -> None:
    applicant, beneficiary = (LEDGER["one_time_keys"][name] for name in ("applicant", "beneficiary"))
    derived = wallet(applicant).applicant_key(applicant["code"]).public_key
    assert derived.hex() == applicant["public"] == TOLD["applicant"]["signer"][40:]
    derived = wallet(beneficiary).beneficiary_key(beneficiary["section"]).public_key
    assert derived.hex() == beneficiary["public"] == TOLD["beneficiary"]["signer"][40:]


def wallet(case: Any) -> WalletKey:
    return WalletKey(ec.derive_private_key(int(case["wallet_private"], 16), ec.SECP256R1()))


def test_the_application_code_by_the_formula_of_the_specification() -> None:
    case = DOCUMENTS["application_code"]
    tagged = b"heqi.section.v1\0" + case["section"].encode()
    section_key = hmac.new(bytes.fromhex(case["index_key"]), tagged, hashlib.sha256).digest()
    assert section_key.hex() == case["section_key"]
    code = hmac.new(section_key, case["credit_code"].encode(), hashlib.sha256).digest()
    assert encoding.to_base64url(code) == case["code"] == TOLD["code"]
