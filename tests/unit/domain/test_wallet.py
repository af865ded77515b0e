import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.document import document_digest, open_document, peek_document, sign_document
from node.domain.encoding import canonical_json
from node.domain.ledger import GrantTerms
from node.domain.ledger_ids import grant_id, revoke_grant_digest
from node.domain.signature import verify_p256
from node.domain.wallet import RevokeCall
from node.errors import DocumentFormatError, NodeError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_json
from tests.vectors import story, wallet_calls, world
from tests.vectors.signing import jws, members
from tests.vectors.wallet_calls import signer
from tests.vectors.world import ALLIANCE

CALLS = wallet_calls.calls()
REVOKE = next(call for call in CALLS if isinstance(call, RevokeCall))


def signed(call, payload):
    return jws({"alg": "ES256", "typ": f"heqi-{call.kind}+jwt"}, canonical_json(payload), signer(call))


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.kind)
def test_call_survives_its_signing(call):
    token = sign_document(call, signer(call).sign)
    assert open_document(token, type(call), bytes.fromhex(call.key)) == call


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.kind)
@pytest.mark.parametrize(
    "changes",
    [{"key": "zz" * 64}, {"key": "AB" * 64}, {"key": " " + "ab" * 63 + "a"}, {"subject": "x"}, {"iat": -1}],
    ids=str,
)
def test_call_with_a_malformed_member_is_refused(call, changes):
    with pytest.raises(DocumentFormatError):
        peek_document(signed(call, {**members(call), **changes}), type(call))


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "zz" * 32},
        {"register_before": -1},
        {"exp": -1},
        {"revoker": "00" * 20},
        {"signature": "00" * 63},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_revocation_with_a_malformed_member_is_refused(changes):
    with pytest.raises(DocumentFormatError):
        peek_document(signed(REVOKE, {**members(REVOKE), **changes}), RevokeCall)


def accept(call: RevokeCall) -> bytes:
    """What any node does with a revocation from any wallet."""
    terms = GrantTerms(
        bytes.fromhex(call.digest), call.register_before, call.exp, bytes.fromhex(call.revoker)
    )
    raw_id = grant_id(bytes.fromhex(ALLIANCE), terms)
    digest = revoke_grant_digest(world.domain("Grants"), raw_id)
    verify_p256(terms.revoker[20:], digest, bytes.fromhex(call.signature))
    return raw_id


def test_revocation_names_the_grant_without_showing_it():
    assert accept(REVOKE) == story.granted_id()
    assert REVOKE.digest == document_digest(story.grant_token()).hex()
    assert story.READER not in canonical_json(members(REVOKE)).decode()


@given(st.data())
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.kind)
def test_signed_nonsense_is_refused(call, data):
    token = signed(call, data.draw(spoilt_json(members(call))))
    opened = refuses_or_returns(lambda: open_document(token, type(call), signer(call).public), NodeError)
    if isinstance(opened, RevokeCall):
        refuses_or_returns(lambda: accept(opened), NodeError)
