"""Appending: durable once, in order, sealed, and one bad item never stops the rest."""

import pytest

from node.domain.disclosure import SEED_BYTES
from node.domain.values import DecimalValue
from node.errors import MissingError, RecordFormatError, SequenceError, StoreError
from node.services import preparing
from node.services import records as records_module
from node.services.preparing import Incoming, Problem
from node.services.transaction import Transaction
from tests.support.world import World
from tests.support.world_records import draft, faulty, incoming

CLIENT = "etrading"


def test_records_of_a_message_get_consecutive_positions(lonely: World) -> None:
    records = lonely.home.records
    first = records.append(CLIENT, 1, [incoming("a"), incoming("b")])
    second = records.append(CLIENT, 2, [incoming("c")])
    assert (first.first, first.count, second.first, second.count) == (0, 2, 2, 1)
    assert [records.load(at).header.thing for at in range(3)] == ["a", "b", "c"]


def test_the_same_message_again_gets_the_same_answer_and_stores_nothing(lonely: World) -> None:
    message = [incoming("a"), faulty()]
    accepted = lonely.home.records.append(CLIENT, 1, message)
    before = lonely.home.store.everything()
    assert lonely.home.records.append(CLIENT, 1, message) == accepted
    lonely.home.restart()
    assert lonely.home.records.append(CLIENT, 1, message) == accepted
    assert lonely.home.store.everything() == before


def test_every_client_counts_for_itself(lonely: World) -> None:
    records = lonely.home.records
    records.append("a", 1, [incoming("a")])
    assert records.append("b", 1, [incoming("b")]).first == 1
    records.append("a", 2, [incoming("c")])
    assert (records.last_sequence("a"), records.last_sequence("b"), records.last_sequence("c")) == (2, 1, 0)


@pytest.mark.parametrize("sequence", [-1, 0, 3, 10])
def test_a_gap_in_the_sequence_is_refused(lonely: World, sequence: int) -> None:
    lonely.home.records.append(CLIENT, 1, [incoming("a")])
    before = lonely.home.store.everything()
    with pytest.raises(SequenceError, match="next sequence of etrading is 2"):
        lonely.home.records.append(CLIENT, sequence, [incoming("b")])
    assert lonely.home.store.everything() == before


@pytest.mark.parametrize(
    "other",
    [
        [incoming("b")],
        [incoming("a"), incoming("a")],
        [],
        [Incoming(b"", Problem("X", "cut in two")), incoming("a")],
    ],
)
def test_the_same_sequence_with_other_content_is_refused(lonely: World, other: list[Incoming]) -> None:
    lonely.home.records.append(CLIENT, 1, [incoming("a")])
    with pytest.raises(SequenceError, match="with other content"):
        lonely.home.records.append(CLIENT, 1, other)


def test_a_message_beyond_the_horizon_is_refused_and_not_taken_for_new(
    lonely: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "_KEPT_ACKNOWLEDGEMENTS", 2)
    for sequence in range(1, 5):
        lonely.home.records.append(CLIENT, sequence, [incoming(str(sequence))])
    assert lonely.home.records.append(CLIENT, 3, [incoming("3")]).first == 2
    with pytest.raises(SequenceError):
        lonely.home.records.append(CLIENT, 2, [incoming("2")])


def test_a_bad_item_is_parked_with_its_reason_and_the_rest_is_stored(lonely: World) -> None:
    accepted = lonely.home.records.append(
        CLIENT,
        1,
        [
            incoming("a"),
            faulty("no date"),
            incoming("b", category="trade.unheard"),
            incoming("c", fields={f"f{n}": n for n in range(49)}),
            incoming("d", owner="ab" * 32),
            incoming("e", category="subject.base"),
            incoming("f", fields={"price": 0.5}),
            incoming("g"),
        ],
    )
    assert (accepted.count, accepted.parked) == (2, 6)
    assert [lonely.home.records.load(at).header.thing for at in range(2)] == ["a", "g"]
    parked = [row for _, row in lonely.home.services.parking.rows()]
    assert [(row.client, row.sequence, row.place) for row in parked] == [(CLIENT, 1, n) for n in range(1, 7)]
    assert [row.reason for row in parked] == ["SOURCE_FORMAT", *["RECORD_FORMAT"] * 5]
    assert [row.message.split()[0] for row in parked] == [
        "no", "unknown", "trade.tender", "trade.tender", "subject.base", "price:",
    ]  # fmt: skip
    assert parked[0].raw == faulty("no date").raw


def test_parked_items_are_listed_from_a_number_on(lonely: World) -> None:
    lonely.home.records.append(CLIENT, 1, [faulty("x"), faulty("y")])
    lonely.home.records.append(CLIENT, 2, [faulty("z")])
    assert [(number, row.message) for number, row in lonely.home.services.parking.rows(1)] == [
        (1, "y"),
        (2, "z"),
    ]


