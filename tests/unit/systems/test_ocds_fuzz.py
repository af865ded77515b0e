"""Whatever comes in, nothing is raised and what is sound beside it is taken."""

import copy
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.systems.ocds import Accepted, Summary, read_ocds
from node.domain.catalogue.rules import shipped_rules
from node.domain.draft import check_draft
from node.services.preparing import plain_fields

SOUND = {
    "ocid": "sound",
    "id": "s",
    "date": "2026-01-01T00:00:00Z",
    "tag": ["tender"],
    "tender": {"id": "t", "title": "没有错误", "value": {"amount": 5, "currency": "CNY"}},
}
WHOLE = SOUND | {
    "ocid": "o",
    "buyer": {"id": "p", "name": "n"},
    "parties": [{"id": "p", "name": "n", "identifier": {"scheme": "s", "id": "i"}, "roles": ["buyer"]}],
    "planning": {"budget": {"amount": {"amount": 1.5, "currency": "CNY"}}},
    "bids": {
        "details": [{"id": "b", "tenderers": [{"id": "p"}], "validityPeriod": {"startDate": "2026-01-01"}}]
    },
    "awards": [{"id": "a", "suppliers": [{"id": "p"}], "items": [{"id": 1, "quantity": 2}]}],
    "contracts": [{"id": "c", "implementation": {"transactions": [{"id": 1}]}}],
}
KEYS = [
    *WHOLE,
    "releases",
    "records",
    "compiledRelease",
    "versionedRelease",
    "value",
    "amount",
    "details",
    "url",
]
KEYS += ["releaseDate", "id", "suppliers", "implementation", "contactPoint", "_sd", "a b", "价"]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(
        ["", "2026-02-30", "2026-01-01", "2026-01-01T00:00:00Z", "1.5", "\ud800", "a/b~c", "x" * 70_000]
    )
)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=6)
    ),
)


def read(*files: bytes) -> list[object]:
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(files):
            Path(folder, f"{number}.json").write_bytes(content)
        summary = Summary()
        outcomes = list(read_ocds(Path(folder), source_system="test", summary=summary))
    assert len(outcomes) == sum(c.total() for c in (summary.accepted, summary.parked, summary.parked_parts))
    for outcome in outcomes:
        assert outcome.source.encode()
        if isinstance(outcome, Accepted):
            check_draft(outcome.draft)
            assert shipped_rules().mistakes(outcome.draft.category, plain_fields(outcome.draft)) == []
        else:
            assert len(outcome.excerpt) <= 300
            assert (outcome.excerpt + outcome.message).encode()
    return outcomes


def accepts_sound(outcomes: list[object]) -> bool:
    found = [o.draft for o in outcomes if isinstance(o, Accepted) and o.draft.thing == "sound/tender"]
    return [draft.fields["title"] for draft in found] == ["没有错误"]


@settings(deadline=None)
@given(st.binary() | st.text().map(str.encode), st.booleans())
def test_any_bytes_are_parked_and_the_next_file_is_read(raw, brace):
    outcomes = read(b'{"ocid": ' + raw if brace else raw, json.dumps(SOUND).encode())
    assert accepts_sound(outcomes)


@settings(max_examples=150, deadline=None)
@given(junk)
def test_any_json_is_taken_or_parked_and_its_neighbour_is_taken(document):
    assert accepts_sound(read(json.dumps({"releases": [document, SOUND]}).encode()))
    assert accepts_sound(read(json.dumps(document).encode(), json.dumps(SOUND).encode()))


def places(node, path=()):
    yield path
    for key, inner in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield from places(inner, (*path, key))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([path for path in places(WHOLE) if path]), junk)
def test_any_damage_to_a_release_stays_in_it(path, damage):
    broken = copy.deepcopy(WHOLE)
    place = broken
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = damage
    outcomes = read(json.dumps({"releases": [broken, SOUND]}).encode())
    assert accepts_sound(outcomes)
    if len(path) >= 2 and path[0] != "parties":
        # The sections that were not touched are all there.
        things = {o.draft.thing for o in outcomes if isinstance(o, Accepted)}
        whole = {"planning": "o/planning", "tender": "o/tender", "awards": "o/awards/a", "bids": "o/bids/b"}
        assert things >= {thing for section, thing in whole.items() if section != path[0]}


@pytest.mark.parametrize("depth", [10, 50, 200, 900, 5000, 200_000])
def test_depth_breaks_nothing(depth):
    for opening, closing in (("[", "]"), ('{"a":', "}"), ('{"value":', "}"), ('[{"releaseDate":', "}]")):
        deep = opening * depth + "1" + closing * depth
        for section in ("tender", "x", "versionedRelease", "compiledRelease", "releases"):
            assert accepts_sound(
                read(f'{{"ocid": "o", "{section}": {deep}}}'.encode(), json.dumps(SOUND).encode())
            )
