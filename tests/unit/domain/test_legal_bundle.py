"""Bundles of reads on a legal basis, altered part by part: each lie is found."""

import pytest
from msgspec.structs import replace

from node.domain.bundle import Bundle, encode_bundle, parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.document import document_digest, sign_document
from node.domain.legal_read import Notice
from node.domain.verdict import Gap, StepKind
from node.errors import NodeError
from tests.vectors import story, world
from tests.vectors.keys import fixed_bytes
from tests.vectors.world import HOME, READER, THIRD

RIGHT = story.legal_bundle()
FIRST, SECOND = story.OFFICERS


def verify(bundle: Bundle):
    return verify_bundle(parse_bundle(encode_bundle(bundle)), Verifier(world.descriptor()))


def with_papers(request=None, second=None, read=None, answer=None, by=FIRST, again=SECOND, reader=READER):
    """The bundle with other papers, everything after them signed anew."""
    request = request or story.legal_request()
    request_token = sign_document(request, by.sign)
    second = second or replace(story.legal_countersignature(), request=document_digest(request_token).hex())
    second_token = sign_document(second, again.sign)
    read = read or replace(
        story.legal_read(),
        request=document_digest(request_token).hex(),
        countersignature=document_digest(second_token).hex(),
    )
    read_token = sign_document(read, world.identity(reader).sign)
    answer = answer or replace(story.legal_answer(), read=document_digest(read_token).hex())
    section = story.legal_section(
        request=request_token,
        countersignature=second_token,
        read=read_token,
        answer=sign_document(answer, world.identity(HOME).sign),
    )
    return story.kept(replace(RIGHT, legal=section, custody=""))


def test_a_right_bundle_says_basis_case_and_officers():
    verified = verify(RIGHT)
    [step] = [step for step in verified.steps if step.kind is StepKind.LEGAL_BASIS]
    assert step.about["case"] == story.legal_request().case
    assert step.about["officers"] == "officer-zhang, officer-li"
    assert verified.legal == story.legal_request()
    assert verified.grant is None
    assert verify(with_papers()).legal == verified.legal


def lies():
    asked, second, read = story.legal_request(), story.legal_countersignature(), story.legal_read()
    answer, scope = story.legal_answer(), story.SCOPE
    yield (
        "one key for both officers",
        with_papers(
            second=replace(
                second,
                key=FIRST.public.hex(),
                request=document_digest(sign_document(asked, FIRST.sign)).hex(),
            ),
            again=FIRST,
        ),
    )
    yield "the request by another key", with_papers(by=SECOND)
    yield "the countersignature by another key", with_papers(again=FIRST)
    yield "one officer", with_papers(request=replace(asked, second=asked.officer))
    yield "a narrower request than was answered", with_papers(request=replace(asked, scope=scope[:1]))
    yield "another subject", with_papers(request=replace(asked, subject=fixed_bytes("x").hex()))
    yield "a basis for supervisors", with_papers(request=replace(asked, basis="complaint", instrument=""))
    yield (
        "own procedure by another",
        with_papers(request=replace(asked, basis="own-procedure", instrument="", notice=Notice())),
    )
    yield (
        "notice beyond the maximum",
        with_papers(request=replace(asked, notice=replace(asked.notice, until=asked.iat + 181 * 86_400))),
    )
    yield "a request of another month", with_papers(request=replace(asked, iat=asked.iat - 30 * 86_400))
    yield "a read of another request", with_papers(read=read, request=replace(asked, case="another"))
    yield "vouched for by another member", with_papers(reader=THIRD)
    yield "an answer to another read", with_papers(answer=replace(answer, read=fixed_bytes("y").hex()))
    yield (
        "an answer over other evidence",
        with_papers(answer=replace(answer, evidence=fixed_bytes("z").hex())),
    )
    yield (
        "a grant and a legal basis",
        story.kept(replace(RIGHT, authority=story.authority_section(), custody="")),
    )
    yield "kept by another", story.kept(replace(RIGHT, custody=""), THIRD)
    yield "not obtained", story.kept(replace(RIGHT, custody=""), obtained=0)


@pytest.mark.parametrize(("why", "lie"), list(lies()), ids=lambda value: value if type(value) is str else "")
def test_a_false_bundle_on_a_legal_basis_is_refused(why, lie):
    with pytest.raises(NodeError):
        verify(lie)


def test_it_lacks_nothing_without_saying_so():
    bare = replace(RIGHT, ledger=(), later=(), custody="")
    with pytest.raises(NodeError):
        verify(bare)
    allowed = frozenset({Gap.LEDGER, Gap.WITNESSES, Gap.CUSTODY})
    verified = verify_bundle(bare, Verifier(world.descriptor(), allowed=allowed))
    assert sum(step.is_gap for step in verified.steps) == 3
