"""What operators hand in and see about registered subjects."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from heqi.v1 import registration_service_pb2 as pb

from adapters.registries.trial import MemoryRegistry
from node.api.registration_service import RegistrationService
from node.domain.attestation import evidence_digest
from node.errors import InvalidError, MissingError, RecordFormatError
from tests.support.world import World

CONTEXT: Any = mock.Mock()


@pytest.fixture
def world() -> Iterator[World]:
    with World(("hangzhou",), registry=MemoryRegistry()) as world:
        yield world


def service(world: World) -> RegistrationService:
    services = world.home.services
    return RegistrationService(
        services.loading, services.attesting, services.look_ups, services.registrations
    )


async def test_an_operator_attests_and_sees_it_by_id_and_by_credit_code(world: World) -> None:
    bidder, node = world.bidder(), service(world)
    world.register(bidder)
    salt = b"s" * 32
    request = pb.AttestRecordRequest(
        subject_id=bidder.subject,
        category="subject.qualification",
        thing="D199999999",
        version=1,
        fields=["level", "level"],
        authority="示例市住房和城乡建设局",
        evidence=evidence_digest(salt, b"document"),
        evidence_salt=salt.hex(),
    )
    kept = (await node.AttestRecord(request, CONTEXT)).attestation
    assert (kept.attestation.method, kept.attestation.attester_kind) == ("document", "authority")
    for name in ({"subject_id": bidder.subject}, {"credit_code": bidder.code}):
        found = await node.ListAttestations(pb.ListAttestationsRequest(**name), CONTEXT)
        assert {one.attestation.method for one in found.attestations} == {"certificate", "document"}
        assert (found.subject_id, found.look_up.waiting) == (bidder.subject, True)
    await world.home.services.look_ups.step()
    await node.LookUpRegistry(pb.LookUpRegistryRequest(subject_id=bidder.subject), CONTEXT)
    again = await node.ListAttestations(pb.ListAttestationsRequest(subject_id=bidder.subject), CONTEXT)
    assert again.look_up.waiting


async def test_a_subject_is_named_once_and_must_be_here(world: World) -> None:
    bidder, node = world.bidder(), service(world)
    world.register(bidder)
    for name in ({}, {"subject_id": bidder.subject, "credit_code": bidder.code}, {"subject_id": "AB"}):
        with pytest.raises(InvalidError):
            await node.ListAttestations(pb.ListAttestationsRequest(**name), CONTEXT)
    for name in ({"subject_id": "ab" * 32}, {"credit_code": "91110000600037341L"}):
        with pytest.raises(MissingError):
            await node.ListAttestations(pb.ListAttestationsRequest(**name), CONTEXT)
    with pytest.raises(MissingError):
        await node.AttestRecord(
            pb.AttestRecordRequest(subject_id=bidder.subject, category="subject.base", thing="x", version=1),
            CONTEXT,
        )
    with pytest.raises(RecordFormatError):
        await node.AttestRecord(
            pb.AttestRecordRequest(
                subject_id=bidder.subject, category="subject.base", thing="base", version=1
            ),
            CONTEXT,
        )
