import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.domain.document import document_digest, open_document
from node.domain.encoding import canonical_json
from node.domain.guarantee import (
    MAX_VALIDITY_SECONDS,
    ApplicationCode,
    Guarantee,
    GuaranteeRelease,
    applicant_salt,
    beneficiary_salt,
    check_guarantee,
    end_on_ledger,
    guarantee_terms,
)
from node.domain.guarantee_table import EXPIRY_UNIT_SECONDS
from node.domain.ledger_ids import guarantee_id, mover_commitment
from node.errors import DocumentFormatError, NodeError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_json
from tests.vectors import guarantee_story, world
from tests.vectors.signing import jws, members
from tests.vectors.world import ALLIANCE, GUARANTOR

GUARANTEE = guarantee_story.guarantee()
VERIFIER = world.contract("ES256Verifier")
BANK = world.identity(GUARANTOR)


def opened(**changes: object) -> Guarantee:
    """The guarantee with other members, as the bank would sign and anybody open it."""
    payload = canonical_json({**members(GUARANTEE), **changes})
    token = jws({"alg": "ES256", "typ": "heqi-guarantee+jwt"}, payload, BANK)
    return open_document(token, Guarantee, BANK.public)


def test_story_is_sound():
    check_guarantee(GUARANTEE)
    assert opened() == GUARANTEE


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "A" * 42},
        {"code": "A" * 44},
        {"code": "A" * 42 + "="},
        {"code": "A" * 43 + "\n"},
        {"amount": "0"},
        {"amount": "0.000000"},
        {"exp": GUARANTEE.nbf},
        {"exp": GUARANTEE.nbf - 1},
        {"exp": GUARANTEE.nbf + MAX_VALIDITY_SECONDS + 1},
        {"applicant_code": "911100000600037341"},
        {"applicant_code": ""},
        {"alliance": ""},
        {"alliance": "zz" * 32},
        {"alliance": ALLIANCE.upper()},
    ],
    ids=str,
)
def test_malformed_guarantee_is_refused(changes):
    with pytest.raises(DocumentFormatError):
        check_guarantee(replace(GUARANTEE, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": text}
        for text in (
            "-1",
            "+1",
            "1.",
            ".5",
            "01",
            "1e3",
            "1,000",
            "12345678901234567",
            "1.1234567",
            "１",
            "1\n",
        )
    ]
    + [{"currency": text} for text in ("cny", "CN", "CNYX", "CNY\n")]
    + [{name: text} for name in ("number", "applicant_name", "section") for text in ("", "字" * 201)]
    + [{"guarantee_kind": "tender"}, {"legal_nature": "other"}, {"guarantee_kind": ""}]
    + [{name: "ab" * 63} for name in ("applicant_key", "beneficiary_key")]
    + [{"applicant": "AB" * 32}, {"nbf": -1}, {"memo": "x"}],
    ids=str,
)
def test_no_document_with_a_malformed_member_is_a_guarantee(changes):
    with pytest.raises(DocumentFormatError):
        opened(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": GUARANTEE.nbf + 1},
        {"exp": GUARANTEE.nbf + MAX_VALIDITY_SECONDS},
        {"amount": "0.000001"},
        {"amount": "10"},
        {"amount": "9999999999999999.999999"},
        {"number": "字" * 200},
        {"guarantee_kind": "performance", "legal_nature": "suretyship"},
        {"guarantee_kind": "quality", "legal_nature": "insurance"},
    ],
    ids=str,
)
def test_guarantee_at_its_bounds_is_sound(changes):
    check_guarantee(opened(**changes))


def test_ledger_learns_hashes_and_about_when_it_ends():
    digest = document_digest(guarantee_story.guarantee_token())
    terms = guarantee_terms(GUARANTEE, digest, VERIFIER)
    assert (terms.digest, terms.expires, terms.guarantor) == (digest, end_on_ledger(GUARANTEE.exp), GUARANTOR)
    assert terms.application == hashlib.sha256(GUARANTEE.code.encode()).digest()
    beneficiary = VERIFIER + bytes.fromhex(GUARANTEE.beneficiary_key)
    assert terms.beneficiary == mover_commitment(beneficiary_salt(GUARANTEE.code), beneficiary)
    applicant = VERIFIER + bytes.fromhex(GUARANTEE.applicant_key)
    assert terms.applicant == mover_commitment(applicant_salt(GUARANTEE.code), applicant)
    assert beneficiary_salt(GUARANTEE.code) != applicant_salt(GUARANTEE.code)


@given(st.integers(0, 253402300799))
def test_the_end_on_the_ledger_is_not_before_the_end_and_within_a_unit_of_it(exp):
    rounded = end_on_ledger(exp)
    assert rounded % EXPIRY_UNIT_SECONDS == 0
    assert 0 <= rounded - exp < EXPIRY_UNIT_SECONDS


@given(st.sampled_from(sorted(members(GUARANTEE))), st.data())
def test_each_member_of_the_document_is_in_its_id(name, data):
    """Whatever is altered, and even if the guarantor signs it: the ledger has another guarantee."""
    original = members(GUARANTEE)[name]
    other = data.draw(st.integers(1, 2**40) if isinstance(original, int) else st.text(min_size=1))
    if other != original:
        payload = canonical_json({**members(GUARANTEE), name: other})
        token = jws({"alg": "ES256", "typ": "heqi-guarantee+jwt"}, payload, BANK)
        terms = guarantee_terms(GUARANTEE, document_digest(token), VERIFIER)
        assert guarantee_id(bytes.fromhex(ALLIANCE), terms) != guarantee_story.issued_id()


@given(spoilt_json(members(GUARANTEE)))
def test_signed_nonsense_is_a_guarantee_with_an_id_or_refused(payload):
    token = jws({"alg": "ES256", "typ": "heqi-guarantee+jwt"}, canonical_json(payload), BANK)

    def check() -> bytes:
        guarantee = open_document(token, Guarantee, BANK.public)
        check_guarantee(guarantee)
        terms = guarantee_terms(guarantee, document_digest(token), VERIFIER)
        # What no member may be called reaches the ledger's name and is refused there.
        return guarantee_id(bytes.fromhex(ALLIANCE), terms)

    refuses_or_returns(check, NodeError)


@given(st.data())
@pytest.mark.parametrize(
    ("kind", "document"),
    [(ApplicationCode, guarantee_story.code()), (GuaranteeRelease, guarantee_story.release())],
    ids=lambda value: getattr(value, "kind", None),
)
def test_signed_nonsense_is_a_document_of_its_kind_or_refused(kind, document, data):
    payload = canonical_json(data.draw(spoilt_json(members(document))))
    token = jws({"alg": "ES256", "typ": f"heqi-{kind.kind}+jwt"}, payload, BANK)
    found = refuses_or_returns(lambda: open_document(token, kind, BANK.public), NodeError)
    assert found is None or isinstance(found, kind)
