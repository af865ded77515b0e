"""Identifiers and digests against eth-abi and eth-account, which the node does not use for them."""

from dataclasses import asdict, replace

import pytest
from eth_abi import encode
from eth_abi.packed import encode_packed
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from node.domain.ledger import GrantTerms, GuaranteeStep, GuaranteeTerms
from node.domain.ledger_ids import (
    Eip712Domain,
    centre_commitment,
    change_controller_digest,
    end_commitment,
    grant_id,
    guarantee_id,
    issue_guarantee_digest,
    mover_commitment,
    reserve_application_digest,
    revoke_grant_digest,
    step_guarantee_digest,
    step_receipt_digest,
    subject_id,
    veto_recovery_digest,
)
from node.domain.member import member_name_to_bytes32
from node.errors import CodeFormatError

WORDS, ADDRESSES = st.binary(min_size=32, max_size=32), st.binary(min_size=20, max_size=20)
UINT64 = st.integers(0, 2**64 - 1)
SIGNERS = st.binary(min_size=20, max_size=148)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)
TYPES = {
    "EIP712Domain": [
        ("name", "string"),
        ("version", "string"),
        ("chainId", "uint256"),
        ("verifyingContract", "address"),
        ("salt", "bytes32"),
    ],
    "ChangeController": [
        ("subject", "bytes32"),
        ("version", "uint64"),
        ("removed", "bytes"),
        ("added", "bytes"),
    ],
    "VetoRecovery": [("subject", "bytes32"), ("version", "uint64")],
    "RevokeGrant": [("grant", "bytes32")],
    "IssueGuarantee": [("guarantee", "bytes32")],
    "ReserveApplication": [("binding", "bytes32")],
    "StepGuarantee": [
        ("guarantee", "bytes32"),
        ("sequence", "uint64"),
        ("previous", "bytes32"),
        ("event", "uint8"),
        ("document", "bytes32"),
        ("end", "bytes32"),
        ("expires", "uint64"),
    ],
    "StepReceipt": [
        ("guarantee", "bytes32"),
        ("event", "uint8"),
        ("document", "bytes32"),
        ("lodged", "uint64"),
    ],
}


def typed_digest(chain_id, contract, alliance, primary, message):
    types = {
        name: [{"name": field, "type": kind} for field, kind in fields] for name, fields in TYPES.items()
    }
    signable = encode_typed_data(
        full_message={
            "types": {name: types[name] for name in ("EIP712Domain", primary)},
            "domain": {
                "name": "Heqi",
                "version": "1",
                "chainId": chain_id,
                "verifyingContract": "0x" + contract.hex(),
                "salt": alliance,
            },
            "primaryType": primary,
            "message": message,
        }
    )
    return keccak(b"\x19\x01" + signable.header + signable.body)


@given(st.integers(0, 2**64), ADDRESSES, WORDS, WORDS, UINT64, SIGNERS)
def test_change_controller_digest_is_that_of_eth_account(
    chain_id, contract, alliance, subject, version, signer
):
    domain, removed = Eip712Domain(chain_id, contract, alliance), signer[::-1]
    ours = change_controller_digest(domain, subject, version, removed=removed, added=signer)
    message = {"subject": subject, "version": version, "removed": removed, "added": signer}
    assert ours == typed_digest(chain_id, contract, alliance, "ChangeController", message)
    veto = typed_digest(
        chain_id, contract, alliance, "VetoRecovery", {"subject": subject, "version": version}
    )
    assert veto_recovery_digest(domain, subject, version) == veto


@given(st.integers(0, 2**64), ADDRESSES, WORDS, WORDS)
def test_revoke_grant_digest_is_that_of_eth_account(chain_id, contract, alliance, grant):
    ours = revoke_grant_digest(Eip712Domain(chain_id, contract, alliance), grant)
    assert ours == typed_digest(chain_id, contract, alliance, "RevokeGrant", {"grant": grant})


@given(WORDS, WORDS, UINT64, UINT64, SIGNERS)
def test_grant_id_is_the_abi_encoding_hashed(alliance, digest, before, expires, revoker):
    words = encode(
        ["bytes32", "bytes32", "uint64", "uint64", "bytes32"],
        [alliance, digest, before, expires, keccak(revoker)],
    )
    assert grant_id(alliance, GrantTerms(digest, before, expires, revoker)) == keccak(words)


@given(st.integers(0, 2**64), ADDRESSES, WORDS, WORDS)
def test_issue_guarantee_digest_is_that_of_eth_account(chain_id, contract, alliance, guarantee):
    ours = issue_guarantee_digest(Eip712Domain(chain_id, contract, alliance), guarantee)
    assert ours == typed_digest(chain_id, contract, alliance, "IssueGuarantee", {"guarantee": guarantee})


@given(st.integers(0, 2**64), ADDRESSES, WORDS, WORDS)
def test_reserve_application_digest_is_that_of_eth_account(chain_id, contract, alliance, binding):
    ours = reserve_application_digest(Eip712Domain(chain_id, contract, alliance), binding)
    assert ours == typed_digest(chain_id, contract, alliance, "ReserveApplication", {"binding": binding})


