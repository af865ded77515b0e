"""Every field of a bundle under every class of mutation, by a thief without keys and by a keeper with its own."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from node.domain.bundle import parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.encoding import canonical_json
from node.errors import NodeError
from tests.vectors import story, world
from tests.vectors.false_bundles import false_bundles

VERIFIER = Verifier(world.descriptor())
RIGHT = {"read": json.loads(story.bundle()), "own": json.loads(story.own_bundle())}
Path = tuple[str | int, ...]


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """Every member and every element, the outermost value left out."""
    if path:
        yield path
    if isinstance(value, dict):
        for name in value:
            yield from places(value[name], (*path, name))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], (*path, index))


def at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def mutations(right: Any, other: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """What the value at a path can be made into, by class."""
    value = at(right, path)
    yield "drop", None
    if isinstance(value, str) and value:
        middle = len(value) // 2
        yield "flip", value[:middle] + ("A" if value[middle] != "A" else "B") + value[middle + 1 :]
        yield "cut", value[:-1]
        yield "repeat", value + value
        yield "empty", ""
        yield "another hash", "A" * len(value)
    if isinstance(value, int):
        yield "one more", value + 1
        yield "other tree size", 2 * value + 1
        yield "text", str(value)
    if isinstance(value, list):
        yield "reorder", value[::-1]
        yield "repeat", [*value, *value[-1:]]
        yield "empty", []
    try:
        foreign = at(other, path)
    except (KeyError, IndexError, TypeError):
        return
    yield "splice", foreign


def mutants(name: str) -> Iterator[tuple[str, bytes]]:
    right, other = RIGHT[name], RIGHT["own" if name == "read" else "read"]
    for path in places(right):
        for kind, value in mutations(right, other, path):
            mutant = json.loads(json.dumps(right))
            *parents, last = path
            place = at(mutant, tuple(parents))
            if kind == "drop":
                del place[last]
            else:
                place[last] = value
            if mutant != right:
                yield f"{kind} {'.'.join(map(str, path))}", canonical_json(mutant)


@pytest.mark.parametrize("name", ["read", "own"])
def test_no_mutation_by_a_thief_is_accepted(name: str) -> None:
    count = 0
    for why, raw in mutants(name):
        count += 1
        with pytest.raises(NodeError):
            pytest.fail(f"accepted: {why} {verify_bundle(parse_bundle(raw), VERIFIER).steps}")
    assert count > 100


def test_a_keeper_can_change_nothing_about_what_was_read() -> None:
    """It signs its own statement anew over each mutant; what the home and the subject signed is not its own."""
    right = verify_bundle(story.read_bundle(), VERIFIER)
    accepted = []
    for why, raw in mutants("read"):
        try:
            bundle = parse_bundle(raw)
            verified = verify_bundle(story.kept(bundle, story.READER), VERIFIER)
        except NodeError:
            continue
        accepted.append(why)
        assert verified.evidence == right.evidence
        assert (verified.grant, verified.identity) == (right.grant, right.identity)
        assert [step.kind for step in verified.steps] == [step.kind for step in right.steps]
    # It answers for its own statement, and for the header and further slots of the ledger, which nobody signs.
    others = {why for why in accepted if why.split()[-1].split(".")[0] not in {"custody", "ledger"}}
    assert others == set()


def test_every_reason_for_refusing_a_bundle_is_reached() -> None:
    reached = set()
    for _, bundle in false_bundles(story.read_bundle()):
        with pytest.raises(NodeError) as error:
            verify_bundle(bundle, VERIFIER)
        reached.add(error.value.reason)
    assert reached >= {
        "ANCHOR",
        "CERTIFICATE",
        "CUSTODY",
        "DESCRIPTOR",
        "DISCLOSURE",
        "DOCUMENT_FORMAT",
        "EVIDENCE_GAP",
        "GRANT_EXPIRED",
        "GRANT_SCOPE",
        "INCLUSION",
        "LEDGER_PROOF",
        "PROOF_FORMAT",
        "SIGNATURE",
        "STALE_VERSION",
        "VERIFICATION",
    }
