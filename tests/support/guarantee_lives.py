"""One guarantee on a ledger, and everybody who has a part in its life, each with a key."""

import secrets
from dataclasses import dataclass, replace
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from adapters.ledger.memory import MemoryChain
from adapters.ledger.memory.state import Frame
from node.domain.guarantee_table import EXPIRY_UNIT_SECONDS, Mover
from node.domain.ledger import (
    NO_WORD,
    Evidence,
    GuaranteeMoved,
    GuaranteeStep,
    GuaranteeTerms,
    IssueGuarantee,
    Signed,
    StepGuarantee,
)
from node.domain.ledger_ids import (
    Eip712Domain,
    centre_commitment,
    end_commitment,
    guarantee_id,
    issue_guarantee_digest,
    mover_commitment,
    step_guarantee_digest,
    step_receipt_digest,
)
from node.domain.member import Role
from node.errors import LedgerRefusedError
from tests.support.ledgers import Es256Key, new_account_key, new_es256_key, new_member

DAY = 86_400
END = 57 * EXPIRY_UNIT_SECONDS - 50 * DAY
"""50 days before the rounded one."""
NOW = END - 30 * DAY
SALT = secrets.token_bytes(32)


@dataclass(frozen=True)
class Place:
    """Where guarantees are issued, by whom, and in whose tender."""

    domain: Eip712Domain
    verifier: bytes
    guarantor: str
    guarantor_key: ec.EllipticCurvePrivateKey
    centre: str
    centre_key: ec.EllipticCurvePrivateKey


class Ledger(Protocol):
    """What takes the steps of one guarantee after the other."""

    place: Place

    def begin(self, now: int) -> int:
        """Forget what was; the time at which a guarantee can be issued."""

    def apply(self, call: IssueGuarantee | StepGuarantee, now: int) -> GuaranteeMoved:
        """Raises LedgerRefusedError as the contract does."""


class MemoryLedger:
    """The twin, asked without transactions."""

    def __init__(self) -> None:
        alliance, self._account = secrets.token_bytes(32), new_account_key().address
        bank, centre = new_es256_key(b""), new_es256_key(b"")
        members = [
            replace(new_member("bank", self._account, Role.GUARANTOR), identity_key=bank.signer),
            replace(new_member("centre", new_account_key().address), identity_key=centre.signer),
        ]
        self.chain = MemoryChain(alliance, members, clock=lambda: NOW - DAY)
        deployment = self.chain.deployment
        self.place = Place(
            deployment.domain_of("Guarantees"),
            deployment.address_of("ES256Verifier"),
            "bank",
            bank.secret,
            "centre",
            centre.secret,
        )
        self._founded = self.chain._state.mark()

    def begin(self, now: int) -> int:
        self.chain._state.rollback(self._founded)
        return now

    def apply(self, call: IssueGuarantee | StepGuarantee, now: int) -> GuaranteeMoved:
        mark = self.chain._state.mark()
        try:
            [moved] = self.chain._apply(self._account, call, Frame(self.place.domain.contract, now))
        except LedgerRefusedError:
            self.chain._state.rollback(mark)
            raise
        return moved


class Life:
    """Issued when it is made; time stands still unless the test moves it."""

    def __init__(self, ledger: Ledger | None = None, now: int = NOW, end: int = END) -> None:
        self.ledger = ledger or MemoryLedger()
        place = self.place = self.ledger.place
        self.now, self.end = self.ledger.begin(now), end
        self.keys: dict[Mover | None, Es256Key] = {
            Mover.GUARANTOR: Es256Key(place.guarantor_key, place.verifier),
            Mover.CENTRE: Es256Key(place.centre_key, place.verifier),
            Mover.BENEFICIARY: new_es256_key(place.verifier),
            Mover.APPLICANT: new_es256_key(place.verifier),
            None: new_es256_key(place.verifier),
        }
        self.terms = GuaranteeTerms(
            digest=secrets.token_bytes(32),
            application=secrets.token_bytes(32),
            expires=rounded(end),
            guarantor=place.guarantor,
            beneficiary=mover_commitment(SALT, self.keys[Mover.BENEFICIARY].signer),
            applicant=mover_commitment(SALT, self.keys[Mover.APPLICANT].signer),
            centre=centre_commitment(SALT, place.centre),
            end=end_commitment(SALT, end),
            examination=5,
        )
        self.guarantee = guarantee_id(place.domain.alliance_id, self.terms)
        digest = issue_guarantee_digest(place.domain, self.guarantee)
        issue = IssueGuarantee(self.terms, self.keys[Mover.GUARANTOR].sign(digest))
        self.last = self.ledger.apply(issue, self.now)

    def apply(self, call: StepGuarantee) -> GuaranteeMoved:
        """Raises LedgerRefusedError as the contract would."""
        self.last = self.ledger.apply(call, self.now)
        return self.last

    def said(self, event: int, **changes: object) -> GuaranteeStep:
        """The step that comes next, with its number as its document, apart from what is given."""
        sequence = self.last.sequence + 1
        following = GuaranteeStep(
            self.guarantee, sequence, self.last.document, event, sequence.to_bytes(32, "big")
        )
        return replace(following, **changes)

    def call(
        self, event: int, mover: Mover | None, *, evidence: Evidence | None = None, **changes: object
    ) -> StepGuarantee:
        """A step, signed by whoever is to sign it."""
        step = self.said(event, **changes)
        by = self.signed(mover, step_guarantee_digest(self.place.domain, step))
        return StepGuarantee(step, by, evidence or self.opened())

    def step(self, event: int, mover: Mover | None, **changes: object) -> GuaranteeMoved:
        """Make it."""
        return self.apply(self.call(event, mover, **changes))

    def attempt(self, event: int, mover: Mover | None, **changes: object) -> str:
        """The refusal; nothing if the step was taken."""
        try:
            self.step(event, mover, **changes)
        except LedgerRefusedError as error:
            return error.problem
        return ""

    def opened(self, end: int | None = None) -> Evidence:
        """Evidence that opens the end."""
        return Evidence(self.end if end is None else end, SALT)

    def receipt(self, by: Mover | None, event: int, lodged: int, **changes: object) -> Evidence:
        """Evidence that somebody had the next step's document at `lodged`."""
        step = self.said(event, **changes)
        digest = step_receipt_digest(self.place.domain, step.guarantee, step.event, step.document, lodged)
        return Evidence(self.end, SALT, lodged, self.signed(by, digest))

    def signed(self, mover: Mover | None, digest: bytes) -> Signed:
        """Naming the centre, where it is the centre."""
        key, member = self.keys[mover], self.place.centre if mover is Mover.CENTRE else ""
        return Signed(key.signer, key.sign(digest), NO_WORD if mover is Mover.GUARANTOR else SALT, member)


def proposed(end: int) -> dict[str, object]:
    """The members of a step that brings another end."""
    return {"end": end_commitment(SALT, end), "expires": rounded(end)}


def rounded(end: int) -> int:
    """The end as the ledger takes it."""
    return -(-end // EXPIRY_UNIT_SECONDS) * EXPIRY_UNIT_SECONDS