STEPS = st.builds(GuaranteeStep, WORDS, UINT64, WORDS, st.integers(0, 255), WORDS, WORDS, UINT64)


@given(ADDRESSES, WORDS, STEPS)
def test_step_guarantee_digest_is_that_of_eth_account(contract, alliance, step):
    ours = step_guarantee_digest(Eip712Domain(1, contract, alliance), step)
    assert ours == typed_digest(1, contract, alliance, "StepGuarantee", asdict(step))


@given(ADDRESSES, WORDS, WORDS, st.integers(0, 255), WORDS, UINT64)
def test_step_receipt_digest_is_that_of_eth_account(contract, alliance, guarantee, event, document, lodged):
    receipt = {"guarantee": guarantee, "event": event, "document": document, "lodged": lodged}
    ours = step_receipt_digest(Eip712Domain(1, contract, alliance), **receipt)
    assert ours == typed_digest(1, contract, alliance, "StepReceipt", receipt)


TERMS = st.builds(
    GuaranteeTerms, WORDS, WORDS, UINT64, NAMES, WORDS, WORDS, WORDS, WORDS, st.integers(0, 255)
)


@given(WORDS, TERMS)
def test_guarantee_id_is_the_abi_encoding_hashed(alliance, terms):
    told = asdict(terms) | {"guarantor": member_name_to_bytes32(terms.guarantor)}
    kinds = ["bytes32"] * 3 + ["uint64"] + ["bytes32"] * 5 + ["uint8"]
    assert guarantee_id(alliance, terms) == keccak(encode(kinds, [alliance, *told.values()]))


@given(WORDS, NAMES, UINT64)
def test_commitments_to_centre_and_end_are_words_hashed(salt, centre, end):
    words = encode(["bytes32", "bytes32"], [salt, member_name_to_bytes32(centre)])
    assert centre_commitment(salt, centre) == keccak(words)
    assert end_commitment(salt, end) == keccak(encode(["bytes32", "uint64"], [salt, end]))


@given(WORDS, SIGNERS)
def test_mover_commitment_is_the_packed_encoding_hashed(salt, signer):
    assert mover_commitment(salt, signer) == keccak(encode_packed(["bytes32", "bytes"], [salt, signer]))


@given(WORDS, NAMES, WORDS)
def test_subject_id_is_the_abi_encoding_hashed(alliance, home, salt):
    words = encode(["bytes32", "bytes32", "bytes32"], [alliance, member_name_to_bytes32(home), salt])
    assert subject_id(alliance, home, salt) == keccak(words)


def test_subject_of_a_home_with_a_malformed_name_is_refused():
    with pytest.raises(CodeFormatError):
        subject_id(bytes(32), "Centre", bytes(32))


def test_each_term_of_a_grant_changes_its_id():
    terms = GrantTerms(bytes(32), 1, 2, bytes(84))
    ids = {
        grant_id(bytes(32), terms),
        grant_id(b"\1" * 32, terms),
        *(
            grant_id(bytes(32), GrantTerms(*changed))
            for changed in (
                (b"\1" * 32, 1, 2, bytes(84)),
                (bytes(32), 2, 2, bytes(84)),
                (bytes(32), 1, 3, bytes(84)),
                (bytes(32), 1, 2, bytes(83) + b"\1"),
            )
        ),
    }
    assert len(ids) == 6


def test_each_term_of_a_guarantee_changes_its_id():
    terms = GuaranteeTerms(bytes(32), bytes(32), 1, "bank", *[bytes(32)] * 4, 5)
    other = b"\1" * 32
    changes = (
        {"digest": other},
        {"application": other},
        {"expires": 2},
        {"guarantor": "insurer"},
        {"beneficiary": other},
        {"applicant": other},
        {"centre": other},
        {"end": other},
        {"examination": 6},
    )
    ids = {guarantee_id(bytes(32), replace(terms, **change)) for change in changes}
    assert len(ids | {guarantee_id(bytes(32), terms), guarantee_id(other, terms)}) == 11


def test_a_guarantee_that_two_movers_exchanged_is_another():
    terms = GuaranteeTerms(bytes(32), bytes(32), 1, "bank", bytes(32), b"\1" * 32, bytes(32), bytes(32), 5)
    exchanged = replace(terms, beneficiary=terms.applicant, applicant=terms.beneficiary)
    assert guarantee_id(bytes(32), terms) != guarantee_id(bytes(32), exchanged)


def test_signature_is_bound_to_chain_contract_and_alliance():
    digests = {
        revoke_grant_digest(Eip712Domain(*place), bytes(32))
        for place in (
            (1, bytes(20), bytes(32)),
            (2, bytes(20), bytes(32)),
            (1, b"\1" * 20, bytes(32)),
            (1, bytes(20), b"\1" * 32),
        )
    }
    assert len(digests) == 4
