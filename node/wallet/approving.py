"""An act on its way between two officers of one company: a file that the first writes, the second approves.

    {"document": …, "approval": …, "request": …}

The first officer signs the document as it is without an approval, so that the second sees whose it is, and signs it
once more with the approval in it: only that counts. Nothing in the file is secret, and nothing in it works alone.
"""

from dataclasses import dataclass

import msgspec

from node.domain.approval import Approval, Reserved, approved_id, open_approval
from node.domain.document import (
    Document,
    open_by_controller,
    peek_document,
    sign_by_controller,
    split_document,
    typ,
)
from node.domain.grant import Grant
from node.domain.mandate import Mandate
from node.domain.wallet import ControllerCall, EraseCall, MoveCall, RegisterCall, WalletCall
from node.errors import ConfigError, DocumentFormatError
from node.wallet.documents import Scribe

ACTS: dict[type[Document], Reserved] = {
    Grant: Reserved.GRANT,
    Mandate: Reserved.MANDATE,
    RegisterCall: Reserved.REGISTER,
    MoveCall: Reserved.MOVE,
    EraseCall: Reserved.ERASE,
    ControllerCall: Reserved.CONTROLLERS,
}
_BY_TYPE = {typ(kind): kind for kind in ACTS}


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file."""

    document: str
    """By the first officer, without an approval; a compact JWS."""
    approval: str = ""
    """By the second; a compact JWS, empty until then."""
    request: str = ""
    """The access request that a grant answers; empty if there is none."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file whose signatures were checked."""

    held: Held
    document: Document
    """One of `ACTS`, without an approval."""
    key: str
    """The first officer's."""
    approval: Approval | None

    @property
    def act(self) -> Reserved:
        """What is done."""
        return ACTS[type(self.document)]


def open_held(raw: bytes, scribe: Scribe) -> Opened:
    """Check a file before it is shown to anybody, approved or handed in.

    Args:
        raw: its bytes.
        scribe: of either officer.

    Raises:
        ConfigError: it is no such file.
        DocumentFormatError: it is for another subject or alliance, or of no kind that is approved.
        SignatureError: a signature in it is false.
        ApprovalError: the approval is of something else, or by the first officer.
    """
    try:
        held = msgspec.json.decode(raw, type=Held)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"this is no file for a second officer: {error}") from error
    header = split_document(held.document)[0]
    kind = _BY_TYPE.get(str(header.get("typ")) if isinstance(header, dict) else "")
    if kind is None:
        raise DocumentFormatError("a second officer approves no document of this kind")
    document = open_by_controller(held.document, kind, peek_document(held.document, kind).key)  # type: ignore[attr-defined]  # each of ACTS has it
    assert isinstance(document, Grant | Mandate | WalletCall), "ACTS are these"
    subject = document.subject if isinstance(document, WalletCall) else document.iss
    if document.approval or document.alliance != scribe.descriptor.alliance or subject != scribe.subject:
        raise DocumentFormatError("the file is for another company or alliance, or was finished already")
    approval = open_approval(document, document.key, held.approval) if held.approval else None
    return Opened(held, document, document.key, approval)


def approve(opened: Opened, scribe: Scribe, delegation: str) -> Held:
    """The file with the second officer's approval.

    Args:
        opened: the checked file.
        scribe: of the second officer.
        delegation: for its key, by the company's certificate.

    Raises:
        ApprovalError: the second officer signs with the first one's key.
        NodeError: whoever holds the key did not agree.
    """
    approval = Approval(
        **scribe.common(),
        key=scribe.signer.name,
        document=approved_id(opened.document, opened.key),
        delegation=delegation,
    )
    token = sign_by_controller(approval, scribe.signer)
    open_approval(opened.document, opened.key, token)
    return msgspec.structs.replace(opened.held, approval=token)


def finish(opened: Opened, scribe: Scribe) -> str:
    """The approved document, signed by the first officer; this is what counts.

    Raises:
        ConfigError: it is not approved yet, or another officer drafted it.
        NodeError: whoever holds the key did not agree.
    """
    if opened.approval is None:
        raise ConfigError("no second officer has approved this yet: heqi wallet approve FILE")
    if opened.key != scribe.signer.name:
        raise ConfigError("whoever drafted this hands it in, for that signature comes last")
    return sign_by_controller(
        msgspec.structs.replace(opened.document, approval=opened.held.approval), scribe.signer
    )
