import base64
import hashlib
import json
import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sd_jwt.common import SDJWTCommon

from node.domain.disclosure import Commitments, commit_fields, open_disclosures
from node.domain.encoding import canonical_json, to_base64url
from node.errors import DisclosureError
from tests.unit.domain.mutation import SAFE_INTEGERS
from tests.vectors.keys import fixed_bytes

SEED = fixed_bytes("disclosure seed")
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.recursive(
    st.booleans() | SAFE_INTEGERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abz@"), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), VALUES, max_size=8)
COMMITTED = commit_fields({"name": "合契", "capital": "10.50"}, SEED, 8)


def disclose(parts: object) -> tuple[list[str], list[str]]:
    """A disclosure and digests that it fits."""
    disclosure = to_base64url(parts if isinstance(parts, bytes) else canonical_json(parts))
    return [disclosure], [to_base64url(hashlib.sha256(disclosure.encode()).digest())]


@given(FIELDS, st.binary(min_size=32, max_size=32), st.integers(0, 8))
def test_committed_fields_open_to_what_they_were(fields, seed, spare):
    committed = commit_fields(fields, seed, len(fields) + spare)
    opened = open_disclosures(committed.disclosures.values(), committed.digests)
    assert {field.name: field.value for field in opened} == fields


@given(FIELDS, st.integers(0, 8))
def test_digests_are_as_many_as_slots_sorted_and_each_of_32_bytes(fields, spare):
    digests = commit_fields(fields, SEED, len(fields) + spare).digests
    assert len(digests) == len(fields) + spare
    assert digests == sorted(set(digests))
    assert all(len(base64.urlsafe_b64decode(digest + "=")) == 32 for digest in digests)


def test_digest_is_that_of_the_sd_jwt_library():
    library = SDJWTCommon(serialization_format="compact")
    digests = {library._b64hash(disclosure.encode()) for disclosure in COMMITTED.disclosures.values()}
    assert digests < set(COMMITTED.digests)


def test_secrets_of_a_record_are_all_different_and_unlike_those_of_another_seed():
    def parts(committed: Commitments) -> set[str]:
        opened = [json.loads(base64.urlsafe_b64decode(d + "==")) for d in committed.disclosures.values()]
        return {committed.blind.hex(), *(salt for salt, _, _ in opened), *committed.digests}

    fields = dict.fromkeys("abcdefgh", "same")
    ours, theirs = (parts(commit_fields(fields, seed, 16)) for seed in (SEED, secrets.token_bytes(32)))
    assert len(ours) == 1 + 8 + 16
    assert not ours & theirs


def test_number_of_fields_does_not_show_in_the_digests():
    few, many = commit_fields({}, SEED, 8), commit_fields(dict.fromkeys("abcdefgh", 1), SEED, 8)
    assert len(json.dumps(few.digests)) == len(json.dumps(many.digests))


def test_any_part_of_the_fields_opens():
    for name, disclosure in COMMITTED.disclosures.items():
        assert [field.name for field in open_disclosures([disclosure], COMMITTED.digests)] == [name]
    assert open_disclosures([], COMMITTED.digests) == []


def test_disclosure_of_another_record_is_refused():
    other = commit_fields({"name": "合契"}, fixed_bytes("other seed"), 8)
    with pytest.raises(DisclosureError, match="does not belong"):
        open_disclosures(other.disclosures.values(), COMMITTED.digests)


def test_field_disclosed_twice_is_refused():
    first, digests = disclose([to_base64url(bytes(18)), "name", 1])
    second, more = disclose([to_base64url(b"\1" * 18), "name", 2])
    for twice, known in (([*first, *first], digests), ([*first, *second], digests + more)):
        with pytest.raises(DisclosureError, match="twice"):
            open_disclosures(twice, known)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        ["salt", "name", 1],
        [to_base64url(bytes(17)), "name", 1],
        [to_base64url(bytes(19)), "name", 1],
        ["!" * 24, "name", 1],
        [to_base64url(bytes(18)), "name"],
        [to_base64url(bytes(18)), "name", 1, 2],
        [to_base64url(bytes(18)), 1, 1],
        {"salt": 1},
        [to_base64url(bytes(18)), "_sd", []],
        [to_base64url(bytes(18)), "...", "x"],
        [to_base64url(bytes(18)), "Name", 1],
        [to_base64url(bytes(18)), "a" * 65, 1],
        [to_base64url(bytes(18)), "name", None],
        [to_base64url(bytes(18)), "name", {"_sd": ["x"]}],
        [to_base64url(bytes(18)), "name", [{"...": "x"}]],
        [to_base64url(bytes(18)), "name", 1.5],
        b'["AAAAAAAAAAAAAAAAAAAAAAAA", "name", 1]',
        b"not json",
    ],
    ids=str,
)
def test_disclosure_of_what_no_record_holds_is_refused(parts):
    if isinstance(parts, list) and 1.5 in parts:
        parts = json.dumps(parts, separators=(",", ":")).encode()
    with pytest.raises(DisclosureError):
        open_disclosures(*disclose(parts))


def test_overlong_disclosure_is_refused_unread():
    with pytest.raises(DisclosureError, match="too long"):
        open_disclosures(["A" * (1 << 20) + "A"], COMMITTED.digests)


@given(st.integers(0, 10**6), st.text(max_size=3))
def test_changed_disclosure_is_refused(at, other):
    disclosure = COMMITTED.disclosures["name"]
    at %= len(disclosure)
    changed = disclosure[:at] + other + disclosure[at + 1 :]
    if changed != disclosure:
        with pytest.raises(DisclosureError):
            open_disclosures([changed], COMMITTED.digests)
