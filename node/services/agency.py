"""What a subject's home does about mandates besides letting agents act: branches that are confirmed, joint bids.

- A branch hands in its parent's confirmation; the home checks it and attests it like any other field.
- A grant by the lead of a joint bid counts at a member's home only once the home has seen that all members signed.
"""

from node.domain.approval import Approval, Reserved, check_officers
from node.domain.attestation import About, Method
from node.domain.document import peek_document
from node.domain.joint_bid import agreement_digest, open_joint_bid
from node.domain.mandate import Form, Mandate, authority_behind, open_mandate
from node.domain.package import BASE
from node.domain.registry import Comparison
from node.domain.wallet import BranchCall, JointBidCall
from node.errors import (
    DocumentFormatError,
    GrantExpiredError,
    MissingError,
    RecordFormatError,
    SignatureError,
    UnknownCallerError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.attesting import Attesting
from node.services.feed import Feed
from node.services.gate import Gate
from node.services.mandates import check_in_force, check_second
from node.services.recognition import Recognition
from node.services.records import Records
from node.services.registration import Registrations
from node.services.transaction import Transaction

PARENT_FIELD = "parent_credit_code"


class Agency:
    """Takes confirmations of branches, and joint bids."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        gate: Gate,
        recognition: Recognition,
        registrations: Registrations,
        records: Records,
        attesting: Attesting,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._gate = store, alliance, gate
        self._recognition, self._registrations, self._records = recognition, registrations, records
        self._attesting, self._feed, self._clock = attesting, feed, clock

    async def prepare(self, token: str) -> None:
        """Ask the authorities about the parent's certificate, for `confirm_branch`.

        Raises:
            DocumentFormatError: the request is malformed.
            StoreError: the database fails.
        """
        call = peek_document(token, BranchCall)
        await self._recognition.warm(call.delegation)
        if approval := peek_document(call.confirmation, Mandate).approval:
            await self._recognition.warm(peek_document(approval, Approval).delegation)

    def confirm_branch(self, token: str) -> None:
        """Attest that a subject is a branch, by its parent's confirmation.

        Args:
            token: a wallet-branch document.

        Raises:
            NodeError: it is not the branch's own, or the confirmation is not its parent's, or does not hold now.
        """
        call = self._gate.open(token, BranchCall)
        subject = self._gate.check_controller(call).hex()
        registration = self._registrations.load(self._registrations.owned_by(subject, call.key))
        self._registrations.check_home(subject)
        confirmation = open_mandate(call.confirmation)
        if (confirmation.form, confirmation.agent) != (Form.BRANCH.value, subject):
            raise DocumentFormatError("the confirmation is not for this branch")
        if confirmation.agent_code != registration.credit_code:
            raise DocumentFormatError(
                "the confirmation names another credit code than the branch's certificate"
            )
        judged = self._recognition.check(call.delegation)
        if (judged.delegation.key, judged.identity.credit_code) != (
            confirmation.key,
            confirmation.principal_code,
        ):
            raise SignatureError("the parent's certificate does not vouch for who signed the confirmation")
        self._check_holds(confirmation, call.confirmation)
        approval = authority_behind(call.confirmation).approval
        second = None if approval is None else self._recognition.check(approval.delegation)
        check_officers(Reserved.MANDATE, judged, second, approval)
        position = next(self._records.newest(subject, BASE, lambda _: True), None)
        stored = None if position is None else self._records.load(position)
        if stored is None or PARENT_FIELD not in stored.fields:
            raise RecordFormatError(
                f"the base document must state {PARENT_FIELD} before a parent confirms it"
            )
        is_same = stored.fields[PARENT_FIELD] == confirmation.principal_code
        attestation = self._attesting.attest(
            About(BASE, stored.header.thing, stored.header.version),
            Method.CONFIRMATION,
            judged.identity.organisation,
            Comparison((PARENT_FIELD,), () if is_same else (PARENT_FIELD,)),
            call.confirmation.encode(),
        )
        transaction = Transaction(self._store)
        self._attesting.write(transaction, subject, [attestation])
        transaction.commit()
        self._feed.wake()

    def keep_joint_bid(self, token: str) -> int:
        """Take notice that all members of a joint bid have signed; how many of them have their home here.

        Args:
            token: a wallet-joint-bid document by any member.

        Raises:
            NodeError: it is not a member's, a member has not signed, or somebody else has in its name.
        """
        call = self._gate.open(token, JointBidCall)
        subject = self._gate.check_controller(call).hex()
        agreement, mandates = open_joint_bid(call.joint_bid.encode())
        if agreement.alliance != self._alliance.id or subject not in {one.iss for one in mandates}:
            raise UnknownCallerError("the joint bid is another alliance's, or of others")
        if self._clock.now() >= agreement.exp:
            raise GrantExpiredError("the joint-bid agreement is over")
        for mandate in mandates:
            self._check_controller(mandate)
        transaction, digest = Transaction(self._store), bytes.fromhex(agreement_digest(agreement))
        here = [one.iss for one in mandates if self._registrations.is_home_of(one.iss)]
        if not here:
            raise MissingError("no member of the joint bid has its home here")
        for member in here:
            transaction.put(layout.JOINT_BID + layout.text(member) + digest, layout.number(agreement.exp))
        transaction.commit()
        return len(here)

    def _check_holds(self, mandate: Mandate, token: str) -> None:
        if mandate.alliance != self._alliance.id:
            raise DocumentFormatError("the confirmation was made for another alliance")
        self._check_controller(mandate)
        if not mandate.nbf <= self._clock.now() < mandate.exp:
            raise GrantExpiredError("the confirmation is not valid at this time")
        authority = authority_behind(token)
        row = self._alliance.projection.subject(bytes.fromhex(mandate.iss))
        check_second(self._alliance, row, authority)
        check_in_force(self._alliance, authority, self._store)

    def _check_controller(self, mandate: Mandate) -> None:
        row = self._alliance.projection.subject(bytes.fromhex(mandate.iss))
        if not self._alliance.speaks_for(row, mandate.key):
            raise SignatureError("a mandate is not signed by the key that the ledger names for its subject")
