"""What this node signs as a member: documents, and messages for the ledger's contracts."""

from node.domain.document import CommonMembers, Document, common_members, sign_document
from node.ports import Clock, Signer
from node.services.alliance import Alliance
from node.services.vault import Entropy

_UNIQUE_BYTES = 16


class IssuedMembers(CommonMembers):
    """What every document has that names its issuer, as keyword arguments of its kind."""

    iss: str


class Signing:
    """Speaks for the member that this node is, by its identity key.

    A document is made of what this gives and of its own members, in one expression that names them all:
    `signing.sign(Notice(**signing.issued(), aud=..., ...))`.
    """

    def __init__(self, alliance: Alliance, identity: Signer, clock: Clock, entropy: Entropy) -> None:
        self._alliance, self._identity, self._clock, self._entropy = alliance, identity, clock, entropy

    @property
    def public_key(self) -> bytes:
        """64 bytes, of the present generation."""
        return self._identity.public_key

    def common(self) -> CommonMembers:
        """Members of a document that is signed now; each call draws another `jti`."""
        return common_members(self._alliance.id, self._clock.now(), self._entropy(_UNIQUE_BYTES))

    def issued(self) -> IssuedMembers:
        """The same with `iss`: this member."""
        return IssuedMembers(**self.common(), iss=self._alliance.me)

    def sign(self, document: Document) -> str:
        """The compact JWS of a document.

        Raises:
            KeyHolderError: the key's holder does not sign.
        """
        return sign_document(document, self._identity.sign)

    def sign_message(self, message: bytes) -> bytes:
        """A signature over a message, ES256 as r ‖ s: for what a contract checks.

        Raises:
            KeyHolderError: the key's holder does not sign.
        """
        return self._identity.sign(message)
