"""One guarantee on a ledger in memory, and everybody who has a part in its life, each with a key."""

import secrets
from dataclasses import replace

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
ALLIANCE = secrets.token_bytes(32)
ACCOUNT = new_account_key()
_IDENTITIES = {Mover.GUARANTOR: new_es256_key(b""), Mover.CENTRE: new_es256_key(b"")}
BANK = replace(
    new_member("bank", ACCOUNT.address, Role.GUARANTOR),
    identity_key=_IDENTITIES[Mover.GUARANTOR].signer,
)
CENTRE = replace(
    new_member("centre", new_account_key().address), identity_key=_IDENTITIES[Mover.CENTRE].signer
)
VERIFIER = MemoryChain(ALLIANCE, [BANK, CENTRE]).deployment.address_of("ES256Verifier")
KEYS: dict[Mover | None, Es256Key] = {
    **{mover: Es256Key(key.secret, VERIFIER) for mover, key in _IDENTITIES.items()},
    Mover.BENEFICIARY: new_es256_key(VERIFIER),
    Mover.APPLICANT: new_es256_key(VERIFIER),
    None: new_es256_key(VERIFIER),
}
"""None is a stranger's."""
TERMS = GuaranteeTerms(
    digest=secrets.token_bytes(32),
    application=secrets.token_bytes(32),
    expires=57 * EXPIRY_UNIT_SECONDS,
    guarantor="bank",
    beneficiary=mover_commitment(SALT, KEYS[Mover.BENEFICIARY].signer),
    applicant=mover_commitment(SALT, KEYS[Mover.APPLICANT].signer),
    centre=centre_commitment(SALT, "centre"),
    end=end_commitment(SALT, END),
    examination=5,
)


class Life:
    """Issued at `NOW`; time stands still unless the test moves it."""

    def __init__(self) -> None:
        self.now, self.end, self.terms = NOW, END, TERMS
        self.chain = MemoryChain(ALLIANCE, [BANK, CENTRE], clock=lambda: NOW - DAY)
        self.domain = self.chain.deployment.domain_of("Guarantees")
        self.guarantee = guarantee_id(ALLIANCE, TERMS)
        signature = KEYS[Mover.GUARANTOR].sign(issue_guarantee_digest(self.domain, self.guarantee))
        self.last = self.apply(IssueGuarantee(TERMS, signature))[-1]

    def apply(self, call: IssueGuarantee | StepGuarantee) -> list[GuaranteeMoved]:
        """Raises LedgerRefusedError as the contract would."""
        frame = Frame(self.domain.contract, self.now)
        mark = self.chain._state.mark()
        try:
            moved = self.chain._apply(ACCOUNT.address, call, frame)
        except LedgerRefusedError:
            self.chain._state.rollback(mark)
            raise
        self.last = moved[-1]
        return moved

    def said(self, event: int, **changes: object) -> GuaranteeStep:
        """The step that comes next, with its number as its document, apart from what is given."""
        sequence = self.last.sequence + 1
        following = GuaranteeStep(
            self.guarantee, sequence, self.last.document, event, sequence.to_bytes(32, "big")
        )
        return replace(following, **changes)

    def proposed(self, end: int) -> dict[str, object]:
        """The members of a step that brings another end."""
        expires = -(-end // EXPIRY_UNIT_SECONDS) * EXPIRY_UNIT_SECONDS
        return {"end": end_commitment(SALT, end), "expires": expires}

    def call(
        self, event: int, mover: Mover | None, *, evidence: Evidence | None = None, **changes: object
    ) -> StepGuarantee:
        """A step, signed by whoever is to sign it."""
        step = self.said(event, **changes)
        by = self.signed(mover, step_guarantee_digest(self.domain, step))
        return StepGuarantee(step, by, evidence or self.opened())

    def step(self, event: int, mover: Mover | None, **changes: object) -> list[GuaranteeMoved]:
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
        told = (step.guarantee, step.event, step.document, lodged)
        return Evidence(self.end, SALT, lodged, self.signed(by, step_receipt_digest(self.domain, *told)))

    def signed(self, mover: Mover | None, digest: bytes) -> Signed:
        """Naming the centre, where it is the centre."""
        key, member = KEYS[mover], "centre" if mover is Mover.CENTRE else ""
        return Signed(key.signer, key.sign(digest), NO_WORD if mover is Mover.GUARANTOR else SALT, member)
