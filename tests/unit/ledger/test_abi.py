"""The tables between domain and contracts are complete and say the same as the committed ABIs."""

import typing
from dataclasses import asdict

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from adapters.ledger import calls, happenings
from adapters.ledger.abi import decode_error, decode_log, encode_function
from adapters.ledger.artifact import BOOK_NAMES, CONTRACT_NAMES, load_artifact
from adapters.ledger.deployment import DeployedContract, Deployment
from adapters.ledger.happenings import to_happening
from node.domain.ledger import (
    AnchorCheckpoint,
    Anchored,
    Call,
    CastVote,
    ChangeKeys,
    Evidence,
    GuaranteeMoved,
    GuaranteeStep,
    GuaranteeTerms,
    Happening,
    IssueGuarantee,
    Signed,
    StepGuarantee,
)
from node.domain.member import member_name_to_bytes32

VERIFIER = b"\x77" * 20
DEPLOYMENT = Deployment(bytes(32), 1, bytes(32), 1, {"ES256Verifier": DeployedContract(VERIFIER, bytes(32))})
NAME = member_name_to_bytes32("hangzhou")


def topic(signature: str) -> bytes:
    return keccak(signature.encode())


def test_every_call_has_a_function() -> None:
    """The issue of a guarantee and a change of keys stand apart: they need the deployment."""
    assert {*calls._TABLE, IssueGuarantee, ChangeKeys} == set(typing.get_args(Call))


def test_every_happening_has_an_event() -> None:
    events = {
        entry["name"]
        for name in CONTRACT_NAMES
        for entry in load_artifact(name).abi
        if entry["type"] == "event"
    }
    translated = set(happenings._TABLE)
    assert translated <= events
    assert events - translated == {"EIP712DomainChanged"}
    returned = {typing.get_type_hints(happenings._proposal_made)["return"].__name__}
    # MemberSuspended and MemberReinstated are one happening, and so are MemberAbsent and MemberReturned
    assert len(translated) == len(typing.get_args(Happening)) + 2
    assert returned == {"ProposalMade"}


def test_call_data_is_what_solidity_expects() -> None:
    root, node = b"\x11" * 32, b"\x22" * 32
    invocation = calls.to_invocation(AnchorCheckpoint(5, root, (node,)), DEPLOYMENT)
    selector = topic("anchor(uint64,bytes32,bytes32[])")[:4]
    expected = encode(["uint64", "bytes32", "bytes32[]"], [5, root, [node]])
    assert (invocation.contract, invocation.data) == ("Anchors", selector + expected)
    vote = calls.to_invocation(CastVote(1, True), DEPLOYMENT)
    assert vote.data == encode_function("Alliance", "vote", (1, True))


def test_an_issue_names_the_verifier_and_not_the_signers() -> None:
    commitments = [bytes([number]) * 32 for number in range(1, 5)]
    terms = GuaranteeTerms(b"\x33" * 32, b"\x44" * 32, 9, "hangzhou", *commitments, 5)
    invocation = calls.to_invocation(IssueGuarantee(terms, b"\x55" * 64), DEPLOYMENT)
    kinds = ["(bytes32,bytes32,uint64,bytes32,bytes32,bytes32,bytes32,bytes32,uint8)", "address", "bytes"]
    struct = (terms.digest, terms.application, 9, NAME, *commitments, 5)
    expected = topic(f"issue({','.join(kinds)})")[:4] + encode(kinds, [struct, VERIFIER, b"\x55" * 64])
    assert (invocation.contract, invocation.data) == ("Guarantees", expected)


SIGNED = "(bytes,bytes32,bytes32,bytes)"


@pytest.mark.parametrize("receipt", [None, Signed(b"\x66" * 84, b"\x77" * 64, b"\x88" * 32, "hangzhou")])
def test_a_step_shows_its_signer_the_salt_and_what_its_time_needs(receipt: Signed | None) -> None:
    step = GuaranteeStep(b"\x11" * 32, 2, b"\x12" * 32, 7, b"\x22" * 32, b"\x23" * 32, 99)
    mover = Signed(b"\x33" * 84, b"\x44" * 64, b"\x55" * 32)
    call = StepGuarantee(step, mover, Evidence(8, b"\x56" * 32, 6 if receipt else 0, receipt))
    invocation = calls.to_invocation(call, DEPLOYMENT)
    kinds = [
        "(bytes32,uint64,bytes32,uint8,bytes32,bytes32,uint64)",
        SIGNED,
        f"(uint64,bytes32,uint64,{SIGNED})",
    ]
    shown = (b"", bytes(32), bytes(32), b"")
    if receipt:
        shown = (receipt.signer, receipt.salt, NAME, receipt.signature)
    values = [
        tuple(asdict(step).values()),
        (mover.signer, mover.salt, bytes(32), mover.signature),
        (8, b"\x56" * 32, 6 if receipt else 0, shown),
    ]
    selector = topic(f"step({','.join(kinds)})")[:4]
    assert (invocation.contract, invocation.data) == ("Guarantees", selector + encode(kinds, values))


