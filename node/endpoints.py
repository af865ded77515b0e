"""What a node answers to: the gRPC services of its two listeners, and the use cases behind each."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import grpc
from heqi.v1 import (
    access_service_pb2_grpc,
    alliance_service_pb2_grpc,
    award_service_pb2_grpc,
    catalogue_service_pb2_grpc,
    desk_service_pb2_grpc,
    erasure_service_pb2_grpc,
    event_service_pb2_grpc,
    exchange_service_pb2_grpc,
    guarantee_file_service_pb2_grpc,
    guarantee_service_pb2_grpc,
    legal_service_pb2_grpc,
    log_service_pb2_grpc,
    login_service_pb2_grpc,
    notice_service_pb2_grpc,
    obligation_service_pb2_grpc,
    opening_service_pb2_grpc,
    record_service_pb2_grpc,
    recovery_service_pb2_grpc,
    registration_service_pb2_grpc,
    signature_service_pb2_grpc,
    system_service_pb2_grpc,
    trust_service_pb2_grpc,
    wallet_service_pb2_grpc,
)

from node.api.access_service import AccessService
from node.api.alliance_service import AllianceService
from node.api.award_service import AwardService
from node.api.caller import Callers
from node.api.catalogue_service import CatalogueService
from node.api.desk_service import DeskService
from node.api.erasure_service import ErasureService
from node.api.event_service import EventService
from node.api.exchange_service import ExchangeService
from node.api.guarantee_file_service import GuaranteeFileService
from node.api.guarantee_service import GuaranteeService
from node.api.legal_service import LegalService
from node.api.log_service import LogService
from node.api.login_service import LoginService
from node.api.notice_service import NoticeService
from node.api.obligation_service import ObligationService
from node.api.opening_service import OpeningService
from node.api.preparing import Preparing
from node.api.record_service import RecordService
from node.api.recovery_service import RecoveryService
from node.api.registration_service import RegistrationService
from node.api.server import Register
from node.api.signature_service import SignatureService
from node.api.system_service import SystemService
from node.api.trust_service import TrustService
from node.api.wallet_service import WalletService
from node.wiring import Services

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Edge:
    """What a service may need besides use cases."""

    callers: Callers
    preparing: Preparing


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One gRPC service."""

    name: str
    """In full, as health and reflection tell it."""
    register: Callable[[Services, Edge], Register]
    """Makes what adds it to a server."""


def _endpoint(
    name: str, add: Callable[[T, grpc.aio.Server], None], servicer: Callable[[Services, Edge], T]
) -> Endpoint:
    return Endpoint(f"heqi.v1.{name}", lambda services, edge: partial(add, servicer(services, edge)))


def _records(s: Services, edge: Edge) -> RecordService:
    return RecordService(
        s.records,
        s.parking,
        s.decisions,
        s.proving,
        s.exporting,
        s.listing,
        s.predecessors,
        s.feed,
        edge.preparing,
        edge.callers.check,
    )


def _exchange(s: Services, edge: Edge) -> ExchangeService:
    return ExchangeService(
        s.sharing,
        s.serving,
        s.inbox,
        s.legal_serving,
        s.log,
        s.cosignatures,
        s.catalogue,
        s.guarantee_delivery,
        s.awards,
        s.share_keeping,
        s.evaluations,
        s.sealed_issuing,
        edge.callers,
        s.clock,
    )


def _wallet(s: Services, _: Edge) -> WalletService:
    return WalletService(
        s.alliance,
        s.gate,
        s.registrations,
        s.sharing,
        s.serving,
        s.legal_history,
        s.clock,
        s.records,
        s.proving,
        s.codes,
        s.guarantee_steps,
        s.guarantee_views,
        s.guarantor,
        s.desk,
        s.line_desk,
        s.moving,
        s.exporting,
        s.logins,
        s.erasures,
        s.packages,
        s.agency,
        s.consents,
        s.notices,
        s.disputes,
        s.controllers,
        s.recoveries,
        s.awards,
        s.evaluations,
        s.guarantee_files,
        s.releases,
        s.reserving,
        s.sealed_issuing,
    )


