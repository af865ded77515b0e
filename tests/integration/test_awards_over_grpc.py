"""The proof of an award over real gRPC: to the winner, and to the lender that it names."""

import asyncio
import time

import pytest
import pytest_asyncio
from heqi.v1 import award_service_pb2 as pb
from heqi.v1 import award_service_pb2_grpc as rpc

from node.domain.bundle_check import Verifier
from node.domain.case import read_case
from node.errors import EvidencePendingError, GrantMissingError, NodeError, RoleMissingError
from node.wallet.awards import sign_award_grant, terms_of
from node.wallet.guarantees import GuaranteeScribe
from node.wire.status import from_rpc_error
from tests.support.network import open_network
from tests.support.network_bidder import Bidder, settled
from tests.support.world_records import incoming

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOME, CENTRE, BANK = "centre-a", "centre-b", "bank-d"
PROJECT = "ocds-h3q1-GC-2026-009"
DAY = 86_400


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    async with open_network(tmp_path_factory.mktemp("network"), guarantors=(BANK,)) as running:
        yield running


async def in_time(attempt):
    """The first result that is not one of what passes."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return await attempt()
        except (EvidencePendingError, GrantMissingError):
            assert time.monotonic() < deadline, "waited in vain"
            await asyncio.sleep(0.1)


async def fetch(network, member: str, grant: str, delegation: str) -> bytes:
    async with network[member].operator_channel() as connection:
        try:
            request = pb.FetchAwardsRequest(award_grant=grant, delegation=delegation)
            return (await rpc.AwardServiceStub(connection).FetchAwards(request)).case
        except Exception as error:
            raise from_rpc_error(error, member) from error


def shown(network, case: bytes):
    opened = read_case(case.splitlines(keepends=True), Verifier(network.descriptor))
    return [dict(record.fields) for bundle in opened.bundles for record in bundle.evidence.records]


async def test_the_winner_and_the_lender_it_names_get_the_proof_and_nobody_else(network):
    winner, other = Bidder(network, 81), Bidder(network, 82)
    for bidder in (winner, other):
        await bidder.register(HOME)
        await settled(bidder)
    supplier = {"id": winner.code, "identifier": {"scheme": "CN-USCC", "id": winner.code}}
    fields = {"id": "A-1", "status": "active", "suppliers": (supplier,), "title": "中标公告"}
    item = incoming(f"{PROJECT}/A-1", category="trade.award", fields=fields, project=PROJECT)
    assert network[CENTRE].services.records.append("awards", 1, [item]).parked == 0

    def asked(bidder) -> str:
        return GuaranteeScribe(bidder.scribe).ask_awards(CENTRE, PROJECT, bidder.delegation())

    case = await in_time(lambda: winner.at(CENTRE, "prove_awards", asked(winner)))
    [award] = shown(network, case)
    assert award == {"id": "A-1", "status": "active", "suppliers": [supplier]}
    with pytest.raises(NodeError) as refused:
        await other.at(CENTRE, "prove_awards", asked(other))
    assert refused.value.reason == GrantMissingError.reason

    expires, papers = int(time.time()) + DAY, winner.delegation()
    grant = sign_award_grant(winner.scribe, BANK, CENTRE, PROJECT, expires)
    await winner.at(HOME, "relay_grant", winner.scribe.relay_terms(HOME, terms_of(grant)))
    assert shown(network, await in_time(lambda: fetch(network, BANK, grant, papers))) == [award]

    to_centre = sign_award_grant(winner.scribe, "centre-c", CENTRE, PROJECT, expires)
    with pytest.raises(RoleMissingError):
        await fetch(network, "centre-c", to_centre, papers)
