"""A node's state to and from `heqi.v1` messages."""

from heqi.v1 import alliance_service_pb2 as pb

from node.domain.member import Member, Role
from node.errors import CodeFormatError, PeerError
from node.probes import (
    Examination,
    Expiry,
    GuaranteeFacts,
    LogAlarm,
    MemberFacts,
    NodeState,
    ParkedCall,
)


def message_from_state(state: NodeState) -> pb.GetDiagnosisResponse:
    """The message for a state."""
    message = pb.GetDiagnosisResponse(
        version=state.version,
        block_number=state.block_number,
        block_hash=state.block_hash,
        log_size=state.log_size,
        checkpoint_size=state.through_size,
        root=state.root,
        root_problem=state.root_trouble,
        outbox_count=state.outbox_count,
        outbox_oldest_seconds=state.outbox_oldest_seconds,
        parked_item_count=state.outbox_parked_count,
        parked_count=state.parked,
        waiting_proof_count=state.proofs_waiting,
        waiting_proof_oldest_seconds=state.proofs_oldest_seconds,
        lost_proof_count=state.proofs_lost,
    )
    for facts in state.members:
        member = pb.Member(
            name=facts.member.name,
            roles=int(facts.member.roles),
            active=facts.active,
            endpoint=facts.member.endpoint,
            wallet_endpoint=facts.member.wallet_endpoint,
            identity_key=facts.member.identity_key,
            log_key=facts.member.log_key,
        )
        message.members.add(
            member=member,
            account=facts.member.account,
            sealing_key=facts.member.sealing_key,
            former_identities=[
                pb.FormerIdentity(key=one.identity_key, until_time_seconds=one.identity_until)
                for one in facts.member.former
                if one.identity_until is not None
            ],
        )
    for item in state.outbox_parked:
        message.parked_items.add(number=item.number, object=item.object, state="parked", problem=item.problem)
    for alarm in state.alarms:
        message.alarms.add(number=alarm.number, member=alarm.member, fault=alarm.fault)
    message.overdue_erasure_count = state.erasures_overdue
    message.oldest_erasure_seconds = state.erasure_oldest_seconds
    message.waiting_notice_count = state.notices_waiting
    message.oldest_notice_seconds = state.notices_oldest_seconds
    message.missing_legal_receipt_count = state.legal_receipts_missing
    message.oldest_legal_receipt_seconds = state.legal_receipt_oldest_seconds
    message.erasure_list_problem = state.erasure_list_trouble
    for category, problem in state.definitions_lacking:
        message.lacking_definitions.add(category=category, problem=problem)
    for end in state.expiries:
        message.expiries.add(what=end.name, expire_time_seconds=end.ends, lead_days=end.lead_days)
    message.guarantees.CopyFrom(_guarantees_message(state.guarantees))
    return message


def _guarantees_message(facts: GuaranteeFacts) -> pb.DiagnosedGuarantees:
    message = pb.DiagnosedGuarantees(
        undelivered_step_count=facts.steps_undelivered,
        oldest_undelivered_step_seconds=facts.steps_oldest_seconds,
        undelivered_to=facts.steps_to,
        exceeded_line_guarantees=facts.lines_exceeded,
        late_openings=facts.openings_late,
        opening_key_count=facts.opening_keys,
        calendar_years=facts.years,
        parked_order_count=facts.orders_parked,
        troubled_system_order_count=facts.system_troubles,
        open_order_count=facts.orders_open,
        oldest_order_seconds=facts.orders_oldest_seconds,
        waiting_application_count=facts.desk_waiting,
        oldest_application_seconds=facts.desk_oldest_seconds,
        rules_problem=facts.rules_trouble,
        due_payment_count=facts.payments_due,
        oldest_due_payment_seconds=facts.payments_oldest_seconds,
        unstated_payment_count=facts.payments_unstated,
    )
    for one in facts.examinations:
        message.examinations.add(
            guarantee_id=one.guarantee, due_time_seconds=one.due, days_left=one.days_left
        )
    for opening, missing in facts.openings_short:
        message.short_openings.add(opening_id=opening, missing=missing)
    return message


