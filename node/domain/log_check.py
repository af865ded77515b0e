"""How far a log that a bundle shows is vouched for by others: by members who saw it grow, by the ledger.

One log key can sign two histories; more than half of the other members would have to help to hide that, or the
ledger would have to hold another anchor.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from node.domain.bundle import Bundle, LaterCheckpoint
from node.domain.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from node.domain.cosignature import cosignatures, witnesses_needed
from node.domain.descriptor import Descriptor
from node.domain.encoding import from_base64url
from node.domain.evidence import Evidence
from node.domain.member import Member
from node.domain.merkle import verify_consistency
from node.domain.proven_state import ProvenState, open_ledger_proof
from node.errors import AnchorError, DocumentFormatError, InclusionError, ProofFormatError


@dataclass(frozen=True, slots=True)
class ShownCheckpoint:
    """A checkpoint that holds, and the note that shows it."""

    checkpoint: Checkpoint
    note: str


@dataclass(frozen=True, slots=True)
class Witnessed:
    """How far a checkpoint is witnessed."""

    size: int
    names: Sequence[str]
    """Of the members whose cosignatures count."""
    needed: int
    others: int
    """Members beside the log's own."""
    earliest: int
    """Time of the first cosignature, seconds since 1970 UTC; 0 if there is none."""

    @property
    def is_enough(self) -> bool:
        """Whether more than half of the others stand behind it."""
        return len(self.names) >= self.needed


@dataclass(frozen=True, slots=True)
class LogStanding:
    """What stands behind the log of a bundle."""

    witnessed: Witnessed
    states: Sequence[ProvenState]
    """Of the ledger, in ascending order of blocks."""
    anchored: ProvenState | None
    """The one that holds an anchor of one of the log's checkpoints; None if the bundle shows no state."""


def check_log(
    bundle: Bundle, first: Checkpoint, members: dict[str, Member], descriptor: Descriptor
) -> LogStanding:
    """Check all checkpoints, cosignatures and proofs of the ledger that a bundle shows.

    Args:
        bundle: whose evidence is right.
        first: the evidence's checkpoint.
        members: whose keys the verifier trusts, by name, changes of keys followed.
        descriptor: checked.

    Raises:
        ProofFormatError: something is malformed, out of order or of no use.
        AnchorError: a checkpoint is of another log, or the ledger holds another anchor.
        SignatureError: a signature is false.
        InclusionError: a later checkpoint does not contain the evidence's.
        LedgerProofError: a proof of the ledger is false.
    """
    shown = check_checkpoints(bundle.evidence, first, bundle.later, members[bundle.member])
    states = [open_ledger_proof(proof, descriptor) for proof in bundle.ledger]
    if any(after.block.number <= before.block.number for before, after in pairwise(states)):
        raise ProofFormatError("proofs of the ledger stand in ascending order of blocks")
    anchored = _anchored(states, shown)
    witnessed = count_witnesses(shown, members, anchored)
    of_use = {witnessed.size} if witnessed.names else set()
    if anchored is not None:
        of_use.add(_anchor_size(anchored, bundle.member))
    if any(one.checkpoint.size not in of_use for one in shown[1:]):
        # So there is one way to write a bundle.
        raise ProofFormatError("a later checkpoint is neither witnessed nor anchored")
    return LogStanding(witnessed, states, anchored)


def check_checkpoints(
    evidence: Evidence, first: Checkpoint, later: Sequence[LaterCheckpoint], home: Member
) -> list[ShownCheckpoint]:
    """The evidence's checkpoint, and those after it once they are shown to contain it.

    Args:
        evidence: already checked.
        first: its checkpoint.
        later: what the bundle shows besides.
        home: whose log it is.

    Raises:
        ProofFormatError: malformed, or not in ascending order of sizes.
        AnchorError: a checkpoint of another log.
        SignatureError: not signed by the log's key.
        InclusionError: one does not contain the evidence's.
    """
    shown = [ShownCheckpoint(first, evidence.checkpoint)]
    for one in later:
        claimed = parse_checkpoint(one.checkpoint)
        checkpoint = open_checkpoint(one.checkpoint, home.log_key_at(claimed.size))
        if (checkpoint.alliance, checkpoint.member) != (first.alliance, first.member):
            raise AnchorError(f"a later checkpoint is of the log {checkpoint.origin}")
        is_ascending = checkpoint.size > shown[-1].checkpoint.size
        if not is_ascending and not (len(shown) == 1 and checkpoint.size == first.size):
            raise ProofFormatError("later checkpoints stand in ascending order of sizes")
        try:
            path = [from_base64url(node) for node in one.consistency]
        except DocumentFormatError as error:
            raise ProofFormatError(f"a consistency proof is malformed: {error}") from error
        if first.size == 0:
            raise InclusionError("there is no proof from an empty log")
        verify_consistency(first.size, checkpoint.size, first.root, checkpoint.root, path)
        shown.append(ShownCheckpoint(checkpoint, one.checkpoint))
    return shown


def count_witnesses(
    shown: Sequence[ShownCheckpoint], members: dict[str, Member], state: ProvenState | None
) -> Witnessed:
    """The best witnessed of the checkpoints.

    With a proof of the ledger's state those count that were active members then, under the log key that they had
    then, against the number of members then; without one, all that the verifier knows, under their present keys.

    Args:
        shown: checkpoints of one log.
        members: whose keys the verifier trusts, by name.
        state: what the ledger held when one of the checkpoints was anchored.

    Raises:
        SignatureError: a line names a key that counts, and its signature is false.
        ProofFormatError: a note is malformed.
    """
    home = shown[0].checkpoint.member
    if state is None:
        keys = {name: member.log_key for name, member in members.items() if name != home}
        others = len(keys)
    else:
        keys = dict(_proven_keys(members, home, state))
        others = state.active_members() - state.member(home).is_active
    found = []
    for one in shown:
        times = cosignatures(one.note, one.checkpoint, keys)
        names = sorted(times)
        found.append(
            Witnessed(
                one.checkpoint.size,
                names,
                witnesses_needed(others),
                others,
                min(times.values(), default=0),
            )
        )
    return max(found, key=lambda each: len(each.names))


def _proven_keys(members: dict[str, Member], home: str, state: ProvenState) -> Iterator[tuple[str, bytes]]:
    for name, member in members.items():
        proven = None if name == home else state.witness(name)
        if proven is not None and proven.is_active and proven.log_key in member.log_keys:
            yield name, proven.log_key


def _anchored(states: Sequence[ProvenState], shown: Sequence[ShownCheckpoint]) -> ProvenState | None:
    home = shown[0].checkpoint.member
    heads = {(one.checkpoint.size, one.checkpoint.root) for one in shown}
    for state in states:
        anchor = state.anchor(home)
        if anchor is not None and (anchor.size, anchor.root) in heads:
            return state
    if states:
        raise AnchorError(f"the ledger holds another anchor of {home} than the bundle shows")
    return None


def _anchor_size(state: ProvenState, home: str) -> int:
    anchor = state.anchor(home)
    return 0 if anchor is None else anchor.size
