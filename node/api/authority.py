"""Who may call what: one table of all methods, and nothing else decides. docs/access.md is made from it.

A method that is not in the table can be called by nobody; a test goes over every method of every service.
"""

import enum
from dataclasses import dataclass

from node.domain.duties import Act
from node.domain.system import SystemRole

KIB, MIB = 1 << 10, 1 << 20


class Party(enum.Flag):
    """Who calls."""

    OPERATOR = enum.auto()
    WRITER = enum.auto()
    READER = enum.auto()
    SUPERVISOR = enum.auto()
    OFFICER = enum.auto()
    MEMBER = enum.auto()
    """The node of an active member of the alliance; of one at rest too, where it does its duty (`Rule.duty`)."""
    WALLET = enum.auto()
    """Anybody on the wallets' listener: the signed document in each request says who it is."""


OPERATOR, WRITER, READER, SUPERVISOR = Party.OPERATOR, Party.WRITER, Party.READER, Party.SUPERVISOR
OFFICER = Party.OFFICER
MEMBER, WALLET = Party.MEMBER, Party.WALLET
SYSTEMS = OPERATOR | WRITER | READER | SUPERVISOR | OFFICER
ANYBODY = SYSTEMS | MEMBER | WALLET
PARTY_OF_ROLE = {role.value: Party[role.name] for role in SystemRole}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a method asks of its callers."""

    who: Party
    size: int = 64 * KIB
    """Largest message it takes, in bytes."""
    duty: Act | None = None
    """What a member does by the call: it may in every standing in which it may do that (`domain/duties.py`)."""


_HEALTH = "/grpc.health.v1.Health/"
_RECORDS, _ACCESS, _ALLIANCE = (
    "/heqi.v1.RecordService/",
    "/heqi.v1.AccessService/",
    "/heqi.v1.AllianceService/",
)
_EVENTS, _GUARANTEES, _SYSTEMS = (
    "/heqi.v1.EventService/",
    "/heqi.v1.GuaranteeService/",
    "/heqi.v1.SystemService/",
)
_GUARANTEE_FILES, _AWARDS = "/heqi.v1.GuaranteeFileService/", "/heqi.v1.AwardService/"
_EXCHANGE, _WALLET = "/heqi.v1.ExchangeService/", "/heqi.v1.WalletService/"
_TRUST, _CATALOGUE = "/heqi.v1.TrustService/", "/heqi.v1.CatalogueService/"
_ERASURES, _NOTICES = "/heqi.v1.ErasureService/", "/heqi.v1.NoticeService/"
_LEGAL, _REGISTRATIONS = "/heqi.v1.LegalService/", "/heqi.v1.RegistrationService/"
_OBLIGATIONS = "/heqi.v1.ObligationService/"
_DESK = "/heqi.v1.DeskService/"
_RECOVERIES, _OPENINGS = "/heqi.v1.RecoveryService/", "/heqi.v1.OpeningService/"
_LOGS, _LOGINS, _SIGNATURES = "/heqi.v1.LogService/", "/heqi.v1.LoginService/", "/heqi.v1.SignatureService/"

RULES: dict[str, Rule] = {
    # -- records -----------------------------------------------------------------------------------------
    _RECORDS + "AppendRecords": Rule(OPERATOR | WRITER, 16 * MIB),
    _RECORDS + "GetLastSequence": Rule(OPERATOR | WRITER),
    _RECORDS + "ProveRecord": Rule(OPERATOR | READER),
    _RECORDS + "ProveCase": Rule(OPERATOR | READER),
    _RECORDS + "ExportRecord": Rule(OPERATOR | READER),
    _RECORDS + "ListRecords": Rule(OPERATOR | READER),
    _RECORDS + "ListParkedRecords": Rule(OPERATOR | WRITER),
    _RECORDS + "ReleaseParkedRecord": Rule(OPERATOR),
    _RECORDS + "DropParkedRecord": Rule(OPERATOR),
    # -- other centres' data, under grants ---------------------------------------------------------------
    _ACCESS + "RequestAccess": Rule(OPERATOR | READER),
    _ACCESS + "ListAccessRequests": Rule(OPERATOR | READER),
    _ACCESS + "FetchRecords": Rule(OPERATOR | READER),
    _ACCESS + "GetKeptRecords": Rule(OPERATOR | READER),
    _ACCESS + "GetBundle": Rule(OPERATOR | READER),
    # -- a centre's existing registrations -----------------------------------------------------------------
    _REGISTRATIONS + "LoadRegistrations": Rule(OPERATOR, 16 * MIB),
    # -- reads on a legal basis; not even the operator may sign for an officer ------------------------------
    _LEGAL + "SubmitLegalRequest": Rule(OFFICER, MIB),
    _LEGAL + "ListLegalRequests": Rule(OFFICER),
    _LEGAL + "CountersignLegalRequest": Rule(OFFICER),
    _LEGAL + "FetchLegalRecords": Rule(OFFICER),
    _LEGAL + "GetLegalBundle": Rule(OFFICER),
    # -- guarantees --------------------------------------------------------------------------------------
    _GUARANTEES + "CheckGuarantee": Rule(OPERATOR | WRITER | READER),
    _GUARANTEES + "CheckGuarantees": Rule(OPERATOR | READER, MIB),
    _GUARANTEES + "ListApplications": Rule(OPERATOR),
    _GUARANTEES + "AssessApplication": Rule(OPERATOR),
    _GUARANTEES + "IssueGuarantee": Rule(OPERATOR),
    _GUARANTEES + "RefuseApplication": Rule(OPERATOR),
    _GUARANTEES + "StepGuarantee": Rule(OPERATOR, MIB),
    _GUARANTEES + "GetGuaranteeLife": Rule(OPERATOR | READER),
    _GUARANTEES + "ListClaims": Rule(OPERATOR | READER),
    _OPENINGS + "AnnounceOpening": Rule(OPERATOR),
    _OPENINGS + "PostponeOpening": Rule(OPERATOR),
    _OPENINGS + "OpenTender": Rule(OPERATOR | WRITER),
    _OPENINGS + "ListOpenings": Rule(OPERATOR | WRITER | READER),
    _OPENINGS + "RevealGuarantees": Rule(OPERATOR | WRITER, 16 * MIB),
    _GUARANTEE_FILES + "MakeGuaranteeFile": Rule(OPERATOR),
    _GUARANTEE_FILES + "CheckGuaranteeFile": Rule(OPERATOR | WRITER | READER, 4 * MIB),
    _GUARANTEE_FILES + "TakeGuaranteeFile": Rule(OPERATOR | WRITER, 4 * MIB),
    _GUARANTEE_FILES + "ListTakenGuaranteeFiles": Rule(OPERATOR | READER),
    _AWARDS + "FetchAwards": Rule(OPERATOR, MIB),
    _OBLIGATIONS + "ListObligations": Rule(OPERATOR | READER),
    # -- the alliance and this member's part in it -------------------------------------------------------
    _ALLIANCE + "GetNodeStatus": Rule(SYSTEMS),
    _ALLIANCE + "GetDiagnosis": Rule(OPERATOR | SUPERVISOR),
    _ALLIANCE + "ListMembers": Rule(SYSTEMS),
    _ALLIANCE + "ListProposals": Rule(OPERATOR | SUPERVISOR),
    _ALLIANCE + "ProposeAdmission": Rule(OPERATOR),
    _ALLIANCE + "ProposeStanding": Rule(OPERATOR),
    _ALLIANCE + "ProposeRoles": Rule(OPERATOR),
    _ALLIANCE + "ProposeContract": Rule(OPERATOR),
    _ALLIANCE + "ProposeVerifier": Rule(OPERATOR),
    _ALLIANCE + "ProposeCalendar": Rule(OPERATOR),
    _ALLIANCE + "ListCalendar": Rule(SYSTEMS),
    _ALLIANCE + "TakeStandingStep": Rule(OPERATOR),
    _ALLIANCE + "ListContracts": Rule(OPERATOR | SUPERVISOR),
    _ALLIANCE + "CastVote": Rule(OPERATOR),
    _ALLIANCE + "ReleaseOutboxItem": Rule(OPERATOR),
    _ALLIANCE + "DropOutboxItem": Rule(OPERATOR),
    _ALLIANCE + "ListKeys": Rule(OPERATOR | SUPERVISOR),
    _ALLIANCE + "RotateKeys": Rule(OPERATOR),
    _TRUST + "ListAuthorities": Rule(SYSTEMS),
    _TRUST + "ProposeAuthority": Rule(OPERATOR),
    _CATALOGUE + "ListDefinitions": Rule(SYSTEMS),
    _CATALOGUE + "ProposeDefinition": Rule(OPERATOR, 256 * KIB),
    # -- a guarantor's desk ------------------------------------------------------------------------------
    _DESK + "GetApplication": Rule(OPERATOR),
    _DESK + "AskApplicant": Rule(OPERATOR),
    _DESK + "OfferGuarantee": Rule(OPERATOR),
    # The system that keeps the guarantor's accounts confirms payments, and needs to do nothing else.
    _DESK + "ConfirmFee": Rule(OPERATOR | WRITER),
    _DESK + "LapseOffer": Rule(OPERATOR),
    _DESK + "GetRules": Rule(OPERATOR),
    _DESK + "LoadRules": Rule(OPERATOR),
    _DESK + "CheckRules": Rule(OPERATOR, 128 * KIB),
    _DESK + "GrantLine": Rule(OPERATOR),
    _DESK + "ChangeLine": Rule(OPERATOR),
    _DESK + "GetCreditLine": Rule(OPERATOR),
    _DESK + "ProveLine": Rule(OPERATOR),
    _DESK + "ListBankOrders": Rule(OPERATOR),
    _DESK + "DecideBankOrder": Rule(OPERATOR),
    _DESK + "ListClaimPayments": Rule(OPERATOR),
    _DESK + "GetClaimPayment": Rule(OPERATOR),
    _DESK + "PayClaim": Rule(OPERATOR),
    _DESK + "CloseClaimPayment": Rule(OPERATOR),
    _DESK + "ListSystemOrders": Rule(OPERATOR),
    _DESK + "ReferApplication": Rule(OPERATOR),
    _DESK + "DecideSystemOrder": Rule(OPERATOR),
    _DESK + "GetSystemFile": Rule(OPERATOR),
    # -- what happens at this node -----------------------------------------------------------------------
    _EVENTS + "Watch": Rule(OPERATOR | WRITER | READER),
    # -- logs, the own and the others' ------------------------------------------------------------------
    _LOGS + "GetLogStatus": Rule(OPERATOR | SUPERVISOR),
    _LOGS + "ListAlarms": Rule(OPERATOR | SUPERVISOR),
    _LOGS + "SettleAlarm": Rule(OPERATOR),
    # -- bidders who log in, signatures on files ---------------------------------------------------------
    _RECOVERIES + "ListRecoveries": Rule(OPERATOR),
    _RECOVERIES + "ConfirmRecovery": Rule(OPERATOR),
    _LOGINS + "CreateLogin": Rule(OPERATOR | WRITER),
    _LOGINS + "GetLogin": Rule(OPERATOR | WRITER),
    _LOGINS + "WatchLogin": Rule(OPERATOR | WRITER),
    _SIGNATURES + "VerifySignature": Rule(OPERATOR | WRITER | READER, 4 * MIB),
    # -- systems and acts --------------------------------------------------------------------------------
    _SYSTEMS + "IssueCertificate": Rule(OPERATOR),
    _SYSTEMS + "ListCertificates": Rule(OPERATOR | SUPERVISOR),
    _SYSTEMS + "RevokeCertificate": Rule(OPERATOR),
    _SYSTEMS + "ListActs": Rule(OPERATOR | SUPERVISOR),
    _SYSTEMS + "ProveAct": Rule(OPERATOR | SUPERVISOR),
    # -- subjects that are registered here ------------------------------------------------------------------
    _REGISTRATIONS + "AttestRecord": Rule(OPERATOR),
    _REGISTRATIONS + "ListAttestations": Rule(OPERATOR),
    _REGISTRATIONS + "LookUpRegistry": Rule(OPERATOR),
    # -- erasure ------------------------------------------------------------------------------------------
    _ERASURES + "ListErasures": Rule(OPERATOR | SUPERVISOR),
    _ERASURES + "GetErasure": Rule(OPERATOR | SUPERVISOR),
    _ERASURES + "EraseSubject": Rule(OPERATOR),
    _ERASURES + "AcceptErasureList": Rule(OPERATOR),
    # -- what holders are told, disputes ------------------------------------------------------------------
    _NOTICES + "ListNotices": Rule(OPERATOR | SUPERVISOR),
    _NOTICES + "ListDisputes": Rule(OPERATOR),
    _NOTICES + "SettleDispute": Rule(OPERATOR),
    _NOTICES + "WithdrawRecordedConsent": Rule(OPERATOR),
    _NOTICES + "ListRemarks": Rule(OPERATOR | READER),
    # -- between members' nodes --------------------------------------------------------------------------
    _EXCHANGE + "SubmitAccessRequest": Rule(MEMBER, MIB),
    _EXCHANGE + "CollectGrant": Rule(MEMBER, MIB),
    _EXCHANGE + "ReadRecords": Rule(MEMBER, MIB),
    _EXCHANGE + "ReadAwards": Rule(MEMBER, MIB),
    _EXCHANGE + "SubmitReceipt": Rule(MEMBER),
    _EXCHANGE + "SubmitNotice": Rule(MEMBER),
    _EXCHANGE + "LodgeGuaranteeStep": Rule(MEMBER, MIB, Act.STEP),
    _EXCHANGE + "ReadOnLegalBasis": Rule(MEMBER, MIB),
    _EXCHANGE + "SubmitLegalReceipt": Rule(MEMBER),
    _EXCHANGE + "GetNodeInfo": Rule(MEMBER),
    _EXCHANGE + "GetLogView": Rule(MEMBER),
    _EXCHANGE + "GetWitnessedCheckpoint": Rule(MEMBER),
    _EXCHANGE + "SubmitCosignature": Rule(MEMBER),
    _EXCHANGE + "GetDefinition": Rule(MEMBER),
    _EXCHANGE + "MakeOpeningKey": Rule(MEMBER),
    _EXCHANGE + "GetEvaluationState": Rule(MEMBER, MIB),
    _EXCHANGE + "ReleaseShares": Rule(MEMBER, MIB, Act.OPEN),
    _EXCHANGE + "SignIssue": Rule(MEMBER, duty=Act.OPEN),
    # -- wallets -----------------------------------------------------------------------------------------
    _WALLET + "Register": Rule(WALLET, MIB),
    _WALLET + "CheckPackage": Rule(WALLET, MIB),
    _WALLET + "ConfirmBranch": Rule(WALLET, MIB),
    _WALLET + "KeepJointBid": Rule(WALLET, MIB),
    _WALLET + "GetStatus": Rule(WALLET),
    _WALLET + "GiveGrant": Rule(WALLET, MIB),
    _WALLET + "RelayGrant": Rule(WALLET, MIB),
    _WALLET + "RevokeGrant": Rule(WALLET, MIB),
    _WALLET + "ListReads": Rule(WALLET),
    _WALLET + "ExportRegistration": Rule(WALLET),
    _WALLET + "GetPlace": Rule(WALLET),
    _WALLET + "ChangeController": Rule(WALLET),
    _WALLET + "VetoRecovery": Rule(WALLET),
    _WALLET + "Recover": Rule(WALLET, MIB),
    _WALLET + "FinishRecovery": Rule(WALLET),
    _WALLET + "GetCopy": Rule(WALLET),
    _WALLET + "TakeOver": Rule(WALLET, MIB),
    _WALLET + "Erase": Rule(WALLET),
    _WALLET + "GiveConsent": Rule(WALLET),
    _WALLET + "WithdrawConsent": Rule(WALLET),
    _WALLET + "ListConsents": Rule(WALLET),
    _WALLET + "OpenDispute": Rule(WALLET),
    _WALLET + "ListOwnDisputes": Rule(WALLET),
    _WALLET + "ListHolders": Rule(WALLET),
    _WALLET + "GetApplicationCode": Rule(WALLET),
    _WALLET + "AnswerLogin": Rule(WALLET),
    _WALLET + "Apply": Rule(WALLET, MIB),
    _WALLET + "Reserve": Rule(WALLET),
    _WALLET + "GetSealedGuarantee": Rule(WALLET),
    _WALLET + "ListOwnApplications": Rule(WALLET),
    _WALLET + "ProveAwards": Rule(WALLET),
    _WALLET + "GetGuaranteeFile": Rule(WALLET),
    _WALLET + "ListReleases": Rule(WALLET),
    _WALLET + "AcceptOffer": Rule(WALLET),
    _WALLET + "CancelApplication": Rule(WALLET),
    _WALLET + "GetLine": Rule(WALLET),
    _WALLET + "ReleaseGuarantee": Rule(WALLET, MIB),
    _WALLET + "TakeGuaranteeStep": Rule(WALLET, 4 * MIB),
    _WALLET + "GetOwnGuarantee": Rule(WALLET, MIB),
    # -- both listeners ----------------------------------------------------------------------------------
    _HEALTH + "Check": Rule(ANYBODY),
    _HEALTH + "List": Rule(ANYBODY),
    _HEALTH + "Watch": Rule(ANYBODY),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Rule(ANYBODY),
}