def test_a_message_of_nothing_but_bad_items_is_accepted(lonely: World) -> None:
    accepted = lonely.home.records.append(CLIENT, 1, [faulty()])
    assert (accepted.first, accepted.count, accepted.parked) == (0, 0, 1)
    assert lonely.home.records.append(CLIENT, 2, [incoming("a")]).first == 0


def test_a_message_that_is_too_long_is_refused(lonely: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "MAX_MESSAGE_RECORDS", 2)
    with pytest.raises(RecordFormatError, match="at most 2"):
        lonely.home.records.append(CLIENT, 1, [incoming("a")] * 3)
    assert lonely.home.records.append(CLIENT, 1, [incoming("a")] * 2).count == 2


def test_nothing_of_a_message_is_stored_when_the_store_fails(lonely: World) -> None:
    home = lonely.home
    home.records.append(CLIENT, 1, [incoming("a")])
    before = home.store.everything()
    home.store.is_broken = True
    with pytest.raises(StoreError):
        home.records.append(CLIENT, 2, [incoming("b"), faulty()])
    home.store.is_broken = False
    assert home.store.everything() == before
    # Nor is there anything left in memory: the same message goes through as if it came for the first time.
    assert home.records.append(CLIENT, 2, [incoming("b"), faulty()]).first == 1


def test_versions_of_a_thing_count_up(lonely: World) -> None:
    records = lonely.home.records
    records.append(CLIENT, 1, [incoming("a"), incoming("b"), incoming("a")])
    records.append(CLIENT, 2, [incoming("a"), incoming("a", category="trade.award")])
    headers = [records.load(at).header for at in range(5)]
    assert [(h.category, h.thing, h.version) for h in headers] == [
        ("trade.tender", "a", 1),
        ("trade.tender", "b", 1),
        ("trade.tender", "a", 2),
        ("trade.tender", "a", 3),
        ("trade.award", "a", 1),
    ]


def test_the_newest_usable_version_of_every_thing_of_a_subject_is_found(lonely: World) -> None:
    records, owner = lonely.home.records, "ab" * 32
    transaction = Transaction(lonely.home.store)
    drafts = [draft(thing, category="subject.base", owner=owner) for thing in ("a", "b", "a", "b", "c", "a")]
    records.stage(transaction, drafts)
    transaction.commit()
    assert sorted(records.newest(owner, "subject.base", lambda _: True)) == [3, 4, 5]
    assert sorted(records.newest(owner, "subject.base", lambda at: at < 4)) == [2, 3]
    assert list(records.newest(owner, "subject.credit", lambda _: True)) == []
    assert sorted(records.all_of(owner)) == [0, 1, 2, 3, 4, 5]


def test_a_record_says_who_captured_it_and_when(lonely: World) -> None:
    lonely.home.records.append(CLIENT, 1, [incoming("a", occurred="2026-02-28T09:30:00+08:00")])
    header = lonely.home.records.load(0).header
    assert (header.member, header.owner, header.alliance) == (
        lonely.home.name, lonely.home.name, lonely.descriptor.alliance,
    )  # fmt: skip
    assert (header.source_system, header.occurred) == ("etrading", "2026-02-28T09:30:00+08:00")
    assert header.captured.endswith("Z")


def test_there_is_no_record_at_an_unknown_position(lonely: World) -> None:
    with pytest.raises(MissingError):
        lonely.home.records.load(0)


def test_no_value_name_or_seed_occurs_in_any_stored_byte(lonely: World) -> None:
    secrets = ["绝密标的额", "SECRET-THING-7", "parked-secret"]
    home = lonely.home
    home.records.append(
        CLIENT,
        1,
        [
            incoming(secrets[1], fields={"title": secrets[0], "value_amount": DecimalValue("98765432.10")}),
            Incoming(secrets[2].encode(), Problem("X", f"cannot read {secrets[2]}")),
        ],
    )
    seed = home.records.load(0).seed
    assert len(seed) == SEED_BYTES
    needles = [text.encode() for text in (*secrets, "98765432.10")] + [seed, seed.hex().encode()]
    for key, value in (home.store.everything() | home.keyring.everything()).items():
        assert not any(needle in key or needle in value for needle in needles), key


def test_two_records_of_the_same_content_have_nothing_in_common_at_rest(lonely: World) -> None:
    lonely.home.records.append(CLIENT, 1, [incoming("a"), incoming("a", source_version="")])
    one, two = (lonely.home.records.load(at) for at in (0, 1))
    assert one.seed != two.seed
    assert one.fields == two.fields
    assert not set(one.seal().commitments.digests) & set(two.seal().commitments.digests)


async def test_what_was_accepted_and_parked_is_reported(lonely: World) -> None:
    lonely.home.records.append(CLIENT, 1, [incoming("a"), faulty(), incoming("b")])
    parked, accepted = await lonely.home.feed()
    assert (parked.kind, parked.about) == (
        "item.parked", {"client": CLIENT, "sequence": "1", "reason": "SOURCE_FORMAT"},
    )  # fmt: skip
    assert (accepted.kind, accepted.about) == (
        "record.accepted", {"client": CLIENT, "sequence": "1", "first": "0", "count": "2"},
    )  # fmt: skip
