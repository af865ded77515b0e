import pytest
from hypothesis import given
from msgspec.structs import replace

from node.domain.document import document_digest, open_document
from node.domain.encoding import canonical_json
from node.domain.grant import (
    CLOCK_SKEW_SECONDS,
    MAX_USES,
    MAX_VALIDITY_SECONDS,
    AccessRequest,
    Grant,
    Scope,
    check_covers,
    check_grant,
    check_request,
    check_scope,
    grant_terms,
)
from node.domain.ledger import GrantTerms
from node.domain.ledger_ids import grant_id
from node.errors import DocumentFormatError, GrantExpiredError, GrantScopeError, NodeError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_json
from tests.vectors import story
from tests.vectors.signing import jws, members
from tests.vectors.world import NOW, READER, WALLET

GRANT, REQUEST, SCOPE = story.grant(), story.access_request(), story.SCOPE
BASE, QUALIFICATION = SCOPE


def covers(wanted, *, receiver=READER, purpose=GRANT.purpose, at=NOW, grant=GRANT):
    check_covers(grant, wanted, receiver=receiver, purpose=purpose, at=at)


def test_story_is_sound():
    check_grant(GRANT)
    check_request(REQUEST)


@pytest.mark.parametrize(
    "scope",
    [
        (),
        (BASE, BASE),
        (QUALIFICATION, BASE),
        (replace(BASE, category="subject.unknown"),),
        (replace(BASE, category="trade.tender"),),
        (replace(BASE, fields=()),),
        (replace(BASE, fields=("name", "credit_code")),),
        (replace(BASE, fields=("name", "name")),),
        (replace(BASE, fields=("Name",)),),
        (replace(BASE, fields=("_sd",)),),
        (replace(BASE, fields=("name\n",)),),
        (replace(BASE, least_version=0),),
    ],
)
def test_malformed_scope_is_refused_everywhere(scope):
    for check in (
        lambda: check_scope(scope),
        lambda: check_grant(replace(GRANT, scope=scope)),
        lambda: check_request(replace(REQUEST, scope=scope)),
    ):
        with pytest.raises(DocumentFormatError):
            check()


@pytest.mark.parametrize(
    "changes",
    [
        {"uses": -1},
        {"uses": MAX_USES + 1},
        {"aud": ()},
        {"aud": ("b-centre", "a-centre"), "standing": True, "uses": 0, "request": ""},
        {"aud": (READER, READER), "standing": True, "uses": 0, "request": ""},
        {"aud": ("a-centre", "b-centre")},
        {"standing": True},
        {"standing": True, "uses": 0},
        {"standing": True, "request": ""},
        {"exp": GRANT.nbf},
        {"exp": GRANT.nbf + MAX_VALIDITY_SECONDS + 1},
        {"iss": "00" * 31},
        {"iss": "AB" * 32},
        {"key": "00" * 63},
        {"revoker": "00" * 20},
        {"revoker": "zz" * 84},
        {"revoker": "00" * 85},
        {"register_before": GRANT.iat - 1},
        {"register_before": GRANT.exp + 1},
        {"jti": ""},
        {"jti": "A" * 20},
        {"jti": "A" * 21 + "="},
    ],
)
def test_malformed_grant_is_refused(changes):
    with pytest.raises(DocumentFormatError):
        check_grant(replace(GRANT, **changes))


@pytest.mark.parametrize(
    "changes",
    [{"uses": 1}, {"uses": MAX_USES}, {"exp": GRANT.nbf + MAX_VALIDITY_SECONDS}, {"register_before": NOW}],
)
def test_grant_at_its_bounds_is_sound(changes):
    check_grant(replace(GRANT, **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"uses": -1},
        {"exp": REQUEST.iat},
        {"exp": REQUEST.iat + MAX_VALIDITY_SECONDS + 1},
        {"subject": "x"},
        {"jti": "short"},
    ],
)
def test_malformed_access_request_is_refused(changes):
    with pytest.raises(DocumentFormatError):
        check_request(replace(REQUEST, **changes))


@pytest.mark.parametrize("purpose", ["", "Reuse", "tender 12", "reuse\n", "a" * 64, "投标"])
def test_purpose_is_a_code(purpose):
    header = {"alg": "ES256", "typ": "heqi-grant+jwt"}
    token = jws(header, canonical_json({**members(GRANT), "purpose": purpose}))
    with pytest.raises(DocumentFormatError):
        open_document(token, Grant, WALLET.public)


def test_grant_covers_itself_and_less():
    covers(SCOPE)
    covers([QUALIFICATION])
    covers([replace(BASE, fields=("name",))])
    covers([replace(BASE, least_version=7)])


@pytest.mark.parametrize(
    "wanted",
    [
        [replace(BASE, fields=(*BASE.fields, "trades"))],
        [Scope("subject.credit", ("name",))],
        [*SCOPE, Scope("subject.credit", ("name",))],
    ],
)
def test_more_than_was_granted_is_refused(wanted):
    with pytest.raises(GrantScopeError):
        covers(wanted)


def test_older_versions_than_granted_are_refused():
    grant = replace(GRANT, scope=(replace(BASE, least_version=3),))
    covers([replace(BASE, least_version=3)], grant=grant)
    with pytest.raises(GrantScopeError, match="version 3"):
        covers([replace(BASE, least_version=2)], grant=grant)


@pytest.mark.parametrize("other", [{"receiver": "centre-c"}, {"purpose": "audit"}, {"receiver": GRANT.home}])
def test_another_reader_or_purpose_is_refused(other):
    with pytest.raises(GrantScopeError, match="receiver or purpose"):
        covers(SCOPE, **other)


def test_grant_covers_from_its_beginning_until_before_its_end():
    covers(SCOPE, at=GRANT.nbf - CLOCK_SKEW_SECONDS)
    covers(SCOPE, at=GRANT.exp - 1)
    for at in (GRANT.nbf - CLOCK_SKEW_SECONDS - 1, GRANT.exp):
        with pytest.raises(GrantExpiredError):
            covers(SCOPE, at=at)


def test_ledger_learns_digest_times_and_revoker():
    digest = document_digest(story.grant_token())
    assert grant_terms(GRANT, digest) == GrantTerms(
        digest, GRANT.register_before, GRANT.exp, bytes.fromhex(GRANT.revoker)
    )


def opened_and_checked(payload: object) -> bytes:
    """What a node does with a grant that a stranger hands in, up to the id."""
    token = jws({"alg": "ES256", "typ": "heqi-grant+jwt"}, canonical_json(payload))
    grant = open_document(token, Grant, WALLET.public)
    check_grant(grant)
    return grant_id(bytes(32), grant_terms(grant, document_digest(token)))


@given(spoilt_json(members(GRANT)))
def test_signed_nonsense_is_a_grant_with_an_id_or_refused(payload):
    refuses_or_returns(lambda: opened_and_checked(payload), NodeError)


@given(spoilt_json(members(REQUEST)))
def test_signed_nonsense_is_an_access_request_or_refused(payload):
    token = jws({"alg": "ES256", "typ": "heqi-access-request+jwt"}, canonical_json(payload))
    refuses_or_returns(lambda: check_request(open_document(token, AccessRequest, WALLET.public)), NodeError)