def _guarantees(message: pb.DiagnosedGuarantees) -> GuaranteeFacts:
    return GuaranteeFacts(
        steps_undelivered=message.undelivered_step_count,
        steps_oldest_seconds=message.oldest_undelivered_step_seconds,
        steps_to=list(message.undelivered_to),
        lines_exceeded=list(message.exceeded_line_guarantees),
        examinations=[
            Examination(one.guarantee_id, one.due_time_seconds, one.days_left) for one in message.examinations
        ],
        openings_late=list(message.late_openings),
        openings_short=[(one.opening_id, one.missing) for one in message.short_openings],
        opening_keys=message.opening_key_count,
        years=list(message.calendar_years),
        orders_parked=message.parked_order_count,
        system_troubles=message.troubled_system_order_count,
        orders_open=message.open_order_count,
        orders_oldest_seconds=message.oldest_order_seconds,
        desk_waiting=message.waiting_application_count,
        desk_oldest_seconds=message.oldest_application_seconds,
        rules_trouble=message.rules_problem,
        payments_due=message.due_payment_count,
        payments_oldest_seconds=message.oldest_due_payment_seconds,
        payments_unstated=message.unstated_payment_count,
    )


def state_from_message(message: pb.GetDiagnosisResponse) -> NodeState:
    """The state that a running node's message states.

    Raises:
        PeerError: a member in it is malformed.
    """
    try:
        members = [MemberFacts(_member(one), one.member.active) for one in message.members]
    except (CodeFormatError, ValueError) as error:
        raise PeerError(f"the node answers with a malformed member: {error}") from error
    return NodeState(
        is_running=True,
        version=message.version,
        block_number=message.block_number,
        block_hash=message.block_hash,
        log_size=message.log_size,
        through_size=message.checkpoint_size,
        root=message.root,
        root_trouble=message.root_problem,
        members=members,
        outbox_count=message.outbox_count,
        outbox_oldest_seconds=message.outbox_oldest_seconds,
        outbox_parked=[ParkedCall(i.number, i.object, i.problem) for i in message.parked_items],
        outbox_parked_count=message.parked_item_count,
        parked=message.parked_count,
        expiries=[Expiry(one.what, one.expire_time_seconds, one.lead_days) for one in message.expiries],
        alarms=[LogAlarm(alarm.number, alarm.member, alarm.fault) for alarm in message.alarms],
        proofs_waiting=message.waiting_proof_count,
        proofs_oldest_seconds=message.waiting_proof_oldest_seconds,
        proofs_lost=message.lost_proof_count,
        erasures_overdue=message.overdue_erasure_count,
        erasure_oldest_seconds=message.oldest_erasure_seconds,
        notices_waiting=message.waiting_notice_count,
        notices_oldest_seconds=message.oldest_notice_seconds,
        legal_receipts_missing=message.missing_legal_receipt_count,
        legal_receipt_oldest_seconds=message.oldest_legal_receipt_seconds,
        erasure_list_trouble=message.erasure_list_problem,
        guarantees=_guarantees(message.guarantees),
        definitions_lacking=[(one.category, one.problem) for one in message.lacking_definitions],
    )


def _member(one: pb.DiagnosedMember) -> Member:
    member = Member(
        name=one.member.name,
        roles=Role(one.member.roles),
        account=one.account,
        identity_key=one.member.identity_key,
        log_key=one.member.log_key,
        sealing_key=one.sealing_key,
        endpoint=one.member.endpoint,
        wallet_endpoint=one.member.wallet_endpoint,
    )
    for former in one.former_identities:
        member = member.with_former_identity(former.key, former.until_time_seconds)
    return member