def test_a_log_is_read_by_its_first_topic() -> None:
    topics = [topic("Anchored(bytes32,uint64,bytes32)"), NAME]
    data = encode(["uint64", "bytes32"], [7, b"\x33" * 32])
    assert to_happening(topics, data) == Anchored("hangzhou", 7, b"\x33" * 32)
    assert to_happening([bytes(32)], b"") is None
    assert to_happening([], b"") is None


def test_a_guarantees_step_is_read() -> None:
    kinds = ["uint8", "uint8", "uint64", "bytes32", "uint64", "uint64", "uint64", "uint64"]
    topics = [topic(f"GuaranteeMoved(bytes32,{','.join(kinds)})"), b"\x11" * 32]
    moved = GuaranteeMoved(b"\x11" * 32, 2, 3, 4, b"\x55" * 32, 6, 7, 8, 9)
    assert to_happening(topics, encode(kinds, [2, 3, 4, b"\x55" * 32, 6, 7, 8, 9])) == moved


def test_events_without_a_word_in_the_domain_are_left_out() -> None:
    topics = [topic("EIP712DomainChanged()")]
    assert decode_log(topics, b"") is not None
    assert to_happening(topics, b"") is None


@pytest.mark.parametrize(
    ("topics", "data"),
    [
        ([topic("Anchored(bytes32,uint64,bytes32)")], bytes(64)),
        ([topic("Anchored(bytes32,uint64,bytes32)"), NAME], bytes(63)),
        ([topic("Anchored(bytes32,uint64,bytes32)"), NAME], b"\xff" * 64),
        ([topic("Anchored(bytes32,uint64,bytes32)"), b"\xff" * 32], bytes(64)),
        ([topic("MemberAdmitted(bytes32,(bytes32,uint8,address,bytes32,bytes32,bytes32,bytes32,string,string))"),
          NAME], b"\xff" * 400),
        ([topic("ProposalMade(uint256,bytes32,uint8,bytes,uint64,uint32)"), bytes(32), NAME],
         encode(["uint8", "bytes", "uint64", "uint32"], [9, b"", 1, 1])),
    ],
)  # fmt: skip
def test_a_log_that_does_not_fit_its_event_is_a_value_error(topics: list[bytes], data: bytes) -> None:
    with pytest.raises(ValueError):
        to_happening(topics, data)


def test_custom_errors_are_named_with_their_arguments() -> None:
    selector = topic("AnchorsNotGrowing(uint64,uint64)")[:4]
    assert decode_error(selector + encode(["uint64", "uint64"], [3, 5])) == (
        "AnchorsNotGrowing",
        "size=3, last=5",
    )
    selector = topic("AllianceNotEligible(bytes32)")[:4]
    assert decode_error(selector + NAME) == ("AllianceNotEligible", "voter=hangzhou")
    assert decode_error(selector) == ("AllianceNotEligible", "")


def test_built_in_and_unknown_errors_are_named_too() -> None:
    assert decode_error(topic("Error(string)")[:4] + encode(["string"], ["no"])) == ("Error", "value=no")
    assert decode_error(topic("Panic(uint256)")[:4] + encode(["uint256"], [17])) == ("Panic", "value=17")
    assert decode_error(b"") == ("Reverted", "")
    assert decode_error(b"\x01\x02\x03\x04\x05") == ("Reverted", "0x0102030405")


def test_immutables_are_filled_in() -> None:
    alliance = b"\xaa" * 20
    for name in CONTRACT_NAMES:
        artifact = load_artifact(name)
        code = artifact.runtime_code(alliance)
        assert len(code) == len(artifact.deployed_bytecode)
        assert code.count(bytes(12) + alliance) == len(artifact.immutable_offsets)
        assert bool(artifact.immutable_offsets) == (name in BOOK_NAMES)
