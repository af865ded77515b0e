"""At a guarantor's desk: granting lines on authorised data, telling owners of theirs, proving a line's history."""

from collections.abc import Iterator
from decimal import Decimal

from node.domain.case import MAX_CASE_BUNDLES
from node.domain.duties import Act
from node.domain.line_statement import LineStatement
from node.domain.member import Role
from node.domain.wallet import LineCall
from node.errors import MissingError, TooLargeError
from node.ports import Store
from node.services.alliance import Alliance
from node.services.applications import Applications
from node.services.credit_lines import CreditLine, CreditLines
from node.services.gate import Gate
from node.services.kept_reads import KeptReads
from node.services.proving import Proving
from node.services.signing import Signing
from node.services.vault import Vault


class LineDesk:
    """What people and wallets ask of lines."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        gate: Gate,
        lines: CreditLines,
        kept: KeptReads,
        proving: Proving,
        signing: Signing,
    ) -> None:
        self._applications = Applications(store, vault, alliance.me)
        self._alliance, self._gate, self.lines, self._kept = alliance, gate, lines, kept
        self._proving, self._signing = proving, signing

    def grant(self, basis: str, currency: str, limit: Decimal, until: int) -> CreditLine:
        """Grant a line to the subject whose data was read, while the grant under which it was read lives.

        Args:
            basis: own access request or application, 64 hex digits.
            currency: ISO 4217.
            limit: how much may be drawn at once.
            until: end of the term, seconds since 1970 UTC.

        Raises:
            RoleMissingError: this member is no guarantor.
            MissingError: nothing was read under that.
            NodeError: what was read may not be used any more, or limit or term is out of range.
        """
        self._alliance.check_role(Role.GUARANTOR)
        self._alliance.check_may(Act.ISSUE)
        application = self._applications.get(bytes.fromhex(basis))
        read = self._kept.show(basis if application is None else application.read)
        return self.lines.grant(read.records[0].header.owner, currency, limit, until)

    def statement(self, token: str) -> str:
        """The line of the wallet that asks, signed; empty if it has none here.

        Only the caller's own row is looked at, by its key: nobody else's shows in content, size or time.

        Raises:
            NodeError: the request is not acceptable.
        """
        subject = self._gate.check_controller(self._gate.open(token, LineCall)).hex()
        found = self.lines.find(subject)
        if found is None:
            return ""
        state = found.state
        statement = LineStatement(
            **self._signing.issued(),
            subject=subject,
            line=found.line,
            number=found.number,
            entry=found.entry,
            currency=found.currency,
            limit=found.limit,
            used=found.used,
            status=state.status.value,
            until=found.until,
        )
        return self._signing.sign(statement)

    def prove(self, subject: str, *, incomplete: bool = False) -> Iterator[bytes]:
        """A case of all states of a line, oldest first: who checks it knows that none is missing.

        Returns:
            The lines of the file.

        Raises:
            MissingError: the subject has no line here, or its newest state is not final yet.
            EvidencePendingError: the evidence is not complete yet.
            TooLargeError: the line has more states than a case has bundles.
            StoreError: the database fails.
        """
        found = self.lines.show(subject)
        positions = list(self.lines.positions(found.line))
        if not positions:
            raise MissingError("nothing is known of this line's states")
        if len(positions) > MAX_CASE_BUNDLES:
            raise TooLargeError(f"a case has at most {MAX_CASE_BUNDLES} bundles, and this line more states")
        bundles = [self._proving.own_bundle(at, incomplete=incomplete) for at in positions]
        return self._proving.case(f"授信额度 credit line {found.line}", bundles)