MEMBERS = (
    _endpoint("RecordService", record_service_pb2_grpc.add_RecordServiceServicer_to_server, _records),
    _endpoint("ExchangeService", exchange_service_pb2_grpc.add_ExchangeServiceServicer_to_server, _exchange),
    _endpoint(
        "LegalService",
        legal_service_pb2_grpc.add_LegalServiceServicer_to_server,
        lambda s, edge: LegalService(s.legal_reading, s.proving, edge.callers),
    ),
    _endpoint(
        "AccessService",
        access_service_pb2_grpc.add_AccessServiceServicer_to_server,
        lambda s, _: AccessService(s.reading, s.kept_reads, s.proving),
    ),
    _endpoint(
        "AllianceService",
        alliance_service_pb2_grpc.add_AllianceServiceServicer_to_server,
        lambda s, _: AllianceService(s.alliance, s.membership, s.status, s.decisions, s.key_rotation),
    ),
    _endpoint(
        "TrustService",
        trust_service_pb2_grpc.add_TrustServiceServicer_to_server,
        lambda s, _: TrustService(s.recognition, s.trust_votes),
    ),
    _endpoint(
        "CatalogueService",
        catalogue_service_pb2_grpc.add_CatalogueServiceServicer_to_server,
        lambda s, _: CatalogueService(s.catalogue, s.catalogue_votes),
    ),
    _endpoint(
        "EventService",
        event_service_pb2_grpc.add_EventServiceServicer_to_server,
        lambda s, _: EventService(s.feed),
    ),
    _endpoint(
        "GuaranteeService",
        guarantee_service_pb2_grpc.add_GuaranteeServiceServicer_to_server,
        lambda s, _: GuaranteeService(
            s.guarantees,
            s.guarantor,
            s.guarantee_steps,
            s.guarantee_views,
            s.claim_payments,
            s.batch_checks,
            s.pledges,
            s.waivers,
        ),
    ),
    _endpoint(
        "GuaranteeFileService",
        guarantee_file_service_pb2_grpc.add_GuaranteeFileServiceServicer_to_server,
        lambda s, _: GuaranteeFileService(s.guarantee_files, s.taken_guarantees),
    ),
    _endpoint(
        "AwardService",
        award_service_pb2_grpc.add_AwardServiceServicer_to_server,
        lambda s, _: AwardService(s.awards),
    ),
    _endpoint(
        "ObligationService",
        obligation_service_pb2_grpc.add_ObligationServiceServicer_to_server,
        lambda s, _: ObligationService(s.obligations),
    ),
    _endpoint(
        "DeskService",
        desk_service_pb2_grpc.add_DeskServiceServicer_to_server,
        lambda s, _: DeskService(
            s.guarantor, s.desk, s.rules, s.line_desk, s.bank_orders, s.claim_payments, s.system_desk
        ),
    ),
    _endpoint(
        "OpeningService",
        opening_service_pb2_grpc.add_OpeningServiceServicer_to_server,
        lambda s, _: OpeningService(s.openings, s.revealing),
    ),
    _endpoint(
        "LoginService",
        login_service_pb2_grpc.add_LoginServiceServicer_to_server,
        lambda s, _: LoginService(s.logins),
    ),
    _endpoint(
        "RecoveryService",
        recovery_service_pb2_grpc.add_RecoveryServiceServicer_to_server,
        lambda s, _: RecoveryService(s.recoveries),
    ),
    _endpoint(
        "SignatureService",
        signature_service_pb2_grpc.add_SignatureServiceServicer_to_server,
        lambda s, _: SignatureService(s.verifying),
    ),
    _endpoint(
        "SystemService",
        system_service_pb2_grpc.add_SystemServiceServicer_to_server,
        lambda s, _: SystemService(s.systems, s.acts, s.proving),
    ),
    _endpoint(
        "ErasureService",
        erasure_service_pb2_grpc.add_ErasureServiceServicer_to_server,
        lambda s, _: ErasureService(s.erasures),
    ),
    _endpoint(
        "RegistrationService",
        registration_service_pb2_grpc.add_RegistrationServiceServicer_to_server,
        lambda s, _: RegistrationService(s.loading, s.attesting, s.look_ups, s.registrations),
    ),
    _endpoint(
        "NoticeService",
        notice_service_pb2_grpc.add_NoticeServiceServicer_to_server,
        lambda s, _: NoticeService(s.notices, s.disputes, s.consents, s.remarks),
    ),
    _endpoint(
        "LogService",
        log_service_pb2_grpc.add_LogServiceServicer_to_server,
        lambda s, _: LogService(s.alliance, s.log, s.cosignatures, s.witness),
    ),
)
"""For other members' nodes and this member's own systems."""

WALLETS = (_endpoint("WalletService", wallet_service_pb2_grpc.add_WalletServiceServicer_to_server, _wallet),)
"""For wallets, who show no certificate and sign each request."""
