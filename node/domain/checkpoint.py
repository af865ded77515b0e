"""Checkpoints: what a log says of itself, as C2SP signed notes.

    heqi/<alliance id>/<member>
    <size>
    <base64 root>

    — heqi/<alliance id>/<member> <base64 of 4-byte key hash ‖ Ed25519 signature>

Source: C2SP tlog-checkpoint and signed-note (signature type 0x01).
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from node.domain.member import check_member_name
from node.domain.signature import Sign, verify_ed25519
from node.errors import CodeFormatError, ProofFormatError, SignatureError

ED25519_TYPE = b"\x01"
KEY_HASH_BYTES = 4
_MAX_NOTE_CHARS = 16_384
_MAX_SIGNATURES = 64
_ORIGIN = re.compile(r"heqi/([0-9a-f]{64})/([a-z0-9-]+)")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Size and root of one log at one moment."""

    alliance: str
    """Alliance id, 64 hex digits."""
    member: str
    size: int
    root: bytes
    """32 bytes."""

    @property
    def origin(self) -> str:
        """The log's name, also the name of its key."""
        return f"heqi/{self.alliance}/{self.member}"

    @property
    def text(self) -> str:
        """The part of the note that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def sign_checkpoint(checkpoint: Checkpoint, log_key: bytes, sign: Sign) -> str:
    """The signed note; `sign` is by the Ed25519 key whose public half is `log_key`."""
    key = key_hash(checkpoint.origin, ED25519_TYPE, log_key)
    line = signature_line(checkpoint.origin, key + sign(checkpoint.text.encode()))
    return f"{checkpoint.text}\n{line}"


def add_signature(note: str, log_key: bytes, sign: Sign) -> str:
    """The note with one more signature of the log's, by another of its keys: each is enough for who knows that one.

    Raises:
        ProofFormatError: it is no checkpoint.
    """
    checkpoint = parse_checkpoint(note)
    signed = sign_checkpoint(checkpoint, log_key, sign)
    return note + signed.removeprefix(f"{checkpoint.text}\n")


@lru_cache(maxsize=64)
def parse_checkpoint(note: str) -> Checkpoint:
    """Read a note without believing it.

    Raises:
        ProofFormatError: it is no checkpoint of a log of this kind.
    """
    text, _ = split_note(note)
    lines = text.split("\n")
    if len(lines) != 4:
        raise ProofFormatError("a checkpoint has three lines")
    origin = _ORIGIN.fullmatch(lines[0])
    if origin is None or not _SIZE.fullmatch(lines[1]):
        raise ProofFormatError("the checkpoint's origin or size is malformed")
    try:
        member = check_member_name(origin[2])
        root = base64.b64decode(lines[2], validate=True)
    except (CodeFormatError, ValueError) as error:
        raise ProofFormatError(f"the checkpoint is malformed: {error}") from error
    checkpoint = Checkpoint(origin[1], member, int(lines[1]), root)
    if len(root) != 32 or checkpoint.text != text:
        raise ProofFormatError("the checkpoint's root is not 32 bytes in base64")
    return checkpoint


@lru_cache(maxsize=64)
def open_checkpoint(note: str, log_key: bytes) -> Checkpoint:
    """Read a note and check that the log's own key signed it; other signatures on it are passed over.

    Remembered: until the next anchor all that a log shows is under one checkpoint.

    Raises:
        ProofFormatError: it is malformed.
        SignatureError: the log's signature is missing or false.
    """
    checkpoint = parse_checkpoint(note)
    text, signatures = split_note(note)
    key = key_hash(checkpoint.origin, ED25519_TYPE, log_key)
    for name, raw in signatures:
        if name == checkpoint.origin and raw[:KEY_HASH_BYTES] == key:
            verify_ed25519(log_key, text.encode(), raw[KEY_HASH_BYTES:])
            return checkpoint
    raise SignatureError(f"the checkpoint is not signed by the log key of {checkpoint.member}")


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """The signed text of a note, and its signature lines as name and key hash ‖ signature.

    Raises:
        ProofFormatError: it is no signed note.
    """
    text, blank, tail = note.partition("\n\n")
    lines = tail.split("\n")
    if len(note) > _MAX_NOTE_CHARS or not blank or lines[-1] or not 2 <= len(lines) <= _MAX_SIGNATURES:
        raise ProofFormatError("not a signed note")
    signatures = []
    for line in lines[:-1]:
        dash, _, rest = line.partition(" ")
        name, space, encoded = rest.partition(" ")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except ValueError as error:
            raise ProofFormatError("a signature line of the note is not base64") from error
        is_exact = base64.b64encode(raw).decode() == encoded
        if dash != "—" or not name or not space or not is_exact or len(raw) <= KEY_HASH_BYTES:
            raise ProofFormatError("a signature line of the note is malformed")
        signatures.append((name, raw))
    return text + "\n", signatures


def key_hash(name: str, kind: bytes, key: bytes) -> bytes:
    """Which key made a signature line: 4 bytes. `kind` is the signature type's byte."""
    return hashlib.sha256(f"{name}\n".encode() + kind + key).digest()[:KEY_HASH_BYTES]


def verifier_key(alliance: str, member: str, log_key: bytes) -> str:
    """A log's key as other tools take it: name, key hash in hex, base64 of type and key, joined by `+`.

    Source: C2SP signed-note, verifier keys.
    """
    name = Checkpoint(alliance, member, 0, b"").origin
    encoded = base64.b64encode(ED25519_TYPE + log_key).decode()
    return f"{name}+{key_hash(name, ED25519_TYPE, log_key).hex()}+{encoded}"


def signature_line(name: str, raw: bytes) -> str:
    """A signature line, its line feed included; `raw` is key hash ‖ signature."""
    return f"— {name} {base64.b64encode(raw).decode()}\n"
