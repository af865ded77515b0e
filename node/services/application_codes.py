"""At a tender's centre: which application code is whose for which section and kind. Nothing is kept.

A code follows from the section's key, the kind and the bidder's credit code, so the centre gives the same one again
however often it is asked, and finds out later whether a guarantee carries the code of its own section, kind and
applicant.
"""

import hmac

from node.domain.document import peek_document
from node.domain.duties import Act
from node.domain.encoding import to_base64url
from node.domain.guarantee import ApplicationCode, Guarantee
from node.domain.member import Role
from node.domain.wallet import CodeCall
from node.errors import SignatureError
from node.services.alliance import Alliance
from node.services.gate import Gate
from node.services.recognition import Recognition
from node.services.signing import Signing

CODE_VALID_SECONDS = 30 * 86_400
_SECTION_TAG = b"heqi.section.v1\0"
_KIND_TAG = b"heqi.section-and-kind.v1\0"


class ApplicationCodes:
    """The codes of this centre's sections."""

    def __init__(
        self,
        alliance: Alliance,
        recognition: Recognition,
        gate: Gate,
        signing: Signing,
        *,
        index_key: bytes,
    ) -> None:
        self._alliance, self._recognition, self._gate, self._signing = alliance, recognition, gate, signing
        self._index_key = index_key

    async def prepare(self, token: str) -> None:
        """Ask the authorities about the delegation in a request for `give`.

        Raises:
            NodeError: the request is malformed.
        """
        await self._recognition.warm(peek_document(token, CodeCall).delegation)

    def give(self, token: str) -> str:
        """The code of an authenticated bidder for a section of this centre; stateless, always the same.

        Returns:
            An application-code document, a compact JWS.

        Raises:
            NodeError: the bidder cannot be authenticated, or this node is no centre.
        """
        self._alliance.check_role(Role.CENTRE)
        self._alliance.check_may(Act.GIVE_CODE)
        call = self._gate.open(token, CodeCall)
        judged = self._recognition.check(call.delegation)
        delegation, identity = judged.delegation, judged.identity
        if delegation.key != call.key:
            raise SignatureError("the delegation is for another wallet key")
        issued = self._signing.issued()
        code = ApplicationCode(
            **issued,
            code=self._code(call.section, call.guarantee_kind, identity.credit_code),
            key=call.key,
            exp=issued["iat"] + CODE_VALID_SECONDS,
        )
        return self._signing.sign(code)

    def are_mixed_up(self, guarantee: Guarantee) -> bool:
        """Whether a guarantee for a tender of this centre has a code that is not of its section, kind and bidder.

        A bidder could apply for one section under another's code, and no guarantor can tell. False for guarantees of
        other centres' tenders: those have the keys.
        """
        if guarantee.centre != self._alliance.me:
            return False
        expected = self._code(guarantee.section, guarantee.guarantee_kind, guarantee.applicant_code)
        return not hmac.compare_digest(guarantee.code, expected)

    def _code(self, section: str, kind: str, credit_code: str) -> str:
        # The tag of bids is the oldest one, and stands for them alone.
        named = section if kind == "bid" else f"{kind}\0{section}"
        tag = _SECTION_TAG if kind == "bid" else _KIND_TAG
        section_key = hmac.digest(self._index_key, tag + named.encode(), "sha256")
        return to_base64url(hmac.digest(section_key, credit_code.encode(), "sha256"))
