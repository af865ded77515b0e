import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.document import open_document, sign_document
from node.domain.encoding import canonical_json
from node.errors import DocumentFormatError, NodeError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_json
from tests.vectors import story
from tests.vectors.signing import jws, members
from tests.vectors.world import WALLET

DOCUMENTS = [story.read_request(), story.read_answer(), story.read_receipt()]


def signed(document, payload):
    return jws({"alg": "ES256", "typ": f"heqi-{document.kind}+jwt"}, canonical_json(payload))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.kind)
def test_document_survives_its_signing(document):
    token = sign_document(document, WALLET.sign)
    assert open_document(token, type(document), WALLET.public) == document


@pytest.mark.parametrize(
    ("document", "member"),
    [
        (DOCUMENTS[0], "grant"),
        (DOCUMENTS[1], "request"),
        (DOCUMENTS[1], "evidence"),
        (DOCUMENTS[2], "answer"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.kind,
)
@pytest.mark.parametrize("wrong", ["", "zz" * 32, "AB" * 32, "00" * 31, "00" * 32 + "\n"])
def test_digest_of_another_form_is_refused(document, member, wrong):
    token = signed(document, {**members(document), member: wrong})
    with pytest.raises(DocumentFormatError):
        open_document(token, type(document), WALLET.public)


@pytest.mark.parametrize("use", [0, -1])
def test_uses_are_counted_from_one(use):
    token = signed(DOCUMENTS[1], {**members(DOCUMENTS[1]), "use": use})
    with pytest.raises(DocumentFormatError):
        open_document(token, type(DOCUMENTS[1]), WALLET.public)


@given(st.data())
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.kind)
def test_signed_nonsense_is_refused(document, data):
    token = signed(document, data.draw(spoilt_json(members(document))))
    refuses_or_returns(lambda: open_document(token, type(document), WALLET.public), NodeError)
