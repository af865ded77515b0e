"""Logging bidders in: a challenge for this centre's systems to show, one answer to it, a session for the systems.

Logins live in memory and end with the process: then no challenge is open any more, so none can be answered twice, and
a system shows a new one. Nothing that a stranger sends makes the node write to its disk, and who has logged in is not
kept anywhere but with the system that asked.

What is answered is checked before the challenge is looked up, and every challenge that cannot be answered is refused
in the same words: nobody learns from an answer, or from how long it takes, which ids there are.
"""

import asyncio
import contextlib
import heapq
from collections import defaultdict
from dataclasses import dataclass, replace

from node.domain.certificate import CertificateIdentity
from node.domain.certified import open_certified
from node.domain.document import document_digest, split_document
from node.domain.encoding import to_base64url
from node.domain.login import (
    ID_BYTES,
    MAX_SECONDS,
    MAX_STATE_CHARS,
    MIN_SECONDS,
    SESSION_SECONDS,
    CertificateLogin,
    LoginAnswer,
    LoginChallenge,
    LoginSession,
    Wants,
    parse_challenge,
)
from node.errors import (
    BusyError,
    DocumentFormatError,
    InvalidError,
    LoginRefusedError,
    MissingError,
    NodeError,
    SignatureError,
    StoreError,
)
from node.ports import Clock
from node.services.alliance import Alliance
from node.services.follower import Follower
from node.services.gate import Gate
from node.services.recognition import Recognition
from node.services.signing import Signing
from node.services.vault import Entropy

MAX_KEPT = 10_000
"""Challenges that a node keeps at a time, answered ones included."""
MAX_ANSWER_CHARS = 24 * 1024
"""Room for a delegation with a chain of long certificates; bounds what all answers together may take."""
_REFUSAL = "no login is open here under this challenge"


@dataclass(frozen=True, slots=True)
class Answered:
    """Who has answered."""

    session: LoginSession
    token: str
    """The session as a signed document."""
    answer: str
    """The answer itself: the bidder's own signature, for the centre's files."""


@dataclass(frozen=True, slots=True)
class Login:
    """A challenge and what became of it."""

    challenge: LoginChallenge
    state: str
    end: int
    """When it is forgotten, seconds since 1970 UTC."""
    answered: Answered | None = None


@dataclass(frozen=True, slots=True)
class _Bidder:
    """Who answers."""

    method: str
    subject: str = ""
    home: str = ""
    company: CertificateIdentity | None = None


