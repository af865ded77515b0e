"""The tree against three other implementations: RFC 6962 as written, pymerkle, tlog-scales."""

import hashlib
from itertools import pairwise

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tlog_scales.tlog import ConsistencyProof, InclusionProof

from node.domain.merkle import (
    EMPTY_ROOT,
    MAX_PROOF_NODES,
    consistency_proof,
    grow,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from node.errors import InclusionError

SIZES = range(1, 65)
ENTRIES = [b"entry %d" % i for i in range(64)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


def rfc_root(leaves):
    """RFC 6962 2.1, recursively."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else hashlib.sha256().digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + rfc_root(leaves[:split]) + rfc_root(leaves[split:])).digest()


def build(batches):
    """Nodes of a tree that grew by these numbers of leaves."""
    nodes: dict[tuple[int, int], bytes] = {}
    size = 0
    for count in batches:
        for level, index, value in grow(size, LEAVES[size : size + count], lambda *at: nodes[at]):
            assert (level, index) not in nodes
            nodes[level, index] = value
        size += count
    return nodes


NODES = build([64])
ROOTS = [EMPTY_ROOT, *(rfc_root(LEAVES[:size]) for size in SIZES)]


def read(level, index):
    return NODES[level, index]


@given(st.lists(st.integers(0, 16), max_size=12).filter(lambda batches: sum(batches) <= 64))
def test_tree_is_the_same_however_it_grew(batches):
    nodes, size = build(batches), sum(batches)
    complete = {(level, i) for level in range(7) for i in range(size >> level)}
    assert nodes == {at: NODES[at] for at in complete}


def test_roots_are_those_of_the_rfc():
    assert [root_hash(size, read) for size in range(65)] == ROOTS


def test_roots_and_inclusion_proofs_agree_with_pymerkle():
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for entry in ENTRIES:
        tree.append_entry(entry)
    assert [tree.get_root(size) for size in SIZES] == ROOTS[1:]
    for size in SIZES:
        for index in range(size):
            # It counts from 1 and puts the leaf itself into the path.
            foreign = tree.prove_inclusion(index + 1, size).path
            assert sorted(foreign) == sorted([LEAVES[index], *inclusion_proof(index, size, read)])


def test_inclusion_is_proven_at_every_place_of_every_size():
    for size in SIZES:
        for index in range(size):
            proof = inclusion_proof(index, size, read)
            verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])
            InclusionProof(index, size, proof).check(LEAVES[index], ROOTS[size])


def test_consistency_is_proven_between_all_sizes():
    for new in SIZES:
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, read)
            verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)
            ConsistencyProof(old, new, proof).check(ROOTS[old], ROOTS[new])


def test_inclusion_proof_holds_for_one_leaf_one_place_and_one_size():
    for size in range(1, 20):
        for index in range(size):
            proof = inclusion_proof(index, size, read)
            for wrong_index in range(-1, size + 1):
                if wrong_index != index:
                    with pytest.raises(InclusionError):
                        verify_inclusion(wrong_index, size, LEAVES[index], proof, ROOTS[size])
            for wrong in (proof[:-1], [*proof, ROOTS[1]], [ROOTS[2], *proof[1:]], proof[::-1]):
                if wrong != proof:
                    with pytest.raises(InclusionError):
                        verify_inclusion(index, size, LEAVES[index], wrong, ROOTS[size])
            with pytest.raises(InclusionError):
                verify_inclusion(index, size, LEAVES[index - 1] if size > 1 else ROOTS[2], proof, ROOTS[size])


def test_inclusion_under_another_size_has_another_root():
    for index in range(15):
        proof = inclusion_proof(index, 15, read)
        for size in range(index + 1, 40):
            if size != 15:
                with pytest.raises(InclusionError):
                    verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])


def test_inner_node_does_not_pass_for_a_leaf():
    # The prefixes 0x00 and 0x01 keep a tree from being read one level higher: RFC 6962 2.1.
    inner = NODES[1, 0]
    with pytest.raises(InclusionError):
        verify_inclusion(0, 2, leaf_hash(LEAVES[0] + LEAVES[1]), inclusion_proof(0, 4, read)[1:], ROOTS[4])
    assert inner == node_hash(LEAVES[0], LEAVES[1]) != leaf_hash(LEAVES[0] + LEAVES[1])


def test_consistency_proof_that_is_changed_is_refused():
    for old, new in ((1, 2), (3, 7), (6, 8), (8, 13), (7, 64), (32, 33)):
        proof = consistency_proof(old, new, read)
        spoilt = [proof[:-1], [*proof, ROOTS[1]], proof[1:], [ROOTS[5], *proof[1:]], []]
        spoilt += [[*proof[:i], ROOTS[9], *proof[i + 1 :]] for i in range(len(proof))]
        for wrong in spoilt:
            with pytest.raises(InclusionError):
                verify_consistency(old, new, ROOTS[old], ROOTS[new], wrong)


def test_rewritten_tree_is_not_consistent():
    for old, new in ((1, 2), (3, 7), (8, 13), (13, 13)):
        proof = consistency_proof(old, new, read)
        with pytest.raises(InclusionError):
            verify_consistency(old, new, ROOTS[old + 1], ROOTS[new], proof)
        with pytest.raises(InclusionError):
            verify_consistency(old, new, ROOTS[old], ROOTS[new - 1], proof)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5), (0, 0)])
def test_consistency_of_impossible_sizes_is_refused(old, new):
    with pytest.raises(InclusionError):
        consistency_proof(old, new, read)
    with pytest.raises(InclusionError):
        verify_consistency(old, new, EMPTY_ROOT, ROOTS[5], [])


def test_trees_of_one_size_need_no_proof_and_take_none():
    verify_consistency(5, 5, ROOTS[5], ROOTS[5], [])
    for new_root, proof in ((ROOTS[5], [ROOTS[1]]), (ROOTS[4], [])):
        with pytest.raises(InclusionError):
            verify_consistency(5, 5, ROOTS[5], new_root, proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5), (2**53, 1)])
def test_inclusion_of_a_leaf_that_is_not_there_is_refused(index, size):
    with pytest.raises(InclusionError):
        inclusion_proof(index, size, read)
    with pytest.raises(InclusionError):
        root_from_inclusion(index, size, LEAVES[0], [])


@pytest.mark.parametrize("proof", [[b"short"], [bytes(33)], [bytes(32)] * (MAX_PROOF_NODES + 1)])
def test_proof_of_another_shape_is_refused(proof):
    with pytest.raises(InclusionError, match="at most"):
        verify_inclusion(0, 2, LEAVES[0], proof, ROOTS[2])
    with pytest.raises(InclusionError, match="at most"):
        verify_consistency(1, 2, ROOTS[1], ROOTS[2], proof)


@given(
    st.integers(0, 2**62), st.integers(1, 2**62), st.lists(st.binary(min_size=32, max_size=32), max_size=64)
)
@settings(max_examples=200)
def test_checks_end_and_agree_with_another_implementation(index, size, proof):
    def foreign(index, size):
        try:
            InclusionProof(index, size, proof).check(LEAVES[0], ROOTS[1])
        except Exception:
            return False
        return True

    try:
        verify_inclusion(index, size, LEAVES[0], proof, ROOTS[1])
        assert foreign(index, size)
    except InclusionError:
        assert not foreign(index, size)


def test_a_proof_reads_about_twice_the_logarithm_of_the_size():
    reads = []

    def counted(level, index):
        reads.append((level, index))
        return read(level, index)

    for size in SIZES:
        for index in range(size):
            reads.clear()
            inclusion_proof(index, size, counted)
            assert len(reads) <= 2 * size.bit_length()
            reads.clear()
            consistency_proof(index + 1, size, counted)
            assert len(reads) <= 2 * size.bit_length() + 2


def test_growing_by_one_reads_one_node_per_level_at_most():
    for old, _ in pairwise(range(65)):
        reads = []

        def counted(level, index, reads=reads):
            reads.append(level)
            return read(level, index)

        list(grow(old, LEAVES[old : old + 1], counted))
        assert len(reads) == len(set(reads)) <= 6
