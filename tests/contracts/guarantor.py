"""A guarantor at work: the guarantees that it issues, and who moves them."""

from dataclasses import dataclass, replace
from typing import Any

import eth_abi
from eth_utils import keccak

from tests.contracts.signers import AddressSigner, ES256Signer, typed_digest
from tests.contracts.world import ALLIANCE_ID, DAY, GUARANTOR, World, name
from tests.support.evm import Contract, Receipt

DOCUMENT = keccak(text="what the step says")
SALT = keccak(text="salt of both movers")
EXPIRY_UNIT = 366 * DAY
_STEP = {"guarantee": "bytes32", "sequence": "uint64", "event": "uint8", "document": "bytes32"}

Signer = AddressSigner | ES256Signer


def rounded_up(end: int) -> int:
    """The end as the contract takes it."""
    return -(-end // EXPIRY_UNIT) * EXPIRY_UNIT


@dataclass(frozen=True)
class Terms:
    """`IGuarantees.Terms`."""

    digest: bytes
    application: bytes
    expires: int
    guarantor: bytes
    beneficiary: bytes
    applicant: bytes

    @property
    def arguments(self) -> tuple[Any, ...]:
        return self.digest, self.application, self.expires, self.guarantor, self.beneficiary, self.applicant

    @property
    def guarantee(self) -> bytes:
        kinds = ["bytes32", "bytes32", "bytes32", "uint64", "bytes32", "bytes32", "bytes32"]
        return keccak(eth_abi.encode(kinds, (ALLIANCE_ID, *self.arguments)))


class Guarantor:
    """The alliance's guarantor, a beneficiary and an applicant, on one contract."""

    def __init__(self, world: World, contract: Contract | None = None) -> None:
        self.world, self.contract = world, contract or world.guarantees
        self.identity = world.identity(GUARANTOR)
        self.beneficiary, self.applicant = world.es256_signer(), world.es256_signer()
        self.terms = Terms(
            keccak(text="document"),
            keccak(text="application"),
            rounded_up(world.evm.now + 30 * DAY),
            name(GUARANTOR),
            keccak(SALT + self.beneficiary.signer),
            keccak(SALT + self.applicant.signer),
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

    def step_digest(
        self,
        event: int,
        *,
        guarantee: bytes | None = None,
        sequence: int = 2,
        document: bytes = DOCUMENT,
        **domain: Any,
    ) -> bytes:
        values = (guarantee or self.terms.guarantee, sequence, event, document)
        where = self.world.domain(self.contract) | domain
        return typed_digest(where, "StepGuarantee", _STEP, dict(zip(_STEP, values, strict=True)))

    def sign_step(self, signer: Signer, event: int, **changes: Any) -> bytes:
        return signer.sign(self.step_digest(event, **changes))

    def step(
        self,
        signer: Signer,
        event: int,
        *,
        guarantee: bytes | None = None,
        sequence: int = 2,
        document: bytes = DOCUMENT,
        relay: str = "hangzhou",
        salt: bytes | None = None,
        signature: bytes | None = None,
    ) -> Receipt:
        """As it should be, apart from what is given."""
        guarantee = guarantee or self.terms.guarantee
        if signature is None:
            signature = self.sign_step(
                signer, event, guarantee=guarantee, sequence=sequence, document=document
            )
        arguments = (guarantee, event, document, signer.signer, salt or SALT, signature)
        return self.world.send(relay, self.contract, "step", *arguments)

    def state(self, terms: Terms | None = None) -> tuple[int, int, int]:
        """State, sequence and expiry."""
        return self.world.view(self.contract, "stateOf", (terms or self.terms).guarantee)