class Logins:
    """The open logins of this node."""

    def __init__(  # noqa: PLR0917
        self,
        alliance: Alliance,
        recognition: Recognition,
        gate: Gate,
        follower: Follower,
        signing: Signing,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._alliance, self._recognition = alliance, recognition
        self._gate, self._follower = gate, follower
        self._signing, self._clock, self._entropy = signing, clock, entropy
        self._logins: dict[str, Login] = {}
        self._ends: list[tuple[int, str]] = []  # a heap: what may be forgotten next comes first
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def create(self, wants: Wants, purpose: str, state: str, seconds: int) -> LoginChallenge:
        """Ask whoever sees the challenge to log in.

        Args:
            wants: what the bidder is asked to show.
            purpose: a code; never a tender's number.
            state: what the session shall repeat; at most 200 characters.
            seconds: how long it may be answered, 30 to 300.

        Raises:
            InvalidError: an argument is out of range.
            NotMemberError: this node's member is not active.
            BusyError: too many challenges are open.
            StoreError: the database fails.
        """
        if not MIN_SECONDS <= seconds <= MAX_SECONDS:
            raise InvalidError(f"a login challenge lives {MIN_SECONDS} to {MAX_SECONDS} seconds")
        if len(state) > MAX_STATE_CHARS:
            raise InvalidError(f"the state of a login has at most {MAX_STATE_CHARS} characters")
        self._alliance.projection.member(self._alliance.me)
        login_id, end = to_base64url(self._entropy(ID_BYTES)), int(self._clock.now()) + seconds
        challenge = LoginChallenge(self._alliance.id, self._alliance.me, login_id, end, wants, purpose)
        try:
            parse_challenge(str(challenge))
        except DocumentFormatError as error:
            raise InvalidError(
                "the purpose of a login is a code of a-z, 0-9 and -, such as `login`"
            ) from error
        self._forget()
        if len(self._logins) >= MAX_KEPT:
            raise BusyError(f"{MAX_KEPT} logins are open at this node")
        self._keep(Login(challenge, state, end))
        return challenge

    def get(self, login_id: str) -> Login:
        """A login that waits or was answered.

        Raises:
            MissingError: there is none by that id, or it has run out.
        """
        login = self._logins.get(login_id)
        if login is None or login.end <= self._clock.now():
            raise MissingError("there is no such login, or it has run out")
        return login

    async def answered(self, login_id: str) -> Answered:
        """Who has answered, once somebody has.

        Raises:
            MissingError: there is no login by that id, or it runs out unanswered.
        """
        bell = asyncio.Event()
        self._bells[login_id].add(bell)
        try:
            while True:
                bell.clear()
                login = self.get(login_id)
                if login.answered:
                    return login.answered
                # The bell tells of an answer; of the end tells only the clock.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), login.end - self._clock.now())
        finally:
            self._bells[login_id].discard(bell)
            if not self._bells[login_id]:
                del self._bells[login_id]

    def answer(self, token: str) -> None:
        """Take an answer, by a wallet or by a certificate.

        Raises:
            DocumentFormatError: malformed, or meant for another node or alliance.
            SignatureError: not signed by the key or certificate that it names.
            CertificateError: the certificate is not acceptable now.
            RevokedError: it is revoked.
            StatusUnknownError: nobody says whether it is.
            UnknownCallerError: the key does not speak for the subject.
            ProjectionStaleError: this node's view of the ledger is too old to say.
            LoginRefusedError: its challenge is not open here.
            StoreError: the database fails.
        """
        if len(token) > MAX_ANSWER_CHARS:
            raise DocumentFormatError(f"an answer to a login has at most {MAX_ANSWER_CHARS} characters")
        now = int(self._clock.now())
        header, _ = split_document(token)
        is_certified = isinstance(header, dict) and "x5c" in header
        challenge, bidder = self._by_certificate(token, now) if is_certified else self._by_wallet(token)
        # Nothing waits from here to the end, so of two answers that arrive together one finds it taken.
        login = self._logins.get(challenge.id)
        if login is None or login.answered or login.challenge != challenge or challenge.end <= now:
            raise LoginRefusedError(_REFUSAL)
        session = self._session(challenge, login.state, bidder, document_digest(token))
        told = Answered(session, self._signing.sign(session), token)
        self._keep(replace(login, answered=told, end=session.exp))
        for bell in self._bells.get(challenge.id, ()):
            bell.set()

    async def prepare(self, token: str) -> None:
        """Ask the authorities about the certificate in an answer, if it answers a challenge that is open here.

        Never refuses: what is wrong is `answer`'s to say.

        Raises:
            StoreError: the database fails.
        """
        if len(token) > MAX_ANSWER_CHARS:
            return
        try:
            header, _ = split_document(token)
            if isinstance(header, dict) and "x5c" in header:
                trust, now = self._recognition.trust(), int(self._clock.now())
                certified, company = open_certified(token, CertificateLogin, trust, now)
                if self._own(certified.challenge).id in self._logins:
                    await self._recognition.warm_identity(company)
                return
            call = self._gate.authenticate(token, LoginAnswer)
            if call.delegation and self._own(call.challenge).id in self._logins:
                await self._recognition.warm(call.delegation)
        except StoreError:
            raise
        except NodeError:
            return

    def _by_wallet(self, token: str) -> tuple[LoginChallenge, _Bidder]:
        call = self._gate.authenticate(token, LoginAnswer)
        challenge = self._own(call.challenge)
        self._follower.check_fresh()
        subject = self._gate.check_controller(call)
        row = self._alliance.projection.subject(subject)
        assert row is not None, "check_controller has found it"
        company = None
        if call.delegation:
            if challenge.wants is not Wants.COMPANY:
                raise DocumentFormatError("the answer shows a company that was not asked for")
            judged = self._recognition.check(call.delegation)
            delegation, company = judged.delegation, judged.identity
            if delegation.key != call.key:
                raise SignatureError("the delegation is for another wallet key")
        return challenge, _Bidder("wallet", call.subject, row.home, company)

    def _by_certificate(self, token: str, now: int) -> tuple[LoginChallenge, _Bidder]:
        call, company = open_certified(token, CertificateLogin, self._recognition.trust(), now)
        if (call.alliance, call.node) != (self._alliance.id, self._alliance.me):
            raise DocumentFormatError("the answer is meant for another node or alliance")
        self._recognition.check_identity(company)
        return self._own(call.challenge), _Bidder("certificate", company=company)

    def _own(self, text: str) -> LoginChallenge:
        challenge = parse_challenge(text)
        if (challenge.alliance, challenge.member) != (self._alliance.id, self._alliance.me):
            raise LoginRefusedError(_REFUSAL)
        return challenge

    def _session(self, challenge: LoginChallenge, state: str, bidder: _Bidder, answer: bytes) -> LoginSession:
        company = bidder.company
        issued = self._signing.issued()
        return LoginSession(
            **issued,
            login=challenge.id,
            state=state,
            method="wallet" if bidder.subject else "certificate",
            subject=bidder.subject,
            home=bidder.home,
            credit_code=company.credit_code if company else "",
            organisation=company.organisation if company else "",
            answer=answer.hex(),
            exp=issued["iat"] + SESSION_SECONDS,
        )

    def _keep(self, login: Login) -> None:
        self._logins[login.challenge.id] = login
        heapq.heappush(self._ends, (login.end, login.challenge.id))

    def _forget(self) -> None:
        """Forget what has run out."""
        now = self._clock.now()
        while self._ends and self._ends[0][0] <= now:
            _, login_id = heapq.heappop(self._ends)
            if login_id in self._logins and self._logins[login_id].end <= now:
                del self._logins[login_id]
