"""Ledger proofs under attack: one encoding, nothing too much, nothing on trust; facts as contracts read them."""

import json
from typing import Any

import msgspec
import pytest
import rlp
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from contracts import generate_layout
from node.domain import storage_layout
from node.domain.descriptor import Descriptor
from node.domain.encoding import canonical_json, from_base64url, to_base64url
from node.domain.ledger_proof import (
    MAX_PROOF_BYTES,
    LedgerProof,
    ShownContract,
    encode_ledger_proof,
    make_ledger_proof,
    parse_ledger_proof,
    read_header,
    read_storage,
)
from node.domain.proven_state import (
    ANCHORS,
    GRANTS,
    Facts,
    GrantStanding,
    ProvenGrant,
    ProvenState,
    mapping_slot,
    open_ledger_proof,
)
from node.errors import LedgerProofError, NodeError, ProofFormatError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes, spoilt_json
from tests.vectors import chain, story, world
from tests.vectors.world import HOME, READER

DESCRIPTOR = world.descriptor()
PROOF = chain.proof()
RAW = encode_ledger_proof(PROOF)
GRANT = story.granted_id()
QBFT_MIX_HASH = "63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"


def opened(proof: LedgerProof) -> ProvenState:
    return open_ledger_proof(parse_ledger_proof(encode_ledger_proof(proof)), DESCRIPTOR)


def all_facts(descriptor: Descriptor) -> tuple[object, object]:
    state = open_ledger_proof(PROOF, descriptor)
    return state.anchor(HOME), state.grant(GRANT)


def checked(raw: bytes) -> ProvenState:
    state = open_ledger_proof(parse_ledger_proof(raw), DESCRIPTOR)
    state.check_shows_exactly(chain.ALL)
    return state


def is_true(raw: bytes) -> bool:
    """Whether spoilt bytes pass for a proof about the same block: a header alone can always be made up."""
    state = refuses_or_returns(lambda: checked(raw), NodeError)
    return isinstance(state, ProvenState) and state.block == opened(PROOF).block


def swap(values: tuple[str, ...], one: int, other: int) -> tuple[str, ...]:
    changed = list(values)
    changed[one], changed[other] = changed[other], changed[one]
    return tuple(changed)


# -- what it shows ---------------------------------------------------------------------------------------


def test_a_proof_shows_what_the_contracts_held():
    state = opened(PROOF)
    assert state.anchor(HOME).root == story.root(story.LOG_SIZE)
    assert state.anchor(READER) is None
    assert state.grant(GRANT) == ProvenGrant(GrantStanding.REGISTERED, story.grant().exp)
    assert state.grant(bytes(32)) == ProvenGrant(GrantStanding.UNKNOWN, 0)
    assert (state.member(HOME).keys_version, state.member(READER).keys_version) == (0, 2)
    assert state.member(READER).log_size == 9
    assert state.contract(GRANTS) == chain.SUCCESSOR


def test_a_proof_has_one_encoding():
    assert encode_ledger_proof(parse_ledger_proof(RAW)) == RAW
    assert canonical_json(json.loads(RAW)) == RAW
    for spelt in (json.dumps(json.loads(RAW)).encode(), RAW + b" ", RAW.replace(b'"nodes"', b'"Nodes"')):
        with pytest.raises(ProofFormatError):
            parse_ledger_proof(spelt)


def test_the_layout_is_what_the_compiler_said():
    assert generate_layout.MODULE.read_text("utf-8") == generate_layout.module()


def test_the_page_has_the_compilers_slots():
    page = (generate_layout.ROOT / "docs/formats/ledger-proof.md").read_text("utf-8")
    for contract, variables in generate_layout.VARIABLES.items():
        for name in variables:
            slot = getattr(storage_layout, generate_layout.constant(contract, name))
            assert f"| {contract} `{name}` | {slot} |" in page


def test_a_mapping_of_a_mapping_slot_is_soliditys():
    """From the Solidity documentation's own rule: keccak256(h(k) . p)."""
    assert mapping_slot(b"\1" * 32, 9) == keccak(b"\1" * 32 + bytes(31) + b"\x09")


# -- nothing too much, too little, or out of order ---------------------------------------------------------


