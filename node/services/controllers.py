"""At any node: a subject's changes of keys and its vetoes, on their way to the ledger.

A change is signed by a key that speaks for the subject now, so any member relays it. What makes a new key good for
grants is the certificate's delegation, which the wallet hands in at its home (`registration.py`). Where the company
wants two officers for it, the home alone knows that and sees to it.
"""

from node.domain.controller import exchange, verify_digest
from node.domain.document import peek_document
from node.domain.duties import Act
from node.domain.ledger import ChangeController
from node.domain.ledger_ids import change_controller_digest, veto_recovery_digest
from node.domain.recovery import VetoRecovery
from node.domain.wallet import ControllerCall, VetoCall
from node.errors import ConflictError
from node.ports import Store
from node.services.alliance import Alliance
from node.services.gate import Gate
from node.services.outbox import Outbox
from node.services.projection import SubjectRow
from node.services.registration import Registrations
from node.services.transaction import Transaction


class Controllers:
    """Relays what a subject's keys say about themselves."""

    def __init__(
        self, store: Store, alliance: Alliance, gate: Gate, outbox: Outbox, registrations: Registrations
    ) -> None:
        self._store, self._alliance, self._gate, self._outbox = store, alliance, gate, outbox
        self._registrations = registrations

    async def prepare(self, token: str) -> None:
        """Ask the authorities about a second officer's certificate, for `change`.

        Raises:
            NodeError: the request is malformed.
        """
        await self._registrations.warm_approval(peek_document(token, ControllerCall).approval)

    def change(self, token: str) -> None:
        """Bring a change of keys to the ledger; at the subject's home, if enough officers have signed it.

        Raises:
            NodeError: it is not by a key of the subject, or not possible now; nothing is stored.
        """
        self._alliance.check_may(Act.HAND_OVER)
        call = self._gate.open(token, ControllerCall)
        subject, row = self._row(call)
        removed, added = (self._alliance.signer_of(key) if key else b"" for key in (call.removed, call.added))
        exchange(row.controllers, removed, added)
        digest = change_controller_digest(
            self._alliance.signing_domain("Subjects"), subject, call.version, removed=removed, added=added
        )
        signature = bytes.fromhex(call.signature)
        verify_digest(call.key, digest, signature)
        transaction = Transaction(self._store)
        self._registrations.change_officers(transaction, call, row)
        change = ChangeController(subject, removed, added, self._alliance.signer_of(call.key), signature)
        self._send(transaction, subject, change)

    def veto(self, token: str) -> None:
        """Bring a veto against the subject's recovery to the ledger.

        Raises:
            NodeError: it is not by a key of the subject, or not possible now; nothing is stored.
        """
        self._alliance.check_may(Act.VETO)
        call = self._gate.open(token, VetoCall)
        subject, row = self._row(call)
        if not row.recoveries:
            raise ConflictError("no recovery of this subject is under way")
        digest = veto_recovery_digest(self._alliance.signing_domain("Subjects"), subject, call.version)
        signature = bytes.fromhex(call.signature)
        verify_digest(call.key, digest, signature)
        veto = VetoRecovery(subject, self._alliance.signer_of(call.key), signature)
        self._send(Transaction(self._store), subject, veto)

    def _row(self, call: ControllerCall | VetoCall) -> tuple[bytes, SubjectRow]:
        subject = self._gate.check_controller(call)
        row = self._alliance.projection.subject(subject)
        assert row is not None, "check_controller has found it"
        if call.version != row.version + 1:
            raise ConflictError(
                f"the change must have version {row.version + 1} on the ledger: sign it again"
            )
        return subject, row

    def _send(self, transaction: Transaction, subject: bytes, call: ChangeController | VetoRecovery) -> None:
        name = f"subject/{subject.hex()}"
        # What a succession of the contract has caught on its way its signer alone can sign again, and does here.
        self._outbox.yield_place(transaction, name, ChangeController, VetoRecovery)
        if self._outbox.is_open(transaction, name):
            raise ConflictError("a change of this subject is on its way from this node already")
        self._outbox.add(transaction, name, call)
        transaction.commit()
