"""The ledger that the vectors' alliance stands on, after the story: a block that can be proven."""

from trie.constants import BLANK_NODE_HASH

from adapters.ledger.deployment import deployment_of
from adapters.ledger.memory.moves import AnchorEntry, GrantEntry
from adapters.ledger.memory.standings import Former
from adapters.ledger.memory.state import State
from adapters.ledger.memory.storage import Tries, header_of
from node.domain.descriptor import founders_of
from node.domain.ledger_proof import LedgerProof, make_ledger_proof
from node.domain.proven_state import ALLIANCE, ANCHORS, GRANTS, Facts, open_ledger_proof, storage_of
from tests.vectors import story, world
from tests.vectors.keys import fixed_bytes
from tests.vectors.world import CENTRES, HOME, NOW, READER

NUMBER = 4_711
ALL = Facts(members=(HOME, READER), anchors=(HOME, READER), grants=(story.granted_id(), bytes(32)))
"""The home has an anchor and the reader has none; the story's grant is registered, the other is not known."""

SUCCESSOR = fixed_bytes("second contract Grants")[:20]
BOOK = {
    ANCHORS: [world.contract(ANCHORS)],
    GRANTS: [world.contract(GRANTS), SUCCESSOR],
}
"""`Grants` was replaced by a contract of the same code after the story's grant was registered."""


def proof(facts: Facts = ALL, **changes: object) -> LedgerProof:
    """A proof of facts in the one block; `changes` to what `header_of` is given."""
    tries, root = _tries()
    given = {"parent": bytes(32), "number": NUMBER, "time": NOW, "state_root": root, "content": b""}
    wanted = storage_of(facts, world.contract(ALLIANCE), BOOK)
    return make_ledger_proof(header_of(**given | changes), wanted, tries.nodes_of(root, wanted))


def _tries() -> tuple[Tries, bytes]:
    descriptor = world.descriptor()
    deployment, state = deployment_of(descriptor), State()
    for place in deployment.contracts.values():
        state.put("code", place.address, place.code_hash)
    state.put("code", SUCCESSOR, deployment.contracts[GRANTS].code_hash)
    for number, member in enumerate(founders_of(descriptor).values(), 1):
        state.put("member", member.name, member)
        state.put("since", member.name, number)
    state.put("count", "active", len(CENTRES))
    state.put("former", READER, Former(version=2, identity_until=NOW, log_size=9))
    for name, addresses in BOOK.items():
        state.put("contract", name, tuple(addresses))
    anchor = AnchorEntry(story.LOG_SIZE, story.root(story.LOG_SIZE), NOW - 60)
    state.put("anchor", (BOOK[ANCHORS][0], HOME), anchor)
    expires = story.grant().exp
    state.put("grant", (BOOK[GRANTS][0], story.granted_id()), GrantEntry(is_revoked=False, expires=expires))
    tries = Tries(state, deployment)
    return tries, tries.apply(BLANK_NODE_HASH, state.changed_since(0))


def facts() -> dict[str, object]:
    """What the proof shows, as the code reads it."""
    state = open_ledger_proof(proof(), world.descriptor())
    anchor, members = state.anchor(HOME), [state.member(name) for name in ALL.members]
    assert anchor is not None
    return {
        "number": state.block.number,
        "hash": state.block.hash.hex(),
        "time": state.block.time,
        "contracts": {name: [one.hex() for one in state.contracts(name)] for name in (ANCHORS, GRANTS)},
        "members": {
            one.name: {
                "active": one.is_active,
                "roles": one.roles,
                "account": one.account.hex(),
                "identity_key": one.identity_key.hex(),
                "log_key": one.log_key.hex(),
                "keys_version": one.keys_version,
                "log_size": one.log_size,
            }
            for one in members
        },
        "anchors": {
            HOME: {"size": anchor.size, "root": anchor.root.hex(), "time": anchor.time},
        },
        "grants": {
            grant.hex(): {"state": int(state.grant(grant).standing), "expires": state.grant(grant).expires}
            for grant in ALL.grants
        },
    }
