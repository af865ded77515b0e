"""Random histories of grants, revocations, rotations, suspensions, moves and reads, against a model.

A batch of subjects lives in one world, each with its own history, so that a round of blocks serves them all. Before
and after every round each of them is read, by whoever, where, of whatever; the model says which reads are allowed. It
knows the rules of docs/formats/documents.md and nothing of the services; both ways count: what it forbids must not be
answered, and what it allows must be.
"""

import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

from node.domain.document import peek_document
from node.domain.encoding import to_base64url
from node.domain.grant import CLOCK_SKEW_SECONDS, UNCOUNTED, Grant, Scope
from node.domain.reading import ReadAnswer, ReadRequest
from node.domain.wallet import CarriedGrant
from node.errors import NodeError
from node.services.answer_check import check_answer
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.ledgers import AnvilEngine
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre
from tests.support.world_dishonest import read_request
from tests.support.world_engine import EngineChain

NAMES = ("hangzhou", "nanjing", "shanghai", "suzhou")
PURPOSES = ("registration-reuse", "qualification-review")
BASE = ("bank_account", "credit_code", "legal_name", "legal_representative")
HOUR = 3_600
ROUNDS, READS = 5, 2


@dataclass
class GrantFacts:
    """A grant as the model knows it."""

    token: str
    document: Grant
    registered: bool = False
    revoked: bool = False
    """On the ledger."""
    known: set[str] = field(default_factory=set)
    """Members that were told of its revocation."""
    on_its_way: bool = True
    used: int = 0
    seen: dict[tuple[str, Scope], int] = field(default_factory=dict)
    """Uses by `jti` and scope, and how often each was answered."""


@dataclass
class SubjectFacts:
    """A subject as the model knows it."""

    bidder: Bidder
    home: str
    keys: dict[str, WalletKey]
    """Those that speak for it on the ledger, by name."""
    delegations: dict[str, str]
    """What the certificate signed for each key that there ever was."""
    vouched: set[tuple[str, str]]
    """Home and key: where a key's delegation was handed in."""
    grants: list[GrantFacts] = field(default_factory=list)
    next_home: str = ""
    next_keys: dict[str, WalletKey] = field(default_factory=dict)


@dataclass(frozen=True)
class Read:
    """Somebody asks a node for something."""

    node: str
    caller: str
    grant: GrantFacts
    scope: Scope
    purpose: str
    jti: str


