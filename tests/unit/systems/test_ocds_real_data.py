"""Every openly published file at hand, against fixed counts and simple counts over its raw JSON."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from adapters.systems.ocds.dates import order_key
from node.domain.category import category
from node.domain.draft import check_draft

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

# folder -> accepted by category, whole pieces parked by reason
EXPECTED = {
    "ocds-real/paraguay": (
        {"planning": 12, "tender": 28, "award": 25, "contract": 20, "party": 25},
        {"LINKED_RELEASE": 48},
    ),
    "ocds-real/uk-contracts-finder": ({"party": 11, "tender": 21}, {}),
    "ocds-real/canada": ({"party": 41, "contract": 22, "tender": 20, "award": 20}, {}),
    "ocds-mexico": ({"party": 3, "tender": 1, "award": 2, "contract": 2}, {}),
    "ocds-fictional": (
        {"party": 3, "planning": 1, "tender": 5, "award": 2, "contract": 3, "performance": 1},
        {"LINKED_RELEASE": 12, "MISSING_OCID": 1},
    ),
    "cardinal-examples": ({"tender": 3, "bid": 1}, {"MISSING_ID": 42, "NOT_OCDS": 3, "DUPLICATE_KEY": 1}),
    "ocds-schemas": ({}, {"NOT_OCDS": 2}),
}
# Each of these contracts is published under two descriptions of its buyer, and both are kept.
TWICE = {("ocds-real/canada", "contract")}
CATEGORIES = {
    "planning": "planning",
    "tender": "tender",
    "parties": "party",
    "awards": "award",
    "contracts": "contract",
}


@pytest.fixture(params=EXPECTED)
def folder(request):
    path = DATA / request.param
    if not path.is_dir():
        pytest.skip(f"{path} is not here: real data is not part of the repository")
    return path


def test_real_data_gives_the_same_counts_as_ever(folder, read_path):
    reading = read_path(folder)
    accepted, parked = EXPECTED[folder.relative_to(DATA).as_posix()]
    assert reading.summary.accepted == {f"trade.{name}": n for name, n in accepted.items()}
    assert {reason.value: n for reason, n in reading.summary.parked.items()} == parked
    assert reading.summary.parked_parts.total() == 0


def test_every_section_is_accounted_for(folder, read_path):
    summary = read_path(folder).summary
    counted = summary.accepted.total() + summary.unchanged.total() + summary.parked.total()
    assert counted == sum(len(list(_pieces(document))) for document in _documents(folder))


def test_every_state_of_a_thing_is_one_version(folder, read_path):
    if folder.name == "cardinal-examples":
        pytest.skip("its releases have no dates and its awards no ids")
    accepted = read_path(folder).summary.accepted
    for section, states in _states(folder).items():
        name = CATEGORIES[section]
        twice = (folder.relative_to(DATA).as_posix(), name) in TWICE
        assert accepted[f"trade.{name}"] == states * (2 if twice else 1), section


def test_real_drafts_are_sound_and_without_contact_data(folder, read_path):
    for draft in read_path(folder).drafts:
        check_draft(draft)
        assert len(draft.fields) <= category(draft.category).slots
        text = repr(draft)
        assert "contactPoint" not in text
        assert "'email'" not in text
        assert not any(isinstance(value, float) for value in _leaves(draft.fields))


def test_versions_of_a_thing_never_go_back_in_time(folder, read_path):
    newest = {}
    for draft in read_path(folder).drafts:
        moment = order_key(draft.occurred or "")
        assert newest.get(draft.thing, "") <= moment
        newest[draft.thing] = moment


def _documents(folder):
    for path in sorted(folder.rglob("*.json*")):
        text = path.read_text(encoding="utf-8-sig")
        for part in text.splitlines() if path.suffix == ".jsonl" else [text]:
            if part.strip():
                yield json.loads(part)


def _releases(node):
    """The pieces that should be looked into, and those that are parked whole."""
    if "records" in node:
        inner = node["records"]
    elif "compiledRelease" in node or "versionedRelease" in node or ("ocid" in node and "releases" in node):
        inner = node.get("releases", [])
        if not any("ocid" in release for release in inner) and "compiledRelease" in node:
            inner = [*inner, node["compiledRelease"]]
    elif "releases" in node:
        inner = node["releases"]
    else:
        yield node
        return
    for one in inner:
        yield from _releases(one)


def _pieces(document):
    for release in _releases(document):
        if not release.get("ocid"):
            yield release  # linked, foreign or without ocid
            continue
        yield from (release[key] for key in ("planning", "tender") if release.get(key))
        yield from (release.get("bids") or {}).get("details", [])
        for key in ("parties", "awards", "contracts"):
            yield from release.get(key) or []
        yield from (c["implementation"] for c in release.get("contracts") or [] if c.get("implementation"))


def _states(folder):
    """How many times each section of each thing differs from its state before, in order of date."""
    releases = [r for document in _documents(folder) for r in _releases(document) if r.get("ocid")]
    releases.sort(key=lambda release: datetime.fromisoformat(release["date"]))
    last, found = {}, Counter()
    for release in releases:
        for section in CATEGORIES:
            node = release.get(section) or []
            for one in node if isinstance(node, list) else [node]:
                thing = (release["ocid"], section, one["id"] if isinstance(node, list) else None)
                state = _cleaned({key: part for key, part in one.items() if key != "implementation"})
                found[section] += last.get(thing) != state
                last[thing] = state
    return found


def _cleaned(node):
    if isinstance(node, dict):
        items = {key: _cleaned(part) for key, part in node.items() if key != "contactPoint"}
        return {key: part for key, part in items.items() if part not in (None, {}, [])}
    if isinstance(node, list):
        return [part for part in map(_cleaned, node) if part not in (None, {}, [])]
    return node


def _leaves(value):
    if isinstance(value, dict):
        for inner in value.values():
            yield from _leaves(inner)
    elif isinstance(value, tuple):
        for inner in value:
            yield from _leaves(inner)
    else:
        yield value
