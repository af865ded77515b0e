"""Who read what: in the subject's history, in the home's log, and under the reader's countersignature."""

from typing import Any

import pytest

from node.domain.document import document_digest, sign_document
from node.domain.encoding import to_base64url
from node.domain.reading import ReadReceipt
from node.errors import MissingError, SignatureError
from node.ports import Answer
from node.services.registration import READ_LOG
from tests.support.world import SCOPE, Shared, World
from tests.support.world_centre import Centre
from tests.support.world_dishonest import read_request


def read(world: World, shared: Shared) -> Answer:
    request = read_request(world, world.reader, shared.token)
    return world.home.serving.read(world.reader.name, request, shared.token)


def receipt(world: World, by: Centre, answered: Answer, **changes: Any) -> str:
    values: dict[str, Any] = {
        "alliance": world.descriptor.alliance,
        "iat": int(world.clock.now()),
        "jti": to_base64url(b"r" * 16),
        "iss": by.name,
        "aud": world.home.name,
        "answer": document_digest(answered.answer).hex(),
        **changes,
    }
    return sign_document(ReadReceipt(**values), by.keys.identity.sign)


async def test_every_read_is_in_the_history_and_a_missing_receipt_shows(world: World, shared: Shared) -> None:
    answers = [read(world, shared) for _ in range(2)]
    world.home.serving.take_receipt(world.reader.name, receipt(world, world.reader, answers[1]))
    history = list(world.home.serving.history(shared.bidder.subject))
    assert [entry.answer for entry in history] == [answer.answer for answer in answers]
    assert [bool(entry.receipt) for entry in history] == [False, True]


async def test_a_receipt_by_anybody_but_the_reader_of_that_answer_is_refused(
    world: World, shared: Shared
) -> None:
    answer, serving = read(world, shared), world.home.serving
    with pytest.raises(SignatureError):
        serving.take_receipt(world.reader.name, receipt(world, world.third, answer))
    with pytest.raises(MissingError):
        serving.take_receipt(world.third.name, receipt(world, world.third, answer))
    with pytest.raises(MissingError):
        serving.take_receipt(world.reader.name, receipt(world, world.reader, answer, iss=world.third.name))
    with pytest.raises(MissingError):
        serving.take_receipt(world.reader.name, receipt(world, world.reader, answer, answer="ab" * 32))
    assert [entry.receipt for entry in serving.history(shared.bidder.subject)] == [""]


async def test_a_read_becomes_a_record_of_the_homes_log(world: World, shared: Shared) -> None:
    answer = read(world, shared)
    position = max(world.home.records.all_of(shared.bidder.subject))
    stored = world.home.records.load(position)
    assert (stored.header.category, stored.header.owner) == (READ_LOG, shared.bidder.subject)
    assert stored.fields["answer"] == document_digest(answer.answer).hex()
    assert stored.fields["scope"] == [{"category": "subject.base", "fields": list(SCOPE[0].fields)}]
    await world.settle()
    assert world.home.services.proving.final_through() > position


async def test_the_history_of_a_subject_is_sealed_and_its_own(world: World, shared: Shared) -> None:
    read(world, shared)
    [entry] = world.home.serving.history(shared.bidder.subject)
    for key, value in world.home.store.everything().items():
        assert entry.request.encode() not in value, key
    assert list(world.home.serving.history("ab" * 32)) == []


async def test_a_history_row_that_was_deleted_is_missed(world: World, shared: Shared) -> None:
    answer = read(world, shared)
    [(key, _)] = world.home.store.scan(b"h/")
    world.home.store.inner._values.pop(key)
    with pytest.raises(MissingError):
        world.home.serving.take_receipt(world.reader.name, receipt(world, world.reader, answer))
