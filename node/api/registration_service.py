"""`RegistrationService`: existing registrations come in; operators attest what they saw, and see who checked what."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator

from heqi.v1 import record_pb2
from heqi.v1 import registration_service_pb2 as pb
from heqi.v1 import registration_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.attestation import About, Method
from node.domain.draft import RecordDraft
from node.domain.registry import Comparison
from node.errors import InvalidError
from node.services.attesting import Attested, Attesting
from node.services.loading import Existing, Loading
from node.services.look_ups import LookUps
from node.services.preparing import Problem
from node.services.registration import Registrations
from node.wire.messages import attestation_message, draft_from_record

_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_PROBLEM = 2_000
_SUBJECT = re.compile(r"[0-9a-f]{64}")


class RegistrationService(rpc.RegistrationServiceServicer):
    """Translates, calls `Loading` or `Attesting`, translates back."""

    def __init__(
        self, loading: Loading, attesting: Attesting, look_ups: LookUps, registrations: Registrations
    ) -> None:
        self._loading, self._attesting = loading, attesting
        self._look_ups, self._registrations = look_ups, registrations

    async def LoadRegistrations(
        self, request_iterator: AsyncIterator[pb.LoadRegistrationsRequest], context: Context
    ) -> AsyncIterator[pb.LoadRegistrationsResponse]:
        """Answer each message when it is durable."""
        async for request in request_iterator:
            if not _CLIENT_ID.fullmatch(request.client_id):
                raise InvalidError("client_id must be [A-Za-z0-9._-]{1,64}")
            raw = request.SerializeToString(deterministic=True)
            digest = hashlib.sha256(raw).digest()
            items = [existing_from_item(item) for item in request.items]
            await asyncio.sleep(0)  # others have their turn between reading and writing
            loaded = self._loading.load(
                request.client_id, request.sequence, digest, request.source_system, items
            )
            response = pb.LoadRegistrationsResponse(
                sequence=request.sequence,
                record_count=loaded.accepted.count,
                added_count=loaded.added,
                changed_count=loaded.changed,
                unchanged_count=loaded.unchanged,
                parked_count=loaded.accepted.parked,
                repeated_message=loaded.is_repeated,
            )
            for one in loaded.parked:
                response.parked.add(place=one.place, reason=one.problem.reason, message=one.problem.message)
            yield response

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


def existing_from_item(item: pb.LoadItem) -> Existing | Problem:
    """A registration, or why there is none; never an error, so that one item stops no other."""
    if item.WhichOneof("kind") != "registration":
        return Problem(
            "RECORD_FORMAT", item.problem[:_MAX_PROBLEM] or "there is neither registration nor problem"
        )
    message = item.registration
    records: list[RecordDraft | Problem] = []
    for record in message.records:
        try:
            record.source_system = "-"  # the message's own counts
            records.append(draft_from_record(record))
        except InvalidError as error:
            records.append(Problem(error.reason, str(error)))
    content = hashlib.sha256(message.SerializeToString(deterministic=True)).digest()
    return Existing(message.source_id, message.credit_code, records, content)
