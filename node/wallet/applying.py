"""Applying for a guarantee so that a lost answer costs nothing: what was signed is kept until it is answered.

A bidder that tries again sends the same terms under the same grant. The guarantor answers them as one application,
and no second grant on the bidder's data comes into the world.
"""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from node.domain.document import peek_document
from node.domain.grant import Grant, Scope
from node.domain.guarantee import ApplicationCode
from node.wallet.client import WalletClient
from node.wallet.folder import APPLICATIONS_FOLDER, WalletFolder
from node.wallet.guarantees import PURPOSE, GuaranteeScribe, Terms, needed_with

_GRANT_SECONDS = 30 * 86_400
_USES = 3


class _Draft(msgspec.Struct, frozen=True):
    """An application that no guarantor has answered yet."""

    terms: Terms
    grant: str
    is_given: bool = False
    """Whether the home has taken the grant."""

    def is_alive(self, now: int) -> bool:
        """Whether grant and terms can still be used."""
        grant = peek_document(self.grant, Grant)
        can_reach_the_ledger = self.is_given or now < grant.register_before
        return can_reach_the_ledger and now < min(grant.exp, self.terms.exp)

    def shows(self, shown: Sequence[Scope]) -> bool:
        """Whether the grant lets just this be read."""
        return peek_document(self.grant, Grant).scope == needed_with(shown)

    def is_for(self, terms: Terms) -> bool:
        """Whether the same is applied for, though some time later."""
        exp = self.terms.nbf + terms.exp - terms.nbf
        return self.terms == msgspec.structs.replace(terms, nbf=self.terms.nbf, exp=exp)


def apply_once(  # noqa: PLR0917
    wallet: WalletFolder,
    writer: GuaranteeScribe,
    home: WalletClient,
    guarantor: WalletClient,
    code: str,
    terms: Terms,
    shown: Sequence[Scope] = (),
) -> str:
    """Apply, or go on with the application for the same that was not answered.

    Args:
        wallet: keeps what is signed.
        writer: signs.
        home: takes the grant.
        guarantor: takes the application.
        code: application-code document of the tender's centre.
        terms: what is applied for; where it is not the first try, that one's `nbf` and `exp` count.
        shown: what the guarantor may read beside what it needs in any case.

    Returns:
        The application's id, 64 hex digits.

    Raises:
        NodeError: the home or the guarantor refuses, or does not answer.
    """
    now, name = int(time.time()), guarantor.member.name
    file = wallet.path / APPLICATIONS_FOLDER / _file_name(name, code)
    draft = _read(file)
    if draft is None or not draft.is_alive(now) or not draft.is_for(terms) or not draft.shows(shown):
        draft = _Draft(terms, sign_grant(wallet, writer, name, now, shown))
        _write(file, draft)
    if not draft.is_given:
        home.give_grant(writer.scribe.give(home.member.name, draft.grant))
        draft = msgspec.structs.replace(draft, is_given=True)
        _write(file, draft)
    application = guarantor.apply(writer.apply(name, code, draft.grant, draft.terms))
    file.unlink()
    return application


def sign_grant(
    wallet: WalletFolder,
    writer: GuaranteeScribe,
    guarantor: str,
    now: int,
    shown: Sequence[Scope] = (),
    *,
    seconds: int = _GRANT_SECONDS,
    uses: int = _USES,
) -> str:
    """Let a guarantor read what it needs, and what else is shown; kept in the wallet, and with nobody yet."""
    grant = writer.scribe.grant_unasked(
        guarantor, wallet.state.home, needed_with(shown), PURPOSE, uses=uses, expires=now + seconds
    )
    wallet.remember_grant(writer.scribe.grant_id(grant), grant)
    return grant


def _file_name(guarantor: str, code: str) -> str:
    word = peek_document(code, ApplicationCode).code
    return hashlib.sha256(f"{guarantor} {word}".encode()).hexdigest() + ".json"


def _read(file: Path) -> _Draft | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Draft)
    except (FileNotFoundError, msgspec.MsgspecError):  # none, or none that can be used
        return None


def _write(file: Path, draft: _Draft) -> None:
    file.parent.mkdir(mode=0o700, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(draft))
    new.replace(file)
