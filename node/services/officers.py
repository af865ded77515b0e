"""At a subject's home: whether enough officers have signed, and whose word as an officer counts 双人复核.

- What is reserved for two officers only grows by what one officer hands in; two officers lower it.
- Once anything is reserved, no key becomes an officer's unless two officers have added it at this home. Other
  members bring any change of keys to the ledger, for they do not know what is reserved: such a key counts here
  neither as the first officer nor as the second.
- The first two keys need nobody's approval, for there is nobody; nor does the one that takes the place of all by a
  recovery, which the others can veto for days.

The rules themselves are in `node.domain.approval`; what is kept is a part of the registration.
"""

from collections.abc import Iterable, Mapping, Sequence

from node.domain.approval import Approval, Reserved, closed, is_same_holder
from node.domain.document import peek_document
from node.domain.mandate import authority_behind
from node.domain.wallet import MoveCall, RegisterCall, WalletCall
from node.errors import ApprovalError, ConflictError, SecondOfficerMissingError
from node.services.alliance import Alliance
from node.services.projection import SubjectRow
from node.services.recognition import Recognition
from node.services.registration_rows import Office, Registration, Voucher, reserved_in

ENOUGH = 2


class Officers:
    """Judges by a subject's office."""

    def __init__(self, alliance: Alliance, recognition: Recognition) -> None:
        self._alliance, self._recognition = alliance, recognition

    def check(  # noqa: PLR0917
        self,
        subject: str,
        code: str,
        office: Office,
        act: Reserved,
        key: str,
        approval: Approval | None,
        *,
        by: int | None = None,
    ) -> None:
        """Check that an act is signed by as many officers as the subject wants.

        Args:
            subject: its id, 64 hex digits.
            code: its credit code.
            office: as this home knows it.
            act: what it is.
            key: the first officer's, that signed.
            approval: opened; None if there is none.
            by: when the ledger had what was approved, at the latest; None for what is done now.

        Raises:
            SecondOfficerMissingError: it is reserved for two, and one has signed, or the first is no officer here.
            ApprovalError: the second is no officer here, or its key speaks for the subject no longer.
            NodeError: the second officer's delegation does not hold now.
        """
        if act not in office.reserved:
            return
        if approval is None or key not in office.keys:
            raise SecondOfficerMissingError(f"the company reserves this for two officers: {act.value}")
        self.check_second(subject, code, office, approval, by=by)

    def check_second(
        self, subject: str, code: str, office: Office, approval: Approval, *, by: int | None = None
    ) -> None:
        """Check that an approval, whose signature was checked, is by an officer of the subject; raises as `check`."""
        row = self._alliance.projection.subject(bytes.fromhex(subject))
        if approval.key not in office.keys or not self._alliance.speaks_for(row, approval.key):
            raise ApprovalError(
                "who approved is no officer of this subject that its home knows, or not any more"
            )
        if by is None:
            judged = self._recognition.check(approval.delegation)
        else:
            judged = self._recognition.check_within(approval.delegation, by)
        if (judged.delegation.key, judged.identity.credit_code) != (approval.key, code):
            raise ApprovalError(
                "the certificate vouches for another key or company than the one that approved"
            )

    def with_key(self, office: Office, row: SubjectRow | None, key: str) -> Office:
        """The office where a key that speaks for the subject hands a delegation in.

        Raises:
            SecondOfficerMissingError: two officers have to add this key first.
        """
        if not office.reserved or key in office.keys:
            return office
        if row is not None and row.recovered == self._alliance.signer_of(key):
            return Office(office.reserved, (key,))
        if len(office.keys) >= ENOUGH:
            raise SecondOfficerMissingError(
                "two officers of the company have to add this key first, at its home: heqi wallet keys add"
            )
        known = tuple(one for one in office.keys if row is None or self._alliance.speaks_for(row, one))
        return Office(office.reserved, _added(known, key))

    def after(
        self, office: Office, said: Iterable[Reserved], present: Iterable[str], *, lowers: bool
    ) -> Office:
        """The office once delegations are handed in.

        Args:
            office: before.
            said: what the delegations in question reserve.
            present: keys that have a delegation here and speak for the subject: the officers if nothing was reserved.
            lowers: whether two officers want just this; else what was reserved stays so.
        """
        reserved = closed(said) | (frozenset() if lowers else office.reserved)
        if not reserved:
            return Office()
        keys = office.keys
        for one in () if office.reserved else present:
            keys = _added(keys, one)
        return Office(reserved, keys)

    def handed_in(
        self,
        call: RegisterCall,
        key: str,
        last: Registration,
        credentials: Mapping[str, Sequence[Voucher]],
        *,
        is_new_delegation: bool,
    ) -> Office:
        """What a subject reserves after a request of its own, which enough officers must have signed.

        Args:
            call: authenticated, with a delegation that holds.
            key: the subject's own key behind it.
            last: the registration so far.
            credentials: as they will be.
            is_new_delegation: whether the delegation was not known.

        Raises:
            NodeError: as `check` and `with_key`.
        """
        subject, row = last.subject, self._alliance.projection.subject(bytes.fromhex(last.subject))
        office = self.with_key(last.office, row, key)
        if call.mandate or call.records:
            authority = authority_behind(call.mandate) if call.mandate else None
            act = Reserved.MANDATE if authority else Reserved.REGISTER
            approval = authority.approval if authority else approval_in(call)
            by = authority.register_before if authority else None
            self.check(subject, last.credit_code, office, act, key, approval, by=by)
        lowers = is_new_delegation and bool(call.approval) and bool(office.reserved)
        if lowers:
            self.check(subject, last.credit_code, office, Reserved.CONTROLLERS, key, approval_in(call))
        present = [one for one in credentials if row is None or self._alliance.speaks_for(row, one)]
        # By removed keys nobody is bound for ever, once two officers say so.
        vouchers = [one for name in present for one in credentials[name]]
        said = reserved_in([one.delegation for one in vouchers] if lowers else [call.delegation])
        return self.after(office, said, present, lowers=lowers)

    def settled(self, call: MoveCall, code: str, earlier: Registration | None) -> Office:
        """What a subject reserves that moves here, by all that this node sees of it.

        Args:
            call: authenticated, with a delegation that holds.
            code: the subject's credit code.
            earlier: its registration here from before, if there was one.

        Raises:
            NodeError: as `check`.
        """
        approval = approval_in(call)
        shown = [call.delegation] if approval is None else [call.delegation, approval.delegation]
        keys = (call.key,) if approval is None else (call.key, approval.key)
        reserved = frozenset() if earlier is None else earlier.office.reserved
        office = self.after(Office(reserved, keys), reserved_in(shown), keys, lowers=False)
        if approval is not None:  # its key is to count as an officer's here, whether it was needed or not
            self.check_second(call.subject, code, office, approval)
        elif Reserved.MOVE in office.reserved:
            raise SecondOfficerMissingError(
                f"the company reserves this for two officers: {Reserved.MOVE.value}"
            )
        return office

    def changed(self, office: Office, row: SubjectRow, *, removed: str, added: str) -> Office:
        """The office once officers have changed the subject's keys at this home.

        Raises:
            ConflictError: fewer than two officers would be left where there were two.
        """
        if not office.reserved:
            return office
        # Whom two have sent away does not come back by one who adds the key again elsewhere.
        keys = tuple(one for one in office.keys if one != removed)
        keys = _added(keys, added) if added else keys
        left = [one for one in keys if one == added or self._alliance.speaks_for(row, one)]
        if removed and len(office.keys) >= ENOUGH > len(left):
            raise ConflictError(
                "fewer than two officers would be left: replace the key, or add another one first"
            )
        return Office(office.reserved, keys)


def approval_in(call: WalletCall) -> Approval | None:
    """The approval in an authenticated request."""
    return peek_document(call.approval, Approval) if call.approval else None


def _added(keys: tuple[str, ...], key: str) -> tuple[str, ...]:
    # One private key must not become two officers, under another kind or with the other y.
    return keys if any(is_same_holder(one, key) for one in keys) else (*keys, key)
