"""Where a wallet keeps its sealed applications: a file for each section, in `sealed/`.

A file holds the opening key once the bid was sealed: who reads it can open the bid.
"""

import hashlib
from pathlib import Path

import msgspec

from node.domain.document import peek_document
from node.domain.grant import Grant
from node.errors import ConfigError, MissingError
from node.wallet.folder import WalletFolder
from node.wallet.guarantees import NEEDED_SCOPE, PURPOSE
from node.wallet.sealing import SealedPlan

SEALED_FOLDER = "sealed"
_LEAST_SECONDS = 86_400
"""A grant that ends sooner is not relied on for a new application."""


class SealedPlans:
    """The sealed applications of one wallet."""

    def __init__(self, wallet: WalletFolder) -> None:
        self._wallet, self._path = wallet, wallet.path / SEALED_FOLDER

    def find(self, section: str) -> SealedPlan | None:
        """The application for a section, if there is one.

        Raises:
            ConfigError: its file was damaged.
        """
        file = self._file(section)
        try:
            return msgspec.json.decode(file.read_bytes(), type=SealedPlan) if file.exists() else None
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{file}: {error}") from error

    def load(self, section: str) -> SealedPlan:
        """The application for a section.

        Raises:
            MissingError: there is none.
            ConfigError: its file was damaged.
        """
        found = self.find(section)
        if found is None:
            raise MissingError(f"this wallet has no sealed application for {section}")
        return found

    def keep(self, plan: SealedPlan) -> SealedPlan:
        """Write it anew; an interruption leaves the old one."""
        self._path.mkdir(mode=0o700, exist_ok=True)
        file = self._file(plan.terms.section)
        draft = file.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_bytes(msgspec.json.encode(plan))
        draft.replace(file)
        return plan

    def grant_for(self, guarantor: str, now: int) -> str:
        """A grant that this wallet gave a guarantor before and that still lives; empty if there is none.

        Giving one only when it applies would show on the ledger that somebody granted something just then.
        """
        revoked, uses = self._wallet.revoked(), self._wallet.uses()
        for name, token in reversed(list(self._wallet.grants().items())):
            grant = peek_document(token, Grant)
            is_live = name not in revoked and grant.nbf <= now and now + _LEAST_SECONDS < grant.exp
            has_uses = not grant.uses or uses.get(name, 0) < grant.uses
            wanted = (grant.aud, grant.purpose, tuple(grant.scope))
            if is_live and has_uses and wanted == ((guarantor,), PURPOSE, NEEDED_SCOPE):
                return token
        return ""

    def _file(self, section: str) -> Path:
        return self._path / (hashlib.sha256(section.encode()).hexdigest() + ".json")
