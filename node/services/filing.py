"""Under what names are filed that somebody could guess: digests under the node's index key, and page tokens.

Whoever gets hold of the database without the keys cannot tell whether a certificate's number or a project is in it.
A page token says nothing to its holder, cannot be made up, and continues only the list that it came from.
"""

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.domain.encoding import from_base64url, to_base64url
from node.errors import DocumentFormatError, InvalidError
from node.services.vault import NONCE_BYTES, Entropy

_THING_TAG = b"heqi.thing.v1\0"
_PROJECT_TAG = b"heqi.project.v1\0"
_PAGE_TAG = b"heqi.page.v1\0"
_PROJECT_BYTES = 16


def thing_key(index_key: bytes, owner: str, category: str, thing: str) -> bytes:
    """32 bytes under which versions of a thing are filed: its name may be a certificate's number."""
    name = f"{owner}\0{category}\0{thing}".encode()
    return hmac.digest(index_key, _THING_TAG + name, "sha256")


def project_key(index_key: bytes, project: str) -> bytes:
    """16 bytes under which the records of a project are filed: project numbers can be counted through."""
    return hmac.digest(index_key, _PROJECT_TAG + project.encode(), "sha256")[:_PROJECT_BYTES]


class PageTokens:
    """Where a page of a list ended, for its caller to bring back."""

    def __init__(self, index_key: bytes, entropy: Entropy) -> None:
        self._cipher = AESGCM(hmac.digest(index_key, _PAGE_TAG, "sha256"))
        self._entropy = entropy

    def make(self, asked: bytes, place: bytes) -> str:
        """A token.

        Args:
            asked: everything that decides what the list holds, who asks included.
            place: behind which the next page begins.
        """
        nonce = self._entropy(NONCE_BYTES)
        return to_base64url(nonce + self._cipher.encrypt(nonce, place, hashlib.sha256(asked).digest()))

    def open(self, asked: bytes, token: str) -> bytes:
        """The place in a token; empty for the empty one, with which a list begins.

        Raises:
            InvalidError: this node did not give it, or for another list.
        """
        if not token:
            return b""
        try:
            raw = from_base64url(token)
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], hashlib.sha256(asked).digest())
        except (
            DocumentFormatError,
            InvalidTag,
            ValueError,
        ) as error:  # ValueError: too short to hold a nonce
            raise InvalidError("page_token is not one that this node gave for this list") from error
