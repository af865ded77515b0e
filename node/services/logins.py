"""Logging bidders in: a challenge for this centre's systems to show, one answer to it, a session for the systems.

Challenges survive a restart, because their QR codes are on people's screens; so does the session, until its own end.
What is answered is checked before the challenge is looked up, and every challenge that cannot be answered is refused
in the same words: nobody learns from an answer, or from how long it takes, which ids there are.
"""

import asyncio
import contextlib
from collections import defaultdict
from dataclasses import dataclass

import msgspec

from node.domain.certificate import CertificateIdentity
from node.domain.certified import open_certified
from node.domain.delegation import open_delegation
from node.domain.document import document_digest, peek_document, sign_document, split_document
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
    SignatureError,
)
from node.ports import Clock, Signer, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.follower import Follower
from node.services.gate import Gate
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault

MAX_KEPT = 10_000
"""Challenges that a node keeps at a time, answered ones included."""
_COUNTER = "logins"
_SWEEP = 64
_REFUSAL = "no login is open here under this challenge"


class Login(msgspec.Struct, frozen=True):
    """A challenge and what became of it, at rest."""

    challenge: str
    state: str
    session: str = ""
    """The session document, once somebody has answered."""
    answer: str = ""
    """The answer itself: the bidder's own signature, for the centre's files."""


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
        store: Store,
        vault: Vault,
        alliance: Alliance,
        gate: Gate,
        follower: Follower,
        signer: Signer,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store, self._vault, self._alliance, self._gate = store, vault, alliance, gate
        self._follower, self._signer, self._clock, self._entropy = follower, signer, clock, entropy
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
        transaction = Transaction(self._store)
        self._sweep(transaction)
        if transaction.take(_COUNTER) >= MAX_KEPT:
            raise BusyError(f"{MAX_KEPT} logins are open at this node")
        self._put(transaction, login_id, Login(str(challenge), state))
        transaction.put(_end_key(end, login_id), b"")
        transaction.commit()
        return challenge

    def get(self, login_id: str) -> Login:
        """A login that waits or was answered.

        Raises:
            MissingError: there is none by that id, or it has run out.
            StoreError: the database fails.
        """
        login = self._load(login_id)
        if login is None or self._end_of(login) <= self._clock.now():
            raise MissingError("there is no such login, or it has run out")
        return login

    async def answered(self, login_id: str) -> Login:
        """The login once somebody has answered it.

        Raises:
            MissingError: there is none by that id, or it runs out unanswered.
            StoreError: the database fails.
        """
        bell = asyncio.Event()
        self._bells[login_id].add(bell)
        try:
            while True:
                bell.clear()
                login = self.get(login_id)
                if login.session:
                    return login
                # The bell tells of an answer; of the end tells only the clock.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), self._end_of(login) - self._clock.now())
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
            UnknownCallerError: the key does not speak for the subject.
            ProjectionStaleError: this node's view of the ledger is too old to say.
            LoginRefusedError: its challenge is not open here.
            StoreError: the database fails.
        """
        now = int(self._clock.now())
        header, _ = split_document(token)
        is_certified = isinstance(header, dict) and "x5c" in header
        challenge, bidder = self._by_certificate(token, now) if is_certified else self._by_wallet(token, now)
        # From here to the commit nothing waits, so of two answers that arrive together one finds it taken.
        login = self._load(challenge.id)
        if login is None or login.session or login.challenge != str(challenge) or challenge.end <= now:
            raise LoginRefusedError(_REFUSAL)
        session = self._session(challenge, login.state, bidder, document_digest(token), now)
        transaction = Transaction(self._store)
        transaction.delete(_end_key(challenge.end, challenge.id))
        transaction.put(_end_key(session.exp, challenge.id), b"")
        signed = sign_document(session, self._signer.sign)
        self._put(transaction, challenge.id, msgspec.structs.replace(login, session=signed, answer=token))
        transaction.commit()
        for bell in self._bells.get(challenge.id, ()):
            bell.set()

    def _by_wallet(self, token: str, now: int) -> tuple[LoginChallenge, _Bidder]:
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
            delegation, company = open_delegation(
                call.delegation, self._alliance.id, self._alliance.trust_anchors, now
            )
            if delegation.key != call.key:
                raise SignatureError("the delegation is for another wallet key")
        return challenge, _Bidder("wallet", call.subject, row.home, company)

    def _by_certificate(self, token: str, now: int) -> tuple[LoginChallenge, _Bidder]:
        call, company = open_certified(token, CertificateLogin, self._alliance.trust_anchors, now)
        if (call.alliance, call.node) != (self._alliance.id, self._alliance.me):
            raise DocumentFormatError("the answer is meant for another node or alliance")
        return self._own(call.challenge), _Bidder("certificate", company=company)

    def _own(self, text: str) -> LoginChallenge:
        challenge = parse_challenge(text)
        if (challenge.alliance, challenge.member) != (self._alliance.id, self._alliance.me):
            raise LoginRefusedError(_REFUSAL)
        return challenge

    def _session(
        self, challenge: LoginChallenge, state: str, bidder: _Bidder, answer: bytes, now: int
    ) -> LoginSession:
        company = bidder.company
        return LoginSession(
            alliance=self._alliance.id,
            iat=now,
            jti=to_base64url(self._entropy(16)),
            iss=self._alliance.me,
            login=challenge.id,
            state=state,
            method="wallet" if bidder.subject else "certificate",
            subject=bidder.subject,
            home=bidder.home,
            credit_code=company.credit_code if company else "",
            organisation=company.organisation if company else "",
            answer=answer.hex(),
            exp=now + SESSION_SECONDS,
        )

    def _load(self, login_id: str) -> Login | None:
        key = layout.LOGIN + login_id.encode()
        sealed = self._store.get(key)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._alliance.me, key, sealed), type=Login)

    def _put(self, transaction: Transaction, login_id: str, login: Login) -> None:
        key = layout.LOGIN + login_id.encode()
        content = msgspec.msgpack.encode(login)
        transaction.put(key, self._vault.seal(self._alliance.me, key, content))

    def _sweep(self, transaction: Transaction) -> None:
        """Forget what has run out; more at a time than is added, so that it never piles up."""
        over = self._store.scan(layout.LOGIN_END, stop=layout.number(int(self._clock.now())))
        for (key, _), _ in zip(over, range(_SWEEP), strict=False):
            transaction.delete(key)
            transaction.delete(layout.LOGIN + key[len(layout.LOGIN_END) + 8 :])
            transaction.set_counter(_COUNTER, transaction.counter(_COUNTER) - 1)

    @staticmethod
    def _end_of(login: Login) -> int:
        if login.session:
            return peek_document(login.session, LoginSession).exp
        return parse_challenge(login.challenge).end


def _end_key(end: int, login_id: str) -> bytes:
    return layout.LOGIN_END + layout.number(end) + login_id.encode()
