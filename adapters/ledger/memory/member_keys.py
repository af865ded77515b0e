"""`MemberKeys.sol` in Python. Checks stand in the contract's order."""

from dataclasses import replace

from adapters.ledger.artifact import ALLIANCE, VERIFIER
from adapters.ledger.deployment import Deployment
from adapters.ledger.memory.alliance import AllianceRules
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.signers import is_signed
from adapters.ledger.memory.standings import Former
from adapters.ledger.memory.state import State
from node.domain.keys import MAX_OVERLAP_SECONDS, KeyChange, KeySet, Succession
from node.domain.ledger import ChangeKeys, Happening, KeysChanged
from node.domain.ledger_ids import key_change_digest
from node.domain.member import Member
from node.errors import LedgerRefusedError


class KeyRules:
    """The contract's function; it returns what it reports."""

    def __init__(
        self, state: State, alliance: AllianceRules, book: BookRules, deployment: Deployment
    ) -> None:
        self._state, self._alliance, self._book = state, alliance, book
        self._domain = deployment.domain_of(ALLIANCE)
        self._verifier = deployment.address_of(VERIFIER)

    def change(self, sender: bytes, call: ChangeKeys, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Alliance.changeKeys`.
        """
        name = self._state.get("account", sender)
        if name is None or self._alliance.member(name).account != sender:
            raise LedgerRefusedError("AllianceNotMember", f"account=0x{sender.hex()}")
        member, change = self._alliance.member(name), call.change
        former: Former = self._state.get("former", name, Former())
        old, new = KeySet.of(member), change.keys
        _check_change(old, former, change, now)
        self._check_proofs(member, former.version + 1, call)
        if new.account != old.account and self._state.get("account", new.account) is not None:
            raise LedgerRefusedError("AllianceAccountTaken", f"account=0x{new.account.hex()}")

        former = replace(former, version=former.version + 1)
        if new.account != old.account:
            former = replace(former, account=old.account, account_until=change.overlap_until)
        if new.identity_key != old.identity_key:
            former = replace(former, identity=old.identity_key, identity_until=change.overlap_until)
        if new.log_key != old.log_key:
            former = replace(former, log_size=change.log_size)
        self._state.put("former", name, former)
        self._state.put("account", new.account, name)
        changed = replace(
            member,
            account=new.account,
            identity_key=new.identity_key,
            log_key=new.log_key,
            sealing_key=new.sealing_key,
        )
        self._state.put("member", name, changed)
        self._alliance.note_own_step(name)
        return [KeysChanged(Succession(name, former.version, now, change, call.proofs))]

    def _check_proofs(self, member: Member, version: int, call: ChangeKeys) -> None:
        if not self._book.is_verifier(self._verifier):
            raise LedgerRefusedError("AllianceWrongKeyProof")
        keys, proofs = call.change.keys, call.proofs
        digest = key_change_digest(self._domain, member.name, version, call.change)
        wanted = [
            (self._verifier + member.identity_key, proofs.identity, True),
            (
                self._verifier + keys.identity_key,
                proofs.new_identity,
                keys.identity_key != member.identity_key,
            ),
            (keys.account, proofs.new_account, keys.account != member.account),
        ]
        for signer, proof, is_new in wanted:
            if not (is_signed(signer, digest, proof, self._book) if is_new else not proof):
                raise LedgerRefusedError("AllianceWrongKeyProof")


def _check_change(old: KeySet, former: Former, change: KeyChange, now: int) -> None:
    new = change.keys
    identity = (new.identity_key[:32], new.identity_key[32:])
    is_same_log = new.log_key == old.log_key
    if (
        not all(any(key) for key in (new.account, *identity, new.log_key, new.sealing_key))
        or change.overlap_until > now + MAX_OVERLAP_SECONDS
        or (change.log_size != 0 if is_same_log else change.log_size < former.log_size)
    ):
        raise LedgerRefusedError("AllianceMalformedKeys")
    if new == old:
        raise LedgerRefusedError("AllianceUnchanged")
