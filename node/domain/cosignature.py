"""Cosignatures: a member says that it has seen a checkpoint of another's log, and that the log only grew.

    — heqi/<alliance id>/<witness> <base64 of 4-byte key hash ‖ 8-byte time ‖ Ed25519 signature>

The signature is over "cosignature/v1", the time, and the checkpoint's text, so no cosignature is ever a checkpoint
and the other way round, and a member's log key may make both.

Source: C2SP tlog-cosignature (signature type 0x04).
"""

from collections.abc import Iterable, Mapping

from node.domain.checkpoint import KEY_HASH_BYTES, Checkpoint, key_hash, signature_line, split_note
from node.domain.signature import Sign, verify_ed25519
from node.errors import ProofFormatError, SignatureError

_COSIGNATURE_TYPE = b"\x04"
_TIME_BYTES = 8


def cosign(checkpoint: Checkpoint, witness: str, witness_key: bytes, time: int, sign: Sign) -> str:
    """The signature line, its line feed included.

    Args:
        checkpoint: of another member's log, already checked.
        witness: name of the member that signs.
        witness_key: public half of its log key, 32 bytes.
        time: seconds since 1970 UTC.
        sign: by that key.
    """
    name = _name(checkpoint, witness)
    raw = key_hash(name, _COSIGNATURE_TYPE, witness_key) + time.to_bytes(_TIME_BYTES, "big")
    return signature_line(name, raw + sign(_message(checkpoint, time)))


def open_cosignature(line: str, checkpoint: Checkpoint, witness: str, witness_key: bytes) -> int:
    """Check a signature line; its time, seconds since 1970 UTC.

    Raises:
        ProofFormatError: it is not one line of a note.
        SignatureError: it is not this witness's over this checkpoint.
    """
    _, found = split_note(f"{checkpoint.text}\n{line}")
    if len(found) != 1:
        raise ProofFormatError("a cosignature is one line")
    times = _times(found, checkpoint, {witness: witness_key})
    if witness not in times:
        raise SignatureError(f"this is no cosignature of {witness}")
    return times[witness]


def cosignatures(note: str, checkpoint: Checkpoint, witnesses: Mapping[str, bytes]) -> dict[str, int]:
    """Who of the known witnesses has cosigned a note, and when. Lines of others are passed over.

    Args:
        note: the checkpoint's note.
        checkpoint: what it says.
        witnesses: log key by member name; the log's own member does not count and is passed over.

    Raises:
        ProofFormatError: it is no signed note.
        SignatureError: a line names a known witness's key, and its signature is false.
    """
    _, found = split_note(note)
    others = {name: key for name, key in witnesses.items() if name != checkpoint.member}
    return _times(found, checkpoint, others)


def with_cosignatures(note: str, lines: Iterable[str]) -> str:
    """The note with further signature lines."""
    return note + "".join(lines)


def witnesses_needed(others: int) -> int:
    """How many cosignatures make a checkpoint witnessed, of so many members beside the log's own: more than half.

    With fewer, two halves of an alliance could each vouch for another version of one log.
    """
    return others // 2 + 1 if others else 0


def _times(
    found: list[tuple[str, bytes]], checkpoint: Checkpoint, witnesses: Mapping[str, bytes]
) -> dict[str, int]:
    wanted = {}
    for witness, key in witnesses.items():
        name = _name(checkpoint, witness)
        wanted[name, key_hash(name, _COSIGNATURE_TYPE, key)] = witness, key
    times = {}
    for name, raw in found:
        if (name, raw[:KEY_HASH_BYTES]) in wanted:
            witness, key = wanted[name, raw[:KEY_HASH_BYTES]]
            stamp, signature = raw[KEY_HASH_BYTES:][:_TIME_BYTES], raw[KEY_HASH_BYTES + _TIME_BYTES :]
            time = int.from_bytes(stamp, "big")
            verify_ed25519(key, _message(checkpoint, time), signature)
            times[witness] = time
    return times


def _message(checkpoint: Checkpoint, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{checkpoint.text}".encode()


def _name(checkpoint: Checkpoint, witness: str) -> str:
    return f"heqi/{checkpoint.alliance}/{witness}"
