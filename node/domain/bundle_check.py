"""Checking a bundle, step by step, from the alliance descriptor alone.

The order is that of `docs/formats/bundle.md`: keys, records, witnesses, ledger, authority, custody. The first thing
that is false ends it; what is merely not there ends it too, unless the verifier's owner allowed that gap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from node.domain.bundle import Bundle, bundle_digest
from node.domain.certificate import CertificateIdentity
from node.domain.consent import RecordedConsent
from node.domain.custody import Custody, check_custody
from node.domain.descriptor import (
    Descriptor,
    alliance_domain,
    descriptor_digest,
    founders_of,
    known_members,
    member_of,
)
from node.domain.document import open_members_document
from node.domain.evidence import VerifiedEvidence, verify_evidence
from node.domain.grant import Grant
from node.domain.legal_check import VerifiedLegalRead, check_legal_read
from node.domain.legal_read import LegalRequest
from node.domain.log_check import LogStanding, Witnessed, check_log
from node.domain.member import Member
from node.domain.read_check import VerifiedRead, check_grant_on_ledger, check_read
from node.domain.succession import follow_all, read_succession
from node.domain.trust import TrustList
from node.domain.validity import Circumstances
from node.domain.verdict import Gap, Roots, Step, StepKind
from node.errors import CustodyError, GapError, VerificationError


@dataclass(frozen=True)
class Verifier:
    """What somebody who checks bundles trusts, and how much a bundle may lack.

    Cards are checked once, at the first bundle.
    """

    descriptor: Descriptor
    """Checked; the root of everything."""
    cards: Sequence[str] = ()
    """Cards of later members that are trusted too, compact JWS."""
    trust: TrustList | None = None
    """The list of authorities to believe; the founding one if None."""
    allowed: frozenset[Gap] = frozenset()

    @cached_property
    def founders(self) -> dict[str, Member]:
        """By name.

        Raises:
            NodeError: a card in the descriptor is false.
        """
        return founders_of(self.descriptor)

    @cached_property
    def known(self) -> dict[str, Member]:
        """All members whose keys are trusted, by name.

        Raises:
            NodeError: a card is false, or takes a founder's place.
        """
        return known_members(self.descriptor, self.cards)

    @cached_property
    def digest(self) -> str:
        """Of the descriptor, hex."""
        return descriptor_digest(self.descriptor)

    def require(self, gap: Gap, lacking: str) -> None:
        """Go on without something only where that is allowed.

        Raises:
            GapError: it is not.
        """
        if gap not in self.allowed:
            raise GapError(f"the bundle lacks {lacking} (--without-{gap.value} goes on without)")


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """What a checked bundle shows, and the steps that were checked, in order."""

    evidence: VerifiedEvidence
    grant: Grant | None
    identity: CertificateIdentity | None
    steps: Sequence[Step]
    roots: Roots
    legal: LegalRequest | None = None
    """What was asked for without a grant, where that is the right by which the records were read."""


def verify_bundle(bundle: Bundle, verifier: Verifier) -> VerifiedBundle:
    """Check everything that a bundle says.

    Raises:
        GapError: it lacks something that `verifier` does not allow to lack.
        NodeError: a step fails; the message says which.
    """
    descriptor = verifier.descriptor
    if bundle.alliance != descriptor.alliance:
        raise VerificationError("the bundle belongs to another alliance than the descriptor")
    members = follow_all(
        verifier.known, map(read_succession, bundle.successions), alliance_domain(descriptor)
    )
    home = member_of(members, bundle.member)
    evidence = verify_evidence(
        bundle.evidence, alliance=bundle.alliance, member=home.name, log_key=home.log_key_at
    )
    log = check_log(bundle, evidence.checkpoint, members, descriptor)
    steps = [
        Step(StepKind.ROOTS, {"member": home.name, "successions": len(bundle.successions)}),
        Step(StepKind.CHECKPOINT, {"member": home.name, "size": evidence.checkpoint.size}),
        Step(StepKind.RECORDS, {"count": len(evidence.records)}),
        _witness_step(log.witnessed, verifier),
        _anchor_step(log, home.name, verifier),
    ]
    read: VerifiedRead | None = None
    legal: VerifiedLegalRead | None = None
    if bundle.authority is not None and bundle.legal is not None:
        raise VerificationError("the bundle shows a grant and a legal basis for one read")
    if bundle.legal is not None:
        legal = check_legal_read(bundle.legal, bundle, evidence, members)
        steps += _legal_steps(legal, home.name)
    if bundle.authority is not None:
        circumstances = Circumstances(descriptor.alliance, *_believed(verifier))
        read = check_read(bundle.authority, bundle, evidence, circumstances, members)
        steps += [*_read_steps(read, home.name), _grant_step(read, log, verifier)]
    steps.append(_custody_step(bundle, evidence, members, log, read or legal, verifier))
    roots = Roots(
        verifier.digest,
        sorted(verifier.founders),
        sorted(verifier.known.keys() - verifier.founders.keys()),
        log.witnessed.names,
        "" if read is None else "founding" if verifier.trust is None else "given",
    )
    if read is None:
        return VerifiedBundle(evidence, None, None, steps, roots, None if legal is None else legal.request)
    return VerifiedBundle(evidence, read.grant, read.judged.identity, steps, roots)


def _believed(verifier: Verifier) -> tuple[TrustList, int, frozenset[str]]:
    trust = verifier.trust or TrustList(verifier.descriptor.trust_anchors)
    lenient = (anchor.id for anchor in trust.anchors if Gap.STATUS in verifier.allowed)
    return trust, 0, frozenset(lenient)


def _witness_step(witnessed: Witnessed, verifier: Verifier) -> Step:
    names = ", ".join(witnessed.names)
    about: dict[str, str | int] = {"names": names, "needed": witnessed.needed, "others": witnessed.others}
    if witnessed.is_enough:
        return Step(StepKind.WITNESSED, about)
    have = len(witnessed.names)
    verifier.require(Gap.WITNESSES, f"cosignatures: {have} of the {witnessed.needed} needed")
    return Step(StepKind.NOT_WITNESSED, about)


def _anchor_step(log: LogStanding, home: str, verifier: Verifier) -> Step:
    state = log.anchored
    if state is None:
        verifier.require(Gap.LEDGER, "proofs of what the ledger held")
        return Step(StepKind.NOT_ANCHORED, {"member": home})
    about: dict[str, str | int] = {
        "member": home,
        "block": state.block.number,
        "hash": state.block.hash.hex(),
        "time": state.block.time,
    }
    return Step(StepKind.ANCHORED, about)


def _read_steps(read: VerifiedRead, home: str) -> list[Step]:
    identity, grant = read.judged.identity, read.grant
    if read.judged.is_status_known:
        status = StepKind.NOT_REVOKED
    elif identity.anchor.has_status:
        status = StepKind.STATUS_UNKNOWN
    else:
        status = StepKind.NO_STATUS_SERVICE
    recorded = sum(isinstance(one, RecordedConsent) for one in read.consents)
    counted: dict[str, str | int] = {"signed": len(read.consents) - recorded, "recorded": recorded}
    return [
        Step(StepKind.CERTIFICATE, {"code": identity.credit_code}),
        Step(status, {"authority": identity.anchor.id}),
        Step(StepKind.GRANTED, {"reader": read.reader, "purpose": grant.purpose}),
        *([Step(StepKind.CONSENTED, counted)] if read.consents else []),
        Step(
            StepKind.ANSWERED,
            {"member": home, "reader": read.reader, "time": read.answer.iat, "as_of": read.answer.as_of},
        ),
    ]


def _legal_steps(legal: VerifiedLegalRead, home: str) -> list[Step]:
    request, answer = legal.request, legal.answer
    about: dict[str, str | int] = {
        "reader": legal.reader,
        "basis": request.basis,
        "authority": request.authority,
        "case": request.case,
        "officers": f"{request.officer}, {request.second}",
    }
    answered: dict[str, str | int] = {
        "member": home,
        "reader": legal.reader,
        "time": answer.iat,
        "as_of": answer.as_of,
    }
    return [Step(StepKind.LEGAL_BASIS, about), Step(StepKind.ANSWERED, answered)]


def _grant_step(read: VerifiedRead, log: LogStanding, verifier: Verifier) -> Step:
    state = check_grant_on_ledger(read, log.states)
    if state is None:
        verifier.require(Gap.LEDGER, "a proof that the ledger held the grant")
        return Step(StepKind.GRANT_NOT_SHOWN, {})
    return Step(StepKind.GRANT_ON_LEDGER, {"block": state.block.number, "time": state.block.time})


def _custody_step(  # noqa: PLR0917
    bundle: Bundle,
    evidence: VerifiedEvidence,
    members: dict[str, Member],
    log: LogStanding,
    read: VerifiedRead | VerifiedLegalRead | None,
    verifier: Verifier,
) -> Step:
    if not bundle.custody:
        verifier.require(Gap.CUSTODY, "the keeper's statement")
        return Step(StepKind.NOT_KEPT, {})
    keeper = member_of(members, bundle.member if read is None else read.reader)
    custody = open_members_document(bundle.custody, Custody, keeper.identity_keys)
    if (custody.iss, custody.alliance) != (keeper.name, bundle.alliance):
        raise CustodyError("the keeper's statement is of another member or alliance")
    if bool(custody.obtained) != (read is not None):
        raise CustodyError("the keeper says otherwise how it came by the records")
    check_custody(
        custody,
        evidence.records,
        bundle=bundle_digest(bundle),
        before=[state.block.time for state in log.states] + ([] if read is None else [read.answer.iat]),
    )
    about: dict[str, str | int] = {
        "member": keeper.name,
        "time": custody.iat,
        "software": custody.software,
        "block": custody.clock.block,
        "block_time": custody.clock.time,
    }
    return Step(StepKind.KEPT, about)