@pytest.mark.parametrize("place", range(len(PROOF.nodes)))
def test_every_node_is_needed_once_and_in_its_place(place: int):
    nodes = PROOF.nodes
    for changed in (
        nodes[:place] + nodes[place + 1 :],
        (*nodes[: place + 1], nodes[place], *nodes[place + 1 :]),
        (*nodes, nodes[place]),
        swap(nodes, place, (place + 1) % len(nodes)),
        (*nodes[:place], to_base64url(b"\xc0"), *nodes[place:]),
    ):
        with pytest.raises(NodeError):
            opened(replace(PROOF, nodes=changed))


@pytest.mark.parametrize("place", range(len(PROOF.nodes)))
def test_a_flipped_bit_in_any_node_is_found(place: int):
    node = bytearray(from_base64url(PROOF.nodes[place]))
    for at in range(0, len(node), 7):
        node[at] ^= 1
        changed = (*PROOF.nodes[:place], to_base64url(bytes(node)), *PROOF.nodes[place + 1 :])
        with pytest.raises(NodeError):
            opened(replace(PROOF, nodes=changed))
        node[at] ^= 1


def test_a_node_of_another_state_proves_nothing_here():
    other = chain.proof(Facts(anchors=(HOME,)))
    for mine, theirs in ((PROOF, other), (other, PROOF)):
        with pytest.raises(NodeError):
            opened(replace(mine, nodes=theirs.nodes))
        with pytest.raises(NodeError):
            opened(replace(mine, contracts=theirs.contracts))


def test_contracts_and_slots_stand_in_order_each_once():
    first, *rest = PROOF.contracts
    for contracts in (
        (*PROOF.contracts[1:], first),
        (first, first, *rest),
        (),
        (ShownContract(first.address, first.slots[::-1]), *rest),
        (ShownContract(first.address, (*first.slots, first.slots[-1])), *rest),
        (ShownContract(first.address[:-2], first.slots), *rest),
    ):
        with pytest.raises(ProofFormatError):
            read_storage(replace(PROOF, contracts=contracts))


def test_a_slot_left_out_leaves_its_nodes_without_use():
    *rest, last = PROOF.contracts
    with pytest.raises(LedgerProofError, match="of no use"):
        read_storage(replace(PROOF, contracts=(*rest, ShownContract(last.address, last.slots[1:]))))


def test_a_contract_that_is_not_there_is_not_shown_as_empty():
    header = from_base64url(PROOF.header)
    with pytest.raises(LedgerProofError, match="no contract"):
        make_ledger_proof(header, {b"\7" * 20: []}, map(from_base64url, PROOF.nodes))


def test_another_header_is_another_block_or_none():
    raw = from_base64url(PROOF.header)
    items = rlp.decode(raw)
    later = rlp.encode([*items[:11], b"\x7f", *items[12:]])
    assert read_header(later).hash != read_header(raw).hash
    other_state = rlp.encode([*items[:3], bytes(32), *items[4:]])
    for header in (other_state, raw + b"\0", raw[:-1], rlp.encode(items[:14]), b"", rlp.encode(b"x" * 600)):
        with pytest.raises(NodeError):
            opened(replace(PROOF, header=to_base64url(header)))


def test_what_is_too_large_is_refused_before_it_is_read():
    with pytest.raises(ProofFormatError, match="at most"):
        parse_ledger_proof(b"[" * (MAX_PROOF_BYTES + 1))
    with pytest.raises(ProofFormatError, match="length"):
        read_storage(replace(PROOF, nodes=(to_base64url(bytes(1_025)),)))
    with pytest.raises(ProofFormatError, match="too many"):
        read_storage(replace(PROOF, nodes=("",) * 5_000))


# -- facts -------------------------------------------------------------------------------------------------


def test_what_is_not_shown_is_refused():
    state = opened(chain.proof(Facts(anchors=(HOME,))))
    for ask in (
        lambda: state.anchor(READER),
        lambda: state.member(HOME),
        lambda: state.grant(GRANT),
        lambda: state.contracts("Subjects"),
    ):
        with pytest.raises(LedgerProofError):
            ask()


