"""Checking a sealed guarantee file, step by step, from the alliance descriptor alone.

What the ledger says of the guarantee and what the authority says of the seal's certificate nobody can know without
asking: those two steps are told as open, and are never taken for a gap that somebody allowed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.domain.bundle_check import Verifier
from node.domain.certificate import check_certificate
from node.domain.descriptor import alliance_domain, verifiers_of
from node.domain.guarantee_file import OpenedFile, check_seal, open_file, peek_attachment
from node.domain.guarantee_page import GlyphOf
from node.domain.signed_file import Finding, Verdict, judge
from node.domain.succession import follow_all, read_succession
from node.domain.trust import TrustList
from node.domain.verdict import Roots, Step, StepKind


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """What a checked file shows, and the steps that were checked, in order."""

    opened: OpenedFile
    seal: Verdict
    steps: Sequence[Step]
    roots: Roots


def trust_of(verifier: Verifier) -> TrustList:
    """The authorities that somebody believes who checks a file."""
    return verifier.trust or TrustList(verifier.descriptor.trust_anchors)


def verify_file(
    raw: bytes,
    glyph_of: GlyphOf,
    verifier: Verifier,
    read: Callable[[], Sequence[Finding]],
    now: int,
) -> VerifiedFile:
    """Check everything that can be checked without asking anybody.

    Args:
        raw: the file.
        glyph_of: the typeface.
        verifier: what is trusted.
        read: reads the signatures on the file; called once the rest is in order.
        now: seconds since 1970 UTC.

    Raises:
        NodeError: a step fails; the message says which.
    """
    descriptor, attachment = verifier.descriptor, peek_attachment(raw)
    members = follow_all(
        verifier.known, map(read_succession, attachment.successions), alliance_domain(descriptor)
    )
    opened = open_file(
        raw,
        glyph_of,
        alliance=descriptor.alliance,
        members=members,
        verifier=verifiers_of(descriptor).es256,
    )
    trust, terms = trust_of(verifier), opened.terms
    seal = check_seal(
        opened, [judge(one, lambda chain, at: check_certificate(chain, trust, at), now) for one in read()]
    )
    certified = check_certificate(seal.finding.chain, trust, seal.judged_at)
    stamp = StepKind.SEAL_STAMPED if seal.finding.stamped is not None else StepKind.SEAL_NOT_STAMPED
    status = StepKind.SEAL_STATUS_OPEN if certified.anchor.has_status else StepKind.NO_STATUS_SERVICE
    end = StepKind.GUARANTEE_OVER if now >= terms.exp else StepKind.GUARANTEE_STATE_OPEN
    steps = [
        Step(StepKind.ROOTS, {"member": terms.iss, "successions": len(attachment.successions)}),
        Step(
            StepKind.GUARANTEED,
            {
                "member": terms.iss,
                "number": terms.number,
                "amount": terms.amount,
                "currency": terms.currency,
                "time": terms.nbf,
                "until_time": terms.exp,
            },
        ),
        Step(StepKind.FILE_WHOLE, {"bytes": len(raw)}),
        Step(
            StepKind.SEALED,
            {"organisation": seal.organisation, "code": seal.credit_code, "authority": certified.anchor.id},
        ),
        Step(stamp, {"time": seal.judged_at}),
        Step(status, {"authority": certified.anchor.id}),
        Step(end, {"guarantee": attachment.guarantee, "contract": attachment.contract}),
    ]
    roots = Roots(
        verifier.digest,
        sorted(verifier.founders),
        sorted(verifier.known.keys() - verifier.founders.keys()),
        (),
        "founding" if verifier.trust is None else "given",
    )
    return VerifiedFile(opened, seal, steps, roots)
