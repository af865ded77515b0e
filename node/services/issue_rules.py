"""A guarantor's rules in force: read from a file that a second person has approved by its hash, and told on record.

Who writes the rules cannot put them in force: the hash stands in `heqi.toml`, which somebody else keeps. A file that
is not the approved one is never used; what was in force stays so, and at a start nothing is: then people decide.
"""

import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass

from node.domain.act import ActKind
from node.domain.issue_rules import Approved, parse_rules
from node.errors import MissingError, NodeError, RulesUnapprovedError
from node.ports import Store
from node.services.acts import Acts
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RulesSource:
    """What the configuration says now."""

    text: bytes
    """The file's content."""
    approved: str
    """SHA-256 that the configuration names, 64 hex digits."""


class RulesInForce:
    """Holds the rules."""

    def __init__(self, store: Store, acts: Acts, read: Callable[[], RulesSource | None]) -> None:
        """Args:
        store: of the node.
        acts: the loading is an act.
        read: reads configuration and file anew; None where no rules are configured.
        """
        self._store, self._acts, self._read = store, acts, read
        self._current: Approved | None = None
        self.problem = ""
        """Why what is configured is not in force; empty if it is, or if nothing is configured."""

    @property
    def current(self) -> Approved | None:
        """The rules in force; None: people decide everything."""
        return self._current

    def start(self) -> None:
        """At the start of the process: a file that cannot be used leaves the node without rules, and tells so.

        Raises:
            StoreError: the database fails.
        """
        try:
            self.load()
        except MissingError:
            return
        except NodeError as error:
            self.problem = str(error)
            logger.error("no instant decisions: %s", error)  # noqa: TRY400  # not a bug: somebody's file

    def load(self) -> Approved:
        """Read configuration and file, and put the rules in force if they are the approved ones.

        Raises:
            MissingError: no rules are configured; from now on people decide.
            ConfigError: configuration or file cannot be read.
            RulesUnapprovedError: the file is not the approved one.
            RulesFormatError: it breaks the schema.
            StoreError: the database fails.
        """
        source = self._read()
        if source is None:
            self._current, self.problem = None, ""
            raise MissingError("heqi.toml names no rules: guarantor.rules")
        approved = parse_rules(source.text)
        if not hmac.compare_digest(approved.digest, source.approved):
            raise RulesUnapprovedError(
                f"the rules file has SHA-256 {approved.digest}, and guarantor.rules_sha256 names another one"
            )
        if self._current is None or self._current.digest != approved.digest:
            transaction = Transaction(self._store)
            self._acts.record(transaction, ActKind.RULES_LOADED, {"sha256": approved.digest})
            transaction.commit()
        self._current, self.problem = approved, ""
        return approved