def test_a_contract_of_other_code_is_refused():
    for name in ("Alliance", ANCHORS, GRANTS):
        contracts = dict(DESCRIPTOR.contracts)
        contracts[name] = msgspec.structs.replace(contracts[name], code_hash="ab" * 32)
        other = msgspec.structs.replace(DESCRIPTOR, contracts=contracts)
        with pytest.raises(LedgerProofError, match="other code"):
            all_facts(other)


def test_a_predecessor_that_is_kept_back_is_missed():
    """Else a revocation in it could be hidden."""
    header = from_base64url(PROOF.header)
    nodes = [from_base64url(node) for node in PROOF.nodes]
    shown = {
        from_base64url(one.address): [from_base64url(slot) for slot in one.slots] for one in PROOF.contracts
    }
    del shown[chain.BOOK[GRANTS][0]]
    state = opened(make_ledger_proof(header, shown, nodes))
    with pytest.raises(LedgerProofError, match="does not show the contract Grants"):
        state.grant(GRANT)


# -- QBFT --------------------------------------------------------------------------------------------------


def qbft(round_: bytes, seals: list[bytes], **changes: Any) -> bytes:
    items = rlp.decode(from_base64url(PROOF.header))
    items[12] = rlp.encode([bytes(32), [b"\1" * 20, b"\2" * 20], [], round_, seals])
    items[13] = bytes.fromhex(QBFT_MIX_HASH)
    for place, value in changes.items():
        items[int(place[1:])] = value
    return rlp.encode(items)


def test_a_qbft_block_is_hashed_without_round_and_seals():
    sealed = qbft(b"\3", [b"\5" * 65, b"\6" * 65])
    assert read_header(sealed).hash == read_header(qbft(b"", [])).hash == keccak(qbft(b"", []))
    assert read_header(sealed).hash != keccak(sealed)
    # The genesis block is hashed as it stands.
    genesis = qbft(b"\3", [], _8=b"")
    assert read_header(genesis).hash == keccak(genesis)


def test_a_qbft_block_without_its_extra_data_is_refused():
    for extra in (b"", bytes(32), rlp.encode([bytes(32)])):
        with pytest.raises(ProofFormatError):
            read_header(qbft(b"", [], _12=extra))


# -- anything at all ---------------------------------------------------------------------------------------


@given(spoilt_bytes(RAW))
def test_spoilt_bytes_are_refused_in_our_own_words(raw: bytes):
    assert is_true(raw) == (raw == RAW)


@given(spoilt_json(json.loads(RAW)))
def test_spoilt_values_are_refused_in_our_own_words(value: Any):
    raw = canonical_json(value)
    assert is_true(raw) == (raw == RAW)


def test_a_proof_that_shows_more_or_less_than_the_facts_need_is_refused():
    for facts in (
        Facts(members=(HOME,)),
        Facts(members=chain.ALL.members, anchors=chain.ALL.anchors),
        Facts(members=(HOME, READER, "centre-c"), anchors=chain.ALL.anchors, grants=chain.ALL.grants),
    ):
        with pytest.raises(LedgerProofError, match=r"than the facts need|does not show"):
            opened(PROOF).check_shows_exactly(facts)


NODE = st.recursive(
    st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, min_size=17, max_size=17)
        | st.lists(inner, min_size=2, max_size=2)
    ),
    max_leaves=24,
)


@given(st.lists(NODE, min_size=1, max_size=3))
def test_a_forgers_trie_is_refused_in_our_own_words(nodes: list[Any]):
    """Whoever makes up the header makes up the trie: nodes that no ledger ever had."""
    encoded = [rlp.encode(node) for node in nodes]
    items = rlp.decode(from_base64url(PROOF.header))
    items[3] = keccak(encoded[0])
    header = rlp.encode(items)
    address = world.contract("Alliance")
    refuses_or_returns(lambda: make_ledger_proof(header, {address: [bytes(32)]}, encoded), NodeError)


def test_a_node_nested_deeper_than_python_goes_is_refused():
    node = b""
    for _ in range(400):
        node = rlp.codec.length_prefix(len(node), 0xC0) + node
    assert len(node) < 1_200
    items = rlp.decode(from_base64url(PROOF.header))
    items[3] = keccak(node)
    with pytest.raises(NodeError):
        make_ledger_proof(rlp.encode(items), {world.contract("Alliance"): []}, [node])
