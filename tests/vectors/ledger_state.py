"""What the ledger held in one block of the made-up alliance, and proofs of it, by the twin's tries."""

from functools import cache

from adapters.ledger.deployment import deployment_of
from adapters.ledger.memory.moves import AnchorEntry, GrantEntry
from adapters.ledger.memory.state import State
from adapters.ledger.memory.storage import Tries, header_of
from node.domain.descriptor import open_card
from node.domain.ledger_proof import LedgerProof, make_ledger_proof
from node.domain.proven_state import ALLIANCE, ANCHORS, GRANTS, Facts, storage_of
from tests.vectors import world
from tests.vectors.keys import fixed_bytes
from tests.vectors.world import CENTRES, GUARANTOR, HOME, NOW, READER

BLOCK = 77
EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")


def ledger_proof(
    size: int,
    root: bytes,
    grant: bytes | None = None,
    *,
    revoked: bool = False,
    resting: tuple[str, ...] = (),
    number: int = BLOCK,
    time: int = NOW,
) -> LedgerProof:
    """Proof of the home's anchor, of all members, and of a grant.

    Args:
        size: of the anchor.
        root: at that size.
        grant: id on the ledger; none is asked for if None.
        revoked: the grant was revoked.
        resting: members that are not active.
        number: of the block.
        time: of the block.
    """
    return _proof(size, root, grant, revoked, resting, number, time)


@cache
def _proof(
    size: int,
    root: bytes,
    grant: bytes | None,
    revoked: bool,
    resting: tuple[str, ...],
    number: int,
    time: int,
) -> LedgerProof:
    deployment = deployment_of(world.descriptor())
    anchors, grants = deployment.address_of(ANCHORS), deployment.address_of(GRANTS)
    state, members = State(), [*CENTRES, GUARANTOR]
    start = state.mark()
    for name in (ALLIANCE, ANCHORS, GRANTS):
        state.put("code", deployment.address_of(name), deployment.contracts[name].code_hash)
        state.put("contract", name, (deployment.address_of(name),))
    for name in members:
        state.put("member", name, open_card(world.card_token(name)))
        state.put("since", name, 0 if name in resting else 1)
    state.put("count", "active", len(members) - len(resting))
    state.put("anchor", (anchors, HOME), AnchorEntry(size, root, time))
    if grant is not None:
        state.put("grant", (grants, grant), GrantEntry(is_revoked=revoked, expires=NOW + 30 * 86_400))
    tries = Tries(state, deployment)
    state_root = tries.apply(EMPTY_ROOT, state.changed_since(start))
    asked = Facts((HOME, READER), members, (HOME,), () if grant is None else (grant,))
    book = {ANCHORS: [anchors], GRANTS: [grants]}
    wanted = storage_of(asked, deployment.address_of(ALLIANCE), book)
    header = header_of(fixed_bytes("block before"), number, time, state_root, b"block")
    return make_ledger_proof(header, wanted, tries.nodes_of(state_root, wanted))