class Histories:
    """A batch of histories in one world."""

    def __init__(self, world: World, seed: int, count: int, rounds: int) -> None:
        self.world, self.dice = world, random.Random(seed)
        self.suspended = ""
        self.allowed = self.refused = 0
        self.count, self._rounds = count, rounds
        self.subjects: list[SubjectFacts] = []

    async def run(self) -> None:
        """All of them, to their end.

        Raises:
            AssertionError: the services and the model differ.
        """
        for _ in range(self.count):
            bidder = self.world.bidder()
            home = self._any_centre()
            self.world.register(bidder, home)
            key = bidder.key
            self.subjects.append(
                SubjectFacts(
                    bidder,
                    home.name,
                    {key.name: key},
                    {key.name: bidder.delegation},
                    {(home.name, key.name)},
                )
            )
        await self._settle(publish=True)
        for _ in range(self._rounds):
            if self.dice.random() < 0.2:
                await self._change_standing()
            for subject in self.subjects:
                self._step(subject)
                self._read_all(subject)
            is_moving = any(subject.next_home for subject in self.subjects)
            await self._settle(publish=is_moving, pause=self.dice.choice((12, 12, HOUR, DAY)))
            if is_moving:  # what the new home was given is final one anchor later
                await self._settle(publish=True)
            for subject in self.subjects:
                self._read_all(subject)

    # -- what happens ------------------------------------------------------------------------------------

    def _step(self, subject: SubjectFacts) -> None:
        kind = self.dice.choices(
            (self._grant, self._relay, self._revoke, self._rotate, self._move, lambda _: None),
            (6, 2, 4, 2, 1, 2),
        )[0]
        self._take_up(subject, self.dice.choice(list(subject.keys.values())))
        with contextlib.suppress(NodeError):
            kind(subject)

    def _grant(self, subject: SubjectFacts) -> None:
        """At the home."""
        token = self._sign(subject)
        self.world.give(subject.bidder, token, via=self.world[subject.home])
        subject.grants.append(GrantFacts(token, peek_document(token, Grant)))

    def _relay(self, subject: SubjectFacts) -> None:
        """Past the home, over any member; or over none: it is held back."""
        token = self._sign(subject)
        grant = GrantFacts(token, peek_document(token, Grant), on_its_way=False)
        subject.grants.append(grant)
        relays = [name for name in NAMES if name not in grant.document.aud and name != subject.home]
        if self.dice.random() < 0.8:
            name = self.dice.choice(relays)
            self.world[name].services.sharing.relay(subject.bidder.scribe.relay(name, token))
            grant.on_its_way = True

    def _revoke(self, subject: SubjectFacts) -> None:
        if not subject.grants:
            return
        grant, name = self.dice.choice(subject.grants), self.dice.choice(NAMES)
        self.world.revoke(subject.bidder, grant.token, via=self.world[name])
        grant.known.add(name)

    def _rotate(self, subject: SubjectFacts) -> None:
        """Another key beside a present one or in its place, or one less; over any member."""
        bidder, via = subject.bidder, self._any_centre()
        removed = self.dice.choice(["", *subject.keys])
        key = new_wallet_key() if not removed or self.dice.random() < 0.5 else None
        added = "" if key is None else key.name
        place = via.services.moving.place(bidder.scribe.place(via.name))
        via.services.controllers.change(
            bidder.scribe.change_controller(
                via.name, place.version + 1, place.contract, removed=removed, added=added
            )
        )
        subject.next_keys = {name: one for name, one in subject.keys.items() if name != removed}
        if key is not None:
            subject.next_keys[added] = key
            subject.delegations[added] = bidder.delegate(key)

    @staticmethod
    def _take_up(subject: SubjectFacts, key: WalletKey) -> None:
        """The wallet signs with this key from now on."""
        subject.bidder.key, subject.bidder.delegation = key, subject.delegations[key.name]

    def _hand_in(self, subject: SubjectFacts) -> None:
        """At the home: the delegations of keys that it has not seen yet."""
        for name, key in subject.keys.items():
            if (subject.home, name) in subject.vouched:
                continue
            self._take_up(subject, key)
            token = subject.bidder.scribe.register(subject.home, subject.bidder.delegation, ())
            with contextlib.suppress(NodeError):
                self.world[subject.home].services.registrations.register(token)
                subject.vouched.add((subject.home, name))

    def _move(self, subject: SubjectFacts) -> None:
        bidder, to = subject.bidder, self._any_centre()
        carried = {} if to.name == subject.home else self._carry(subject, to.name)
        place = to.services.moving.place(bidder.scribe.place(to.name))
        call = bidder.scribe.move(
            to.name,
            bidder.delegation,
            bidder.package(),
            place.version + 1,
            place.contract,
            [CarriedGrant(grant.token, "") for grant in carried.values()],
        )
        to.services.moving.take_over(call)
        subject.next_home = to.name
        subject.vouched.add((to.name, bidder.key.name))
        subject.grants += carried.values()

    def _carry(self, subject: SubjectFacts, home: str) -> dict[int, GrantFacts]:
        carried = {}
        for place, grant in enumerate(subject.grants):
            if self.dice.random() < 0.5 and not grant.revoked and not grant.known:
                token = subject.bidder.scribe.grant_again(grant.token, home, grant.used)
                if token is not None:
                    carried[place] = GrantFacts(token, peek_document(token, Grant))
        return carried

    def _sign(self, subject: SubjectFacts) -> str:
        standing = self.dice.random() < 0.2
        others = [name for name in NAMES if name != subject.home]
        readers = self.dice.sample(others, 2) if standing else [self.dice.choice(others)]
        fields = tuple(sorted(self.dice.sample(BASE, self.dice.randint(1, len(BASE)))))
        now = int(self.world.clock.now())
        return subject.bidder.scribe.grant_unasked(
            readers,
            subject.home,
            (Scope("subject.base", fields),),
            self.dice.choice(PURPOSES),
            uses=UNCOUNTED if standing else self.dice.choice((1, 1, 2, UNCOUNTED)),
            expires=now + self.dice.choice((2 * HOUR, DAY, 30 * DAY)),
            standing=standing,
        )

    async def _change_standing(self) -> None:
        active = [name for name in NAMES if name != self.suspended]
        target = self.suspended or self.dice.choice(active)
        proposer, *voters = [self.world[name] for name in active if name != target]
        membership = proposer.services.membership
        membership.propose_standing(target, active=bool(self.suspended), valid_seconds=DAY)
        await self._settle(pause=12)
        number = max(number for number, _ in proposer.services.projection.proposals())
        for voter in voters:
            voter.services.membership.vote(number, approve=True)
        await self._settle(pause=12)
        self.suspended = "" if self.suspended else target

    # -- reads -------------------------------------------------------------------------------------------

    def _read_all(self, subject: SubjectFacts) -> None:
        for _ in range(READS if subject.grants else 0):
            self._check(subject, self._any_read(subject))

    def _any_read(self, subject: SubjectFacts) -> Read:
        grant = self.dice.choice(subject.grants)
        granted = grant.document.scope[0].fields
        likely = self.dice.random() < 0.7
        fields = granted if likely else self.dice.sample(BASE, self.dice.randint(1, len(BASE)))
        purpose = grant.document.purpose if likely else self.dice.choice(PURPOSES)
        caller = self.dice.choice(grant.document.aud) if likely else self.dice.choice(NAMES)
        node = subject.home if likely else self.dice.choice(NAMES)
        is_again = grant.seen and self.dice.random() < 0.2
        jti = self.dice.choice([jti for jti, _ in grant.seen]) if is_again else self._jti()
        return Read(node, caller, grant, Scope("subject.base", tuple(sorted(fields))), purpose, jti)

    def _check(self, subject: SubjectFacts, read: Read) -> None:
        world, token = self.world, read.grant.token
        reader, use = world[read.caller], (read.jti, read.scope)
        request = read_request(
            world,
            reader,
            token,
            jti=read.jti,
            scope=(read.scope,),
            purpose=read.purpose,
            aud=read.node,
        )
        allowed = self._allows(subject, read)
        try:
            answer = world[read.node].serving.read(read.caller, request, token)
        except NodeError as error:
            assert not allowed, f"the model allows what was refused: {error}"
            self.refused += 1
            return
        assert allowed, f"answered what the model forbids: {read}"
        self.allowed += 1
        if use not in read.grant.seen:
            read.grant.used += 1
        read.grant.seen[use] = read.grant.seen.get(use, 0) + 1
        signed = peek_document(answer.answer, ReadAnswer)
        assert signed.use <= (read.grant.document.uses or read.grant.used)
        parsed = peek_document(request, ReadRequest)
        services = reader.services
        check_answer(services.alliance, services.recognition, reader.store, request, parsed, token, answer)

    def _allows(self, subject: SubjectFacts, read: Read) -> bool:
        grant, now = read.grant, self.world.clock.now()
        document, use = grant.document, (read.jti, read.scope)
        is_new = use not in grant.seen
        return (
            read.node == document.home == subject.home
            and self.suspended not in {read.node, read.caller}
            and read.caller in document.aud
            and read.purpose == document.purpose
            and set(read.scope.fields) <= set(document.scope[0].fields)
            and document.key in subject.keys
            and (subject.home, document.key) in subject.vouched
            and grant.registered
            and not grant.revoked
            and read.node not in grant.known
            and document.nbf - CLOCK_SKEW_SECONDS <= now < document.exp
            and (not is_new or document.uses == UNCOUNTED or grant.used < document.uses)
            and grant.seen.get(use, 0) < 16
        )

    # -- time --------------------------------------------------------------------------------------------

    async def _settle(self, *, publish: bool = False, pause: int = 12) -> None:
        """After a pause blocks until nothing waits; then the model learns what is final."""
        world = self.world
        world.clock.advance(pause)
        world.seal()  # an engine's time is that of its last block
        begin = world.clock.now()
        if publish:
            for centre in world.centres.values():
                centre.services.publish()
        for _ in range(40):
            for centre in world.centres.values():
                await world.follow(centre)
                await centre.services.sender.step()
            if not any(centre.outbox() for centre in world.centres.values()):
                break
            world.seal()
        for subject in self.subjects:
            self._learn(subject, begin)

    def _learn(self, subject: SubjectFacts, begin: float) -> None:
        if subject.next_home:
            subject.home, subject.next_home = subject.next_home, ""
            subject.bidder.home = self.world[subject.home]
        if subject.next_keys:
            subject.keys, subject.next_keys = subject.next_keys, {}
        self._hand_in(subject)
        for grant in subject.grants:
            if grant.known:
                grant.revoked = True
            elif grant.on_its_way and begin <= grant.document.register_before:
                grant.registered = True
            grant.on_its_way = False

    def _any_centre(self) -> Centre:
        return self.world[self.dice.choice([name for name in NAMES if name != self.suspended])]

    def _jti(self) -> str:
        return to_base64url(self.dice.randbytes(16))


async def run_histories(
    seed: int, count: int, batch: int = 50, rounds: int = ROUNDS, engine: AnvilEngine | None = None
) -> AsyncIterator["Histories"]:
    """Run so many histories, each batch in a world of its own; yields each batch when it is through.

    On the twin, or on the contracts in an engine.
    """
    for first in range(0, count, batch):
        with World(NAMES, batch_size=4 * batch, engine=engine) as world:
            histories = Histories(world, seed + first, min(batch, count - first), rounds)
            try:
                await histories.run()
            finally:
                if engine is not None:
                    await cast("EngineChain", world.chain).close()
            yield histories
