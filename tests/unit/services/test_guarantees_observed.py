"""Who reads the chain learns that somebody issued something: not which guarantees are for one section, nor how many.

The observer has every transaction and event, and the tender's papers, in which section and beneficiary's key stand.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
import rlp
from eth_utils import keccak

from adapters.ledger.abi import decode_function
from node.domain.guarantee import end_on_ledger
from node.domain.guarantee_table import Event
from node.domain.ledger import GuaranteeMoved, SignedCall
from tests.support.world import DAY, World
from tests.support.world_guarantees import Issued, Tender

Facts = dict[str, Any]


class Observer:
    """Sees what goes to the ledger, as whoever runs an engine does."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world, self._raw = world, []
        send = world.chain.send

        def watched(signed: SignedCall) -> None:
            self._raw.append(signed.raw)
            send(signed)

        monkeypatch.setattr(world.chain, "send", watched)

    def calls(self, function: str) -> Iterator[Facts]:
        """Every transaction of one function of Guarantees, in parts; but for the nonce, which only counts."""
        there = self.world.chain.deployment.contracts["Guarantees"].address
        for raw in self._raw:
            _, _, tip, fee, gas, target, value, data, *_ = rlp.decode(raw[1:])
            if target != there:
                continue
            name, arguments = decode_function("Guarantees", data)
            if name == function:
                envelope = {"tip": tip, "fee": fee, "gas": gas, "value": value, "length": len(data)}
                yield envelope | dict(enumerate(flat(arguments)))

    def events(self, event: Event) -> list[Facts]:
        """Every event, in parts."""
        found = self.world.chain.events(0, self.world.chain.head().number)
        moved = [one.happening for one in found if isinstance(one.happening, GuaranteeMoved)]
        return [
            {name: getattr(one, name) for name in GuaranteeMoved.__slots__}
            for one in moved
            if one.event == event
        ]


def flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for part in value:
            yield from flat(part)
    else:
        yield value


def words(facts: list[Facts]) -> set[bytes]:
    return {value for row in facts for value in row.values() if isinstance(value, bytes)}


def telling(facts: list[Facts]) -> set[Any]:
    """The parts that are neither the same in all nor different in all: they sort what they are parts of."""
    found = set()
    for name in facts[0]:
        values = [row[name] for row in facts]
        if 1 < len(set(values)) < len(values):
            found.add(name)
    return found


@pytest.fixture
async def observed(tender: Tender, monkeypatch: pytest.MonkeyPatch) -> tuple[Observer, list[Issued]]:
    """Two companies have guarantees for each of two sections, which end a month apart; the first's comes first."""
    observer, issued = Observer(tender.world, monkeypatch), []
    sections = [tender, Tender(tender.world, "GC-2026-002/1")]
    sections[1].beneficiary = tender.beneficiary  # one tenderer
    bidders = [await tender.bidder() for _ in range(2)]
    after = end_on_ledger(int(tender.world.clock.now()))
    for count, section in enumerate(sections):
        for bidder in bidders:
            number, exp = f"BH-{len(issued)}", after + 30 * DAY * (1 + count)
            issued.append(await section.issued(bidder, number=number, exp=exp))
    await tender.world.settle()
    return observer, issued


async def test_nothing_on_the_chain_sorts_guarantees_by_section(
    observed: tuple[Observer, list[Issued]],
) -> None:
    observer, issued = observed
    assert len({one.terms.exp for one in issued}) == len({one.terms.section for one in issued}) == 2
    for facts in (list(observer.calls("issue")), observer.events(Event.ISSUE)):
        assert len(facts) == len(issued)
        assert telling(facts) == set()


async def test_the_tenders_papers_do_not_open_what_is_on_the_chain(
    tender: Tender, observed: tuple[Observer, list[Issued]]
) -> None:
    observer, issued = observed
    verifier = tender.centre.services.alliance.verifiers.es256
    known = [issued[0].bidder.code.encode(), issued[0].bidder.key.public_key]
    for one in issued:
        key = bytes.fromhex(one.terms.beneficiary_key)
        known += [one.terms.section.encode(), key, verifier + key]
    public = words([*observer.calls("issue"), *observer.events(Event.ISSUE)])
    for secret in known:
        for before in {b"", bytes(32)} | public:
            for hashed in (keccak(before + secret), hashlib.sha256(before + secret).digest()):
                assert hashed not in public
        assert not any(secret in word for word in public)


async def test_a_release_opens_its_own_guarantee_and_no_other(
    tender: Tender, observed: tuple[Observer, list[Issued]]
) -> None:
    """From then on the key is public, and the salt of this one."""
    observer, issued = observed
    tender.release(issued[0])
    await tender.world.settle()
    [step] = observer.calls("step")
    signer, salt = step[7], step[8]
    assert signer[20:].hex() == issued[0].terms.beneficiary_key == issued[1].terms.beneficiary_key
    committed = [row[4] for row in observer.calls("issue")]
    opened = {keccak(word + signer) for word in words([*observer.calls("issue"), step]) | {b"", salt}}
    assert [place for place, commitment in enumerate(committed) if commitment in opened] == [0]
