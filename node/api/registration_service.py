"""`RegistrationService`: operators attest what they saw, and see who checked what."""

import re

from heqi.v1 import record_pb2
from heqi.v1 import registration_service_pb2 as pb
from heqi.v1 import registration_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.attestation import About, Method
from node.domain.registry import Comparison
from node.errors import InvalidError
from node.services.attesting import Attested, Attesting
from node.services.look_ups import LookUps
from node.services.registration import Registrations
from node.wire.messages import attestation_message

_SUBJECT = re.compile(r"[0-9a-f]{64}")


class RegistrationService(rpc.RegistrationServiceServicer):
    """Translates, calls `Attesting`, translates back."""

    def __init__(self, attesting: Attesting, look_ups: LookUps, registrations: Registrations) -> None:
        self._attesting, self._look_ups, self._registrations = attesting, look_ups, registrations

    async def AttestRecord(
        self, request: pb.AttestRecordRequest, context: Context
    ) -> pb.AttestRecordResponse:
        """See the proto."""
        attested = self._attesting.by_operator(
            self._subject(request.subject_id, request.credit_code),
            About(request.category, request.thing, request.version),
            Method.DOCUMENT if request.authority else Method.ORIGINAL,
            request.authority,
            Comparison(tuple(sorted(set(request.fields))), tuple(sorted(set(request.differs)))),
            request.evidence,
            request.evidence_salt,
        )
        return pb.AttestRecordResponse(attestation=_kept(attested))

    async def ListAttestations(
        self, request: pb.ListAttestationsRequest, context: Context
    ) -> pb.ListAttestationsResponse:
        """See the proto."""
        subject = self._subject(request.subject_id, request.credit_code)
        asked = self._look_ups.of(subject)
        state = pb.LookUpState(
            waiting=bool(asked.due),
            tries=asked.tries,
            problem=asked.problem,
            answer_time_seconds=asked.answered,
            entry_json=asked.entry.decode(),
        )
        found = [_kept(attested) for attested in self._attesting.of(subject)]
        return pb.ListAttestationsResponse(subject_id=subject, attestations=found, look_up=state)

    async def LookUpRegistry(
        self, request: pb.LookUpRegistryRequest, context: Context
    ) -> pb.LookUpRegistryResponse:
        """See the proto."""
        self._look_ups.ask_again(self._subject(request.subject_id, request.credit_code))
        return pb.LookUpRegistryResponse()

    def _subject(self, subject: str, credit_code: str) -> str:
        if bool(subject) == bool(credit_code):
            raise InvalidError("name the subject by its id or by its credit code, one of them")
        if subject and not _SUBJECT.fullmatch(subject):
            raise InvalidError("a subject id has 64 lower-case hex digits")
        return subject or self._registrations.find(credit_code)


def _kept(attested: Attested) -> pb.KeptAttestation:
    message: record_pb2.Attestation = attestation_message(attested.attestation)
    return pb.KeptAttestation(attestation=message, position=attested.position)
