"""Mandates in a wallet: those that its owner gave, and those under which it may act for others.

given/ID.jwt       given by this wallet, by id on the ledger
mandates/ID.json   received: the mandate, and the home of the subject that gave it
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from node.config import read_file, replace_file
from node.domain.document import document_digest, sign_by_controller
from node.domain.grant import Scope
from node.domain.ledger import GrantTerms
from node.domain.ledger_ids import grant_id
from node.domain.mandate import Form, Mandate, Power, check_mandate, mandate_terms, open_mandate
from node.errors import ConfigError, MissingError
from node.wallet.documents import Scribe

T = TypeVar("T")
GIVEN_FOLDER, RECEIVED_FOLDER = "given", "mandates"
_HOUR = 3_600


class Received(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mandate under which this wallet may act."""

    token: str
    home: str
    """Member that keeps the principal's registration."""


class Limits(msgspec.Struct, frozen=True):
    """What an agent may grant at most."""

    scope: tuple[Scope, ...] = ()
    receivers: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    uses: int = 0


NO_GRANTS = Limits()


def sign_mandate(  # noqa: PLR0917
    scribe: Scribe,
    form: Form,
    agent: str,
    agent_name: str,
    powers: Sequence[Power],
    expires: int,
    *,
    limits: Limits = NO_GRANTS,
    agreement: str = "",
    codes: tuple[str, str] = ("", ""),
) -> str:
    """A mandate by the wallet's owner, a compact JWS.

    Args:
        scribe: of the principal.
        form: what it is for.
        agent: the agent's key for an attorney, 128 hex digits; its subject id otherwise.
        agent_name: for people.
        powers: what may be done.
        expires: until when, seconds since 1970 UTC; rounded up to a full hour, as it stands on the ledger.
        limits: of what may be granted.
        agreement: of a joint bid.
        codes: of a branch: the parent's credit code, and its own.

    Raises:
        DocumentFormatError: it breaks a rule.
    """
    common = scribe.common()
    expires = _full_hour(expires)
    is_attorney = form is Form.ATTORNEY
    mandate = Mandate(
        **common,
        iss=scribe.subject,
        key=scribe.signer.name,
        form=form.value,
        agent="" if is_attorney else agent,
        agent_key=agent if is_attorney else "",
        agent_name=agent_name,
        powers=tuple(sorted({power.value for power in powers})),
        scope=limits.scope,
        receivers=tuple(sorted(set(limits.receivers))),
        purposes=tuple(sorted(set(limits.purposes))),
        uses=limits.uses,
        nbf=common["iat"],
        exp=expires,
        register_before=min(_full_hour(common["iat"] + scribe.within_seconds), expires),
        revoker=(scribe.verifier + scribe.key.revocation_key(common["jti"]).public_key).hex(),
        agreement=agreement,
        principal_code=codes[0],
        agent_code=codes[1],
    )
    check_mandate(mandate)
    return sign_by_controller(mandate, scribe.signer)


def terms_of(token: str) -> GrantTerms:
    """What the ledger knows of a mandate.

    Raises:
        NodeError: it is none.
    """
    return mandate_terms(open_mandate(token), document_digest(token))


def mandate_id(token: str) -> str:
    """Id of a mandate on the ledger, 64 hex digits.

    Raises:
        NodeError: it is none.
    """
    return grant_id(bytes.fromhex(open_mandate(token).alliance), terms_of(token)).hex()


class Mandates:
    """The mandates of one wallet."""

    def __init__(self, wallet: Path) -> None:
        """Args:
        wallet: its folder.
        """
        self._given, self._received = wallet / GIVEN_FOLDER, wallet / RECEIVED_FOLDER

    def remember_given(self, token: str) -> str:
        """Keep a mandate that was signed, before it leaves; its id."""
        self._given.mkdir(mode=0o700, exist_ok=True)
        found = mandate_id(token)
        replace_file(self._given / f"{found}.jwt", f"{token}\n".encode())
        return found

    def given(self) -> dict[str, str]:
        """Mandates that this wallet gave, by id, oldest first."""
        files = sorted(self._given.glob("*.jwt"), key=lambda file: file.stat().st_mtime)
        return {file.stem: file.read_text().strip() for file in files}

    def accept(self, token: str, home: str) -> str:
        """Keep a mandate to act under; its id."""
        self._received.mkdir(mode=0o700, exist_ok=True)
        found = mandate_id(token)
        replace_file(self._received / f"{found}.json", msgspec.json.encode(Received(token, home)))
        return found

    def received(self) -> dict[str, Received]:
        """Mandates under which this wallet may act, by id.

        Raises:
            ConfigError: a file was damaged.
        """
        return {file.stem: _read(file) for file in sorted(self._received.glob("*.json"))}


def find(mandates: dict[str, T], beginning: str) -> tuple[str, T]:
    """The one whose id begins so.

    Raises:
        MissingError: none, or several.
    """
    found = [(name, one) for name, one in mandates.items() if name.startswith(beginning)]
    if len(found) != 1:
        raise MissingError(f"{len(found)} mandates in this wallet begin with {beginning!r}")
    return found[0]


def _read(file: Path) -> Received:
    try:
        return msgspec.json.decode(read_file(file), type=Received)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{file}: {error}") from error


def _full_hour(seconds: int) -> int:
    return -(-seconds // _HOUR) * _HOUR
