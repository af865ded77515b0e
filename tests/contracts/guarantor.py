"""A guarantor at work: the guarantees that it issues, and who moves them."""

from dataclasses import dataclass, fields, replace
from typing import Any

import eth_abi
from eth_utils import keccak

from tests.contracts.signers import AddressSigner, ES256Signer, typed_digest
from tests.contracts.world import ALLIANCE_ID, DAY, GUARANTOR, World, name
from tests.support.evm import Contract, Receipt

DOCUMENT = keccak(text="what the step says")
SALT = keccak(text="salt of all commitments")
EXPIRY_UNIT = 366 * DAY
CENTRE = "hangzhou"
NOTHING = bytes(32)
_STEP = {
    "guarantee": "bytes32",
    "sequence": "uint64",
    "previous": "bytes32",
    "event": "uint8",
    "document": "bytes32",
    "end": "bytes32",
    "expires": "uint64",
}
_RECEIPT = {"guarantee": "bytes32", "event": "uint8", "document": "bytes32", "lodged": "uint64"}

Signer = AddressSigner | ES256Signer


def rounded_up(end: int) -> int:
    """The end as the contract takes it."""
    return -(-end // EXPIRY_UNIT) * EXPIRY_UNIT


def end_commitment(end: int) -> bytes:
    return keccak(SALT + end.to_bytes(32, "big"))


@dataclass(frozen=True)
class Terms:
    """`IGuarantees.Terms`."""

    digest: bytes
    application: bytes
    expires: int
    guarantor: bytes
    beneficiary: bytes
    applicant: bytes
    centre: bytes
    end: bytes
    examination: int = 5

    @property
    def arguments(self) -> tuple[Any, ...]:
        return tuple(getattr(self, field.name) for field in fields(self))

    @property
    def guarantee(self) -> bytes:
        kinds = ["bytes32"] * 3 + ["uint64"] + ["bytes32"] * 5 + ["uint8"]
        return keccak(eth_abi.encode(kinds, (ALLIANCE_ID, *self.arguments)))


class Guarantor:
    """The alliance's guarantor, a beneficiary and an applicant, on one contract."""

    def __init__(self, world: World, contract: Contract | None = None) -> None:
        self.world, self.contract = world, contract or world.guarantees
        self.identity = world.identity(GUARANTOR)
        self.beneficiary, self.applicant = world.es256_signer(), world.es256_signer()
        self.centre = world.identity(CENTRE)
        self.end = world.evm.now + 30 * DAY
        self.terms = Terms(
            keccak(text="document"),
            keccak(text="application"),
            rounded_up(self.end),
            name(GUARANTOR),
            keccak(SALT + self.beneficiary.signer),
            keccak(SALT + self.applicant.signer),
            keccak(SALT + name(CENTRE)),
            end_commitment(self.end),
        )

    def other_terms(self, **changes: Any) -> Terms:
        """Of another application and document, and with `changes`."""
        fresh = {"digest": keccak(text="another document"), "application": keccak(text="another application")}
        return replace(self.terms, **(fresh | changes))

    def sign_issue(self, terms: Terms, signer: Signer | None = None, **domain: Any) -> bytes:
        message = {"guarantee": terms.guarantee}
        where = self.world.domain(self.contract) | domain
        digest = typed_digest(where, "IssueGuarantee", {"guarantee": "bytes32"}, message)
        return (signer or self.identity).sign(digest)

    def issue(
        self,
        terms: Terms | None = None,
        *,
        relay: str = "ningbo",
        verifier: bytes | None = None,
        signature: bytes | None = None,
    ) -> Receipt:
        """As it should be, apart from what is given."""
        terms = terms or self.terms
        signature = self.sign_issue(terms) if signature is None else signature
        arguments = (terms.arguments, verifier or self.identity.verifier, signature)
        return self.world.send(relay, self.contract, "issue", *arguments)

    def said(self, event: int, **changes: Any) -> dict[str, Any]:
        """The step that comes next, apart from what is given: the members of `IGuarantees.Step`."""
        guarantee = changes.get("guarantee", self.terms.guarantee)
        _, sequence, _, document, _ = self.world.view(self.contract, "stateOf", guarantee)
        following = {
            "guarantee": guarantee,
            "sequence": sequence + 1,
            "previous": document,
            "event": event,
            "document": DOCUMENT,
            "end": NOTHING,
            "expires": 0,
        }
        return following | changes

    def step_digest(self, said: dict[str, Any], **domain: Any) -> bytes:
        where = self.world.domain(self.contract) | domain
        return typed_digest(where, "StepGuarantee", _STEP, said)

    def receipt(
        self, by: Signer, said: dict[str, Any], lodged: int, *, end: int | None = None
    ) -> tuple[Any, ...]:
        """Evidence that a counterparty had the step's document at `lodged`."""
        told = {name: said[name] for name in _RECEIPT if name != "lodged"} | {"lodged": lodged}
        digest = typed_digest(self.world.domain(self.contract), "StepReceipt", _RECEIPT, told)
        return (self.end if end is None else end, SALT, lodged, signed(by, by.sign(digest)))

    def opened(self, end: int | None = None) -> tuple[Any, ...]:
        """Evidence that opens the end."""
        return (self.end if end is None else end, SALT, 0, (b"", NOTHING, NOTHING, b""))

    def arguments(
        self,
        signer: Signer,
        said: dict[str, Any],
        *,
        salt: bytes = SALT,
        signature: bytes | None = None,
        evidence: tuple[Any, ...] | None = None,
    ) -> tuple[Any, ...]:
        """Of `step`."""
        if signature is None:
            signature = signer.sign(self.step_digest(said))
        mover = signed(signer, signature, salt)
        return tuple(said.values()), mover, evidence or self.opened()

    def step(
        self,
        signer: Signer,
        event: int,
        *,
        relay: str = "ningbo",
        salt: bytes = SALT,
        signature: bytes | None = None,
        evidence: tuple[Any, ...] | None = None,
        **changes: Any,
    ) -> Receipt:
        """As it should be, apart from what is given."""
        arguments = self.arguments(
            signer, self.said(event, **changes), salt=salt, signature=signature, evidence=evidence
        )
        return self.world.send(relay, self.contract, "step", *arguments)

    def sign_step(self, signer: Signer, event: int, **changes: Any) -> bytes:
        return signer.sign(self.step_digest(self.said(event, **changes)))

    def state(self, terms: Terms | None = None) -> tuple[int, int, int]:
        """State, sequence and expiry."""
        return self.view(terms)[:3]

    def view(self, terms: Terms | None = None) -> tuple[int, int, int, bytes, int]:
        """State, sequence, expiry, last document and due."""
        return self.world.view(self.contract, "stateOf", (terms or self.terms).guarantee)


def signed(signer: Signer, signature: bytes, salt: bytes = SALT) -> tuple[Any, ...]:
    """`IGuarantees.Signed`; it always names the centre, which means nothing for others."""
    return (signer.signer, salt, name(CENTRE), signature)
