"""A contract is replaced in a world."""

from node.domain.ledger import CastVote
from tests.support.world import World


async def replace(world: World, name: str, code_hash: bytes | None = None) -> bytes:
    """The members vote for another contract; its address."""
    address = world.chain.deploy(name, code_hash)
    code = world.chain.code_hash(address)
    assert code is not None
    world.home.services.membership.propose_contract(name, address, code, 0)
    await world.settle()
    number = max(number for number, _ in world.home.services.projection.proposals())
    for voter in world.centres.values():
        if address in {entry.address for entry in world.home.services.projection.contracts()}:
            break
        if voter is not world.home:
            world.queue(voter, "vote", CastVote(number, approve=True))
            await world.settle()
    return address
