"""Cases: nothing can be added, changed, left out or taken from another one."""

import pytest
from hypothesis import given

from node.domain.bundle_check import Verifier
from node.domain.case import is_case, read_case, write_case
from node.domain.document import sign_document
from node.errors import DescriptorError, NodeError, ProofFormatError, SignatureError, VerificationError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes
from tests.vectors import story, world
from tests.vectors.keys import p256
from tests.vectors.world import HOME, THIRD

VERIFIER = Verifier(world.descriptor())
CASE = story.case()
LIST, OWN, READ = CASE.splitlines(keepends=True)


def check(*lines: bytes):
    case = read_case(lines, VERIFIER)
    return case.about, list(case.bundles)


def test_case_shows_all_its_bundles_in_order():
    about, bundles = check(LIST, OWN, READ)
    assert (about.iss, len(about.bundles)) == (THIRD, 2)
    assert [one.grant is None for one in bundles] == [True, False]


def test_case_and_bundle_are_told_apart():
    assert is_case(CASE)
    assert not is_case(story.bundle())


@pytest.mark.parametrize(
    "lines",
    [
        (LIST,),
        (LIST, OWN),
        (LIST, READ),
        (LIST, READ, OWN),
        (LIST, OWN, OWN),
        (LIST, OWN, READ, READ),
        (LIST, OWN, READ, b"\n"),
        (LIST, OWN, READ[:-1]),
        (LIST, OWN.replace(b'"index":17', b'"index":16'), READ),
        (OWN, READ),
        (b"\n", OWN, READ),
        (),
    ],
)
def test_case_with_other_lines_is_refused(lines):
    with pytest.raises((ProofFormatError, VerificationError)):
        check(*lines)


def test_list_by_somebody_else_is_refused():
    signed = sign_document(story.case_list(), p256("stranger").sign)
    with pytest.raises(SignatureError):
        check(*write_case(signed, (story.own_bundle(), story.bundle())))


def test_list_by_an_unknown_member_is_refused():
    signed = sign_document(story.case_list("centre-x"), p256("stranger").sign)
    with pytest.raises(DescriptorError):
        check(*write_case(signed, (story.own_bundle(), story.bundle())))


def test_list_of_another_alliance_is_refused():
    about = story.replace(story.case_list(HOME), alliance="00" * 32)
    signed = sign_document(about, world.identity(HOME).sign)
    with pytest.raises(VerificationError, match="another alliance"):
        check(*write_case(signed, (story.own_bundle(), story.bundle())))


def test_false_bundle_in_a_case_is_refused():
    bundles = (story.own_bundle(), story.bundle()[:-1])
    about = story.replace(story.case_list(), bundles=tuple(map(story.content_of, bundles)))
    with pytest.raises(ProofFormatError):
        check(*write_case(sign_document(about, world.identity(THIRD).sign), bundles))


@given(spoilt_bytes(CASE))
def test_bytes_are_the_right_case_or_refused(raw):
    found = refuses_or_returns(lambda: check(*raw.splitlines(keepends=True)), NodeError)
    assert found is None or raw == CASE
