"""What attestations are worth: rules over all of them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.attestation import (
    ATTESTATION_CATEGORY,
    About,
    Attestation,
    Method,
    Result,
    check_attestation,
    evidence_digest,
    fields_of,
    read_attestation,
    standings,
)
from node.domain.evidence import VerifiedRecord
from node.domain.record import RecordHeader
from node.domain.values import to_json_value
from node.errors import RecordFormatError

FIELDS = ("address", "credit_code", "legal_name")
SOUND = Attestation(
    about=About("subject.base", "base", 2),
    fields=FIELDS,
    method=Method.CERTIFICATE,
    attester="hangzhou",
    result=Result.MATCH,
    checked="2026-03-01T00:00:00Z",
    evidence="ab" * 32,
    evidence_salt="cd" * 32,
)
HEADER = RecordHeader(
    alliance="aa" * 32,
    member="hangzhou",
    category="subject.base",
    thing="base",
    version=2,
    owner="bb" * 32,
    source_system="wallet",
    source_version="",
    captured="2026-03-01T00:00:00Z",
    clock="system",
)
RECORD = VerifiedRecord(HEADER, dict.fromkeys(FIELDS, "x"), 0, b"")


def header(**changes: object) -> RecordHeader:
    values = {name: getattr(HEADER, name) for name in HEADER.__struct_fields__}
    return RecordHeader(**{**values, "category": ATTESTATION_CATEGORY, "thing": "t", "version": 1, **changes})


def record_of(attestation: Attestation, **changes: object) -> VerifiedRecord:
    fields = {name: to_json_value(value) for name, value in fields_of(attestation).items()}
    return VerifiedRecord(header(**changes), fields, 1, b"")


@st.composite
def attestations(draw: st.DrawFn) -> Attestation:
    """Any that says something clear."""
    fields = tuple(sorted(draw(st.sets(st.sampled_from(FIELDS), min_size=1))))
    differs = tuple(sorted(draw(st.sets(st.sampled_from(fields)))))
    method = draw(st.sampled_from(Method))
    result = Result.MISMATCH if differs else draw(st.sampled_from([Result.MATCH, Result.NOT_FOUND]))
    is_found = method is Method.LOOK_UP and result is not Result.NOT_FOUND
    return replace(
        SOUND,
        about=About(
            draw(st.sampled_from(["subject.base", "subject.credit"])),
            draw(st.sampled_from(["base", "other"])),
            draw(st.integers(1, 3)),
        ),
        fields=fields,
        differs=differs,
        method=method,
        result=result,
        state="in-operation" if is_found else "",
    )


headers = st.fixed_dictionaries(
    {},
    optional={
        "member": st.just("nanjing"),
        "owner": st.just("cc" * 32),
        "alliance": st.just("dd" * 32),
        "category": st.just("subject.credit"),
    },
)


@given(attestations())
def test_what_is_written_is_read_again(attestation: Attestation) -> None:
    assert read_attestation(record_of(attestation).fields) == attestation


@given(st.lists(st.tuples(attestations(), headers), max_size=6))
def test_only_an_attestation_of_this_very_version_in_this_very_log_counts(
    said: list[tuple[Attestation, dict[str, str]]],
) -> None:
    found = standings(RECORD, [record_of(one, **changes) for one, changes in said])
    assert [one.field for one in found] == sorted(FIELDS)
    for standing in found:
        right = [
            one
            for one, changes in said
            if not changes
            and one.about == About("subject.base", "base", 2)
            and standing.field in one.fields
            and standing.field not in one.differs
            and one.result is not Result.NOT_FOUND
        ]
        assert list(standing.attested) == right
        assert all(one.about.version == 2 for one in standing.disputed)
        assert all(one.about.version != 2 for one in standing.outdated)
        assert not set(standing.attested) & set(standing.disputed)


@given(attestations(), st.sets(st.sampled_from([*record_of(SOUND).fields, "differs", "state"])))
def test_leaving_fields_out_never_makes_more_of_an_attestation(
    attestation: Attestation, left_out: set[str]
) -> None:
    whole = record_of(attestation)
    part = VerifiedRecord(
        whole.header, {name: value for name, value in whole.fields.items() if name not in left_out}, 1, b""
    )
    for with_all, with_part in zip(standings(RECORD, [whole]), standings(RECORD, [part]), strict=True):
        assert set(with_part.attested) <= set(with_all.attested)


@pytest.mark.parametrize(
    "changes",
    [
        {"fields": ()},
        {"fields": ("legal_name", "credit_code")},
        {"fields": ("credit_code", "credit_code")},
        {"fields": tuple(f"f{n:02}" for n in range(65))},
        {"differs": ("legal_name",)},
        {"result": Result.MISMATCH},
        {"result": Result.MISMATCH, "differs": ("phone",)},
        {"about": About("subject.base", "base", 0)},
        {"about": About("subject.base", "", 1)},
        {"about": About(ATTESTATION_CATEGORY, "t", 1)},
        {"attester": ""},
        {"attester": "x" * 201},
        {"attester": "a\nb"},
        {"checked": "yesterday"},
        {"evidence": "AB" * 32},
        {"evidence_salt": "ab"},
        {"state": "in-operation"},
        {"method": Method.LOOK_UP},
    ],
)
def test_one_that_says_nothing_clear_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(RecordFormatError):
        check_attestation(replace(SOUND, **changes))


def test_a_method_is_the_word_of_its_attester_alone() -> None:
    fields = dict(record_of(SOUND).fields)
    for kind in ("registry", "authority", "somebody"):
        with pytest.raises(RecordFormatError, match="not the word"):
            read_attestation({**fields, "attester_kind": kind})


def test_a_digest_of_evidence_depends_on_salt_and_evidence() -> None:
    digests = {evidence_digest(salt, text) for salt in (b"a" * 32, b"b" * 32) for text in (b"", b"x")}
    assert len(digests) == 4
