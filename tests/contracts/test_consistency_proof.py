"""The library ConsistencyProof against RFC 9162 written down recursively, and against forged proofs."""

import pymerkle
import pytest
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts import rfc9162
from tests.support.evm import Contract, Evm

SIZES = range(1, 41)
LEAVES = rfc9162.leaves(SIZES[-1])
ROOTS = {size: rfc9162.root(LEAVES[:size]) for size in SIZES}
PROOFS = {(old, new): rfc9162.consistency(old, LEAVES[:new]) for new in SIZES for old in range(1, new)}


@pytest.fixture(scope="module")
def evm() -> Evm:
    return Evm()


@pytest.fixture(scope="module")
def checker(evm: Evm) -> Contract:
    return evm.deploy("ConsistencyChecker", sender=evm.account())


def test_the_oracles_roots_are_those_of_pymerkle() -> None:
    tree = pymerkle.InmemoryTree()
    tree.append_entries(LEAVES)
    assert {size: tree.get_root(size) for size in SIZES} == ROOTS


def test_every_true_proof_is_taken(evm: Evm, checker: Contract) -> None:
    for (old, new), proof in PROOFS.items():
        assert evm.call(checker, "verify", proof, old, ROOTS[old], new, ROOTS[new]), (old, new)


@pytest.mark.parametrize("new", SIZES[1:])
def test_every_other_old_size_is_refused(evm: Evm, checker: Contract, new: int) -> None:
    """The proof, and the root, of one size do not serve for any other."""
    for claimed in range(1, new):
        honest = claimed % (new - 1) + 1
        if honest != claimed:
            proof = PROOFS[honest, new]
            assert not evm.call(checker, "verify", proof, claimed, ROOTS[honest], new, ROOTS[new])
            assert not evm.call(checker, "verify", proof, claimed, ROOTS[claimed], new, ROOTS[new])


def test_no_proof_is_no_proof(evm: Evm, checker: Contract) -> None:
    for old, new in PROOFS:
        assert not evm.call(checker, "verify", [], old, ROOTS[old], new, ROOTS[new])


def test_a_proof_of_any_length_ends_soon(evm: Evm, checker: Contract) -> None:
    """64 rounds are the most there can be; the rest of the proof is not looked at."""
    proof = [keccak(text="x")] * 5000
    largest = 2**64 - 1
    for old in (1, 2**63, largest - 1):
        assert not evm.call(checker, "verify", proof, old, ROOTS[1], largest, ROOTS[2])


def test_the_largest_sizes_do_not_overflow(evm: Evm, checker: Contract) -> None:
    """A tree of 2^63 + 1 leaves, all of whose left half is one known hash."""
    left, leaf = keccak(text="2^63 leaves"), keccak(text="one more")
    whole = rfc9162.sha256(b"\1" + left + leaf).digest()
    assert evm.call(checker, "verify", [leaf], 2**63, left, 2**63 + 1, whole)
    assert not evm.call(checker, "verify", [leaf], 2**63, leaf, 2**63 + 1, whole)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_forged_proof_is_refused(evm: Evm, checker: Contract, data: st.DataObject) -> None:
    old, new = data.draw(st.sampled_from(sorted(PROOFS)))
    proof = PROOFS[old, new]
    position = data.draw(st.integers(0, len(proof) - 1))
    bit = 1 << data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(proof[position], "big") ^ bit).to_bytes(32, "big")
    rest = proof[position + 1 :]
    forged = data.draw(
        st.sampled_from(
            [
                [*proof[:position], flipped, *rest],
                [*proof[:position], *rest],
                [*proof[:position], proof[position], *proof[position:]],
                [*proof[:position], ROOTS[old], *proof[position:]],
                [*proof, ROOTS[new]],
                [ROOTS[old], *proof],
                proof[::-1],
            ]
        )
    )
    if forged != proof:
        assert not evm.call(checker, "verify", forged, old, ROOTS[old], new, ROOTS[new])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(PROOFS)), st.data())
def test_a_rewritten_leaf_is_found(
    evm: Evm, checker: Contract, sizes: tuple[int, int], data: st.DataObject
) -> None:
    old, new = sizes
    rewritten = LEAVES[:new]
    rewritten[data.draw(st.integers(0, old - 1))] = b"rewritten"
    proof = rfc9162.consistency(old, rewritten)
    assert not evm.call(checker, "verify", proof, old, ROOTS[old], new, rfc9162.root(rewritten))
