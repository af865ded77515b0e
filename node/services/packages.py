"""Registration packages: all their mistakes at once, the check of a draft, and which packages a subject handed in."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone

import msgspec

from node.domain.delegation import open_delegation
from node.domain.draft import RecordDraft
from node.domain.erasure import REGISTRATION_PART
from node.domain.package import Company, FieldRules, check_package, draft_of
from node.domain.wallet import CheckCall, PackageRecord
from node.errors import MissingError, Mistake, PackageError, SignatureError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.gate import Gate
from node.services.recognition import Recognition
from node.services.transaction import Transaction
from node.services.vault import Vault

_CHINA = timezone(timedelta(hours=8))


class Package(msgspec.Struct, frozen=True):
    """One hand-in, at rest sealed under the subject's key."""

    version: int
    """Counts a subject's packages at this home, from 1."""
    time: float
    """When it was taken in, seconds since 1970 UTC."""
    first: int
    """Position of its first record."""
    count: int


class Packages:
    """Checks packages and remembers them."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        recognition: Recognition,
        gate: Gate,
        clock: Clock,
        rules: FieldRules,
    ) -> None:
        self._store, self._vault, self._alliance = store, vault, alliance
        self._recognition, self._gate, self._clock = recognition, gate, clock
        self._rules = rules

    def check(self, token: str) -> list[Mistake]:
        """What the home would say of a package, warnings included.

        The answer follows from the request alone: whether the company is registered here, or anywhere, shows neither
        in it nor in its time. No authority is asked, so that nobody can be made to.

        Args:
            token: a wallet-check document.

        Raises:
            NodeError: the request or its delegation is not acceptable.
        """
        call = self._gate.look_at(token, CheckCall)
        delegation, identity = open_delegation(
            call.delegation, self._alliance.id, self._recognition.trust(), int(self._clock.now())
        )
        if delegation.key != call.key:
            raise SignatureError("the delegation is for another wallet key")
        company = Company(identity.credit_code, identity.organisation)
        return self._mistakes(call.records, company, is_first=not call.subject)

    def drafts(
        self, subject: str, documents: Sequence[PackageRecord], company: Company, *, is_first: bool
    ) -> tuple[list[RecordDraft], list[Mistake]]:
        """The documents as drafts, and what is to be warned of.

        Raises:
            PackageError: there are mistakes; all are told.
        """
        found = self._mistakes(documents, company, is_first=is_first)
        if not all(one.is_warning for one in found):
            raise PackageError.of(found)
        return [draft_of(subject, document) for document in documents], found

    def keep(self, transaction: Transaction, subject: str, first: int, count: int) -> int:
        """Remember a package that was taken in; its version.

        Raises:
            StoreError: the database fails.
        """
        version = transaction.take(_counter(subject)) + 1
        key = layout.PACKAGE + layout.text(subject) + layout.number(version)
        row = msgspec.msgpack.encode(Package(version, self._clock.now(), first, count))
        transaction.put(key, self._vault.seal(subject, key, row, REGISTRATION_PART))
        return version

    def last(self, subject: str) -> int:
        """The version of the last package; 0 if there was none.

        Raises:
            StoreError: the database fails.
        """
        return Transaction(self._store).counter(_counter(subject))

    def of(self, subject: str) -> Iterator[Package]:
        """A subject's packages, oldest first.

        Raises:
            StoreError: the database fails.
        """
        for key, sealed in self._store.scan(layout.PACKAGE + layout.text(subject)):
            try:
                yield msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=Package)
            except MissingError:  # blocked
                continue

    def _mistakes(
        self, documents: Sequence[PackageRecord], company: Company, *, is_first: bool
    ) -> list[Mistake]:
        """The one place where the mistakes of a package are collected."""
        return check_package(documents, company, is_first=is_first, today=self._today(), rules=self._rules)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock.now(), UTC).astimezone(_CHINA).date()


def _counter(subject: str) -> str:
    return f"package/{subject}"
