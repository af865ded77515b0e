"""Batches of guarantees on the wire: the section first, then guarantees, each answered as it comes."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial

from heqi.v1 import guarantee_service_pb2 as pb

from node.domain.batch_check import Expected, SectionTerms
from node.domain.batch_finding import Finding
from node.domain.section import Party, amount_of
from node.domain.waiver import MAX_RULES, WaiverRule
from node.errors import InvalidError
from node.services.batch_checks import BatchChecks, JudgedPledge, JudgedWaiver
from node.services.guarantees import Checked
from node.services.pledges import Pledges
from node.services.waivers import Round, Waivers

_KINDS = frozenset({"bid", "performance", "quality"})
_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


async def answer_batch(  # noqa: PLR0917
    batches: BatchChecks,
    pledges: Pledges,
    waivers: Waivers,
    check: Callable[[pb.CheckGuaranteeRequest], Checked],
    message: Callable[[Checked], pb.CheckGuaranteeResponse],
    requests: AsyncIterator[pb.CheckGuaranteesRequest],
) -> AsyncIterator[pb.CheckGuaranteesResponse]:
    """Answer a stream.

    Args:
        batches: the use case.
        pledges: checks pledges.
        waivers: checks waivers.
        check: checks one guarantee by itself.
        message: its answer on the wire.
        requests: the stream.

    Raises:
        InvalidError: the messages come in another order, or the section's terms are malformed.
        TooLargeError: too many guarantees.
        StoreError: the database fails.
    """
    first = await anext(requests, None)
    if first is None or not first.HasField("section"):
        raise InvalidError("the first message names the section")
    batch = batches.begin(_terms(first.section))
    asked = Round()
    async for request in requests:
        if not request.HasField("shown"):
            raise InvalidError("after the section come guarantees")
        shown = request.shown
        if shown.pledge:
            await pledges.prepare(shown.pledge)
            pledge = batches.check_pledge(batch, partial(pledges.check, shown.pledge), shown.bidder_code)
            yield pb.CheckGuaranteesResponse(item=_pledge(pledge))
            continue
        if shown.waiver:
            statement = await waivers.ask(shown.waiver, asked)
            look = partial(waivers.check, shown.waiver, asked, statement)
            yield pb.CheckGuaranteesResponse(
                item=_waiver(batches.check_waiver(batch, look, shown.bidder_code))
            )
            continue
        judged = batches.check(batch, partial(check, shown.guarantee), shown.bidder_code)
        item = pb.CheckedItem(number=judged.number, findings=[_finding(one) for one in judged.findings])
        if judged.checked is not None:
            item.check.CopyFrom(message(judged.checked))
        yield pb.CheckGuaranteesResponse(item=item)
    summary = pb.BatchSummary(
        findings=[_finding(one) for one in (*batch.close(), *batch.not_compared())],
        count=batch.count,
        valid_count=batch.valid,
        faulty_count=batch.faulty,
        has_bidders=batch.terms.bidders is not None,
        terms=_told(batch.terms),
    )
    yield pb.CheckGuaranteesResponse(summary=summary)


def _pledge(judged: JudgedPledge) -> pb.CheckedItem:
    item = pb.CheckedItem(number=judged.number, findings=[_finding(one) for one in judged.findings])
    if (checked := judged.checked) is not None:
        verdict = pb.CheckGuaranteeResponse.Verdict.Value(f"VERDICT_{checked.verdict.value}")
        told = pb.CheckedPledge(
            verdict=verdict,
            reason=checked.reason,
            credit_code=checked.credit_code,
            name=checked.organisation,
        )
        if checked.terms is not None:
            told.amount, told.currency = checked.terms.amount, checked.terms.currency
            told.end_time_seconds = checked.terms.exp
        item.pledge.CopyFrom(told)
    return item


def _waiver(judged: JudgedWaiver) -> pb.CheckedItem:
    item = pb.CheckedItem(number=judged.number, findings=[_finding(one) for one in judged.findings])
    if (checked := judged.checked) is not None:
        told = pb.CheckedWaiver(
            verdict=pb.CheckGuaranteeResponse.Verdict.Value(f"VERDICT_{checked.verdict.value}"),
            reason=checked.reason,
            credit_code=checked.credit_code,
            name=checked.organisation,
            state=checked.state,
            since_seconds=checked.since,
            evaluation_state=checked.statement,
            waived_percent=judged.share,
        )
        if checked.terms is not None and (evaluation := checked.evaluation) is not None:
            told.home = checked.terms.home
            told.evaluator, told.scale, told.grade = evaluation.evaluator, evaluation.scale, evaluation.grade
            told.first_day, told.last_day = evaluation.first.isoformat(), evaluation.last.isoformat()
        item.waiver.CopyFrom(told)
    return item


def _rule(given: pb.WaiverRule) -> WaiverRule:
    shares = tuple((one.grade, one.share_percent) for one in given.grades)
    return WaiverRule(given.evaluator, given.scale, shares, tuple(given.recorders))


def _terms(given: pb.SectionTerms) -> SectionTerms:
    kind = given.guarantee_kind or "bid"
    if kind not in _KINDS:
        raise InvalidError(f"guarantee_kind is one of {', '.join(sorted(_KINDS))}")
    if len(given.waivers) > MAX_RULES:
        raise InvalidError(f"at most {MAX_RULES} waiver rules")
    amounts = []
    for name, text in (("demanded_amount", given.demanded_amount), ("base_amount", given.base_amount)):
        amount = amount_of(text) if text else None
        if text and amount is None:
            raise InvalidError(f"{name} is not a plain decimal")
        amounts.append(amount)
    if not 0 <= given.valid_until_seconds <= _LAST_SECOND:
        raise InvalidError("valid_until_seconds is no time")
    return SectionTerms(
        section=given.section,
        centre="",
        kind=kind,
        demanded=amounts[0],
        base=amounts[1],
        currency=given.currency or "CNY",
        valid_until=given.valid_until_seconds,
        beneficiary_name=given.beneficiary_name,
        beneficiary_key=given.beneficiary_key,
        takes_pledges=given.takes_pledges,
        pledge_text=given.pledge_text_sha256,
        waivers=tuple(map(_rule, given.waivers)),
        bidders=tuple(_listed(one) for one in given.bidders) or None,
    )


def _listed(given: pb.ListedBidder) -> Expected:
    if not given.credit_code and not given.name:
        raise InvalidError("a bidder on the list has a credit code or a name")
    others = (Party(code, "") for code in given.member_codes)
    return Expected(
        (Party(given.credit_code, given.name), *others),
        given.guarantor,
        given.number,
        is_secured=given.is_secured,
    )


def _told(terms: SectionTerms) -> pb.SectionTerms:
    """What was compared, without the list, which the findings name as far as need be."""
    return pb.SectionTerms(
        section=terms.section,
        guarantee_kind=terms.kind,
        demanded_amount="" if terms.demanded is None else f"{terms.demanded:f}",
        base_amount="" if terms.base is None else f"{terms.base:f}",
        currency=terms.currency,
        valid_until_seconds=terms.valid_until,
        beneficiary_name=terms.beneficiary_name,
        beneficiary_key=terms.beneficiary_key,
        takes_pledges=terms.takes_pledges,
        pledge_text_sha256=terms.pledge_text,
        waivers=[
            pb.WaiverRule(
                evaluator=rule.evaluator,
                scale=rule.scale,
                grades=[pb.WaivedGrade(grade=grade, share_percent=share) for grade, share in rule.shares],
                recorders=rule.recorders,
            )
            for rule in terms.waivers
        ],
    )


def _finding(finding: Finding) -> pb.GuaranteeFinding:
    return pb.GuaranteeFinding(
        fault=finding.fault.value,
        expected=finding.expected,
        found=finding.found,
        other_number=finding.other,
        bidder_code="" if finding.bidder is None else finding.bidder.code,
        bidder_name="" if finding.bidder is None else finding.bidder.name,
    )
