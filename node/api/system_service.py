"""`SystemService`: operators let systems in and out; operators and supervisors see what was done."""

import re

from heqi.v1 import system_service_pb2 as pb
from heqi.v1 import system_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.system import SystemRole
from node.errors import InvalidError
from node.services.acts import Acts
from node.services.proving import Proving
from node.services.systems import Registered, Systems

_DEFAULT_PAGE, _MAX_PAGE = 100, 1000
_TOKEN = re.compile(r"[0-9]{1,15}")
_ROLES = {role: pb.SystemRole.Value(f"SYSTEM_ROLE_{role.name}") for role in SystemRole}
_ROLES_BACK = {number: role for role, number in _ROLES.items()}


class SystemService(rpc.SystemServiceServicer):
    """Translates, calls `Systems` and `Acts`, translates back."""

    def __init__(self, systems: Systems, acts: Acts, proving: Proving) -> None:
        self._systems, self._acts, self._proving = systems, acts, proving

    async def IssueCertificate(
        self, request: pb.IssueCertificateRequest, context: Context
    ) -> pb.IssueCertificateResponse:
        """See the proto."""
        role = _ROLES_BACK.get(request.role)
        if role is None:
            raise InvalidError("role: one of operator, writer, reader, supervisor")
        issued = self._systems.issue(request.signing_request, request.name, role, request.days)
        return pb.IssueCertificateResponse(certificate=issued.pem, serial=issued.serial)

    async def ListCertificates(
        self, request: pb.ListCertificatesRequest, context: Context
    ) -> pb.ListCertificatesResponse:
        """See the proto."""
        return pb.ListCertificatesResponse(certificates=[_message(one) for one in self._systems.all()])

    async def RevokeCertificate(
        self, request: pb.RevokeCertificateRequest, context: Context
    ) -> pb.RevokeCertificateResponse:
        """See the proto."""
        revoked = self._systems.revoke(request.wanted, request.reason)
        return pb.RevokeCertificateResponse(certificates=[_message(one) for one in revoked])

    async def ListActs(self, request: pb.ListActsRequest, context: Context) -> pb.ListActsResponse:
        """See the proto."""
        size = min(request.page_size or _DEFAULT_PAGE, _MAX_PAGE)
        if request.page_token and not _TOKEN.fullmatch(request.page_token):
            raise InvalidError("page_token is not from an earlier response")
        before, through = (
            int(request.page_token) if request.page_token else None,
            self._proving.final_through(),
        )
        response = pb.ListActsResponse()
        for act in self._acts.newest_first(before):
            if len(response.acts) == size:
                response.next_page_token = str(response.acts[-1].number)
                break
            response.acts.add(
                number=act.number,
                time=act.time,
                actor=act.actor,
                act=act.act,
                about=act.about,
                is_final=act.position < through,
            )
        return response

    async def ProveAct(self, request: pb.ProveActRequest, context: Context) -> pb.ProveActResponse:
        """See the proto."""
        position = self._acts.position(request.number)
        bundle = self._proving.own_bundle(position, incomplete=request.incomplete)
        return pb.ProveActResponse(bundle=bundle)


def _message(one: Registered) -> pb.SystemCertificate:
    row = one.row
    return pb.SystemCertificate(
        serial=one.serial,
        name=row.name,
        role=_ROLES[row.role],
        issue_time_seconds=int(row.start),
        expire_time_seconds=int(row.end),
        issuer=row.issuer,
        revoke_time_seconds=int(row.revoked),
        revoker=row.revoker,
        reason=row.reason,
    )
