"""`LoginService`: a centre's systems have bidders log in."""

from collections.abc import AsyncIterator

from heqi.v1 import login_service_pb2 as pb
from heqi.v1 import login_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.encoding import to_rfc3339
from node.domain.login import USUAL_SECONDS, Wants
from node.errors import InvalidError
from node.services.logins import Answered, Logins

_WANTS: dict[int, Wants] = {
    pb.LOGIN_WANTS_UNSPECIFIED: Wants.SUBJECT,
    pb.LOGIN_WANTS_SUBJECT: Wants.SUBJECT,
    pb.LOGIN_WANTS_COMPANY: Wants.COMPANY,
}
_PURPOSE = "login"


class LoginService(rpc.LoginServiceServicer):
    """Translates, calls the service concerned, translates back."""

    def __init__(self, logins: Logins) -> None:
        self._logins = logins

    async def CreateLogin(self, request: pb.CreateLoginRequest, context: Context) -> pb.CreateLoginResponse:
        """See the proto."""
        wants = _WANTS.get(request.wants)
        if wants is None:
            raise InvalidError("wants is SUBJECT or COMPANY")
        seconds = request.valid_seconds or USUAL_SECONDS
        challenge = self._logins.create(wants, request.purpose or _PURPOSE, request.state, seconds)
        return pb.CreateLoginResponse(
            login_id=challenge.id, payload=str(challenge), end_time=to_rfc3339(challenge.end)
        )

    async def GetLogin(self, request: pb.GetLoginRequest, context: Context) -> pb.GetLoginResponse:
        """See the proto."""
        answered = self._logins.get(request.login_id).answered
        return pb.GetLoginResponse(session=_session(answered) if answered else None)

    async def WatchLogin(
        self, request: pb.WatchLoginRequest, context: Context
    ) -> AsyncIterator[pb.WatchLoginResponse]:
        """See the proto."""
        yield pb.WatchLoginResponse(session=_session(await self._logins.answered(request.login_id)))


def _session(answered: Answered) -> pb.LoginSession:
    session = answered.session
    return pb.LoginSession(
        method=session.method,
        subject_id=session.subject,
        home=session.home,
        credit_code=session.credit_code,
        organisation=session.organisation,
        state=session.state,
        expire_time=to_rfc3339(session.exp),
        session=answered.token,
        answer=answered.answer,
    )
