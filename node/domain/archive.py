"""The archive of a node: what its files say, byte by byte in `docs/formats/archive.md`.

A folder that is signed as a whole: `manifest.jwt` names `manifest.jsonl`, and that names every other file.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, TypeVar

import msgspec

from node.domain.document import Document
from node.domain.encoding import Hex20, Hex32, Hex64, canonical_json, decode_canonical, to_base64url
from node.domain.member import Member, Standing
from node.domain.record import SealedRecord
from node.domain.succession import ShownSuccession
from node.errors import ArchiveError, DocumentFormatError

T = TypeVar("T", bound=msgspec.Struct)

STATEMENT, MANIFEST = "manifest.jwt", "manifest.jsonl"
README, ALLIANCE, MEMBERS = "README.txt", "alliance.json", "members.jsonl"
CHECKPOINT, WITNESSED = "checkpoint", "witnessed"
ANCHORS, RECORDS = "anchors", "records"
LINES, SEALED = ".jsonl", ".jsonl.jwe"
MAX_CHUNK_BYTES = 4 << 20
"""Of lines in one file, before encryption."""
MAX_BASIS_CHARS = 200
_PATH = re.compile(r"README\.txt|(?:[a-z0-9_][a-z0-9._-]*/)*[a-z0-9_][a-z0-9._-]*")
_MAX_PATH_CHARS = 200

Natural = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]


class ArchiveStatement(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A member's signature on an archive of its node."""

    kind: ClassVar[str] = "archive"

    iss: str
    recipient: Hex64
    """P-256 key that opens the encrypted files, x ‖ y."""
    basis: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_BASIS_CHARS)]
    """On what ground the data was handed over."""
    size: Positive
    """Of the log."""
    root: Hex32
    records: Natural
    files: Positive
    manifest: Hex32
    """SHA-256 of `manifest.jsonl`."""
    manifest_sm3: Hex32


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of `manifest.jsonl`."""

    path: str
    size: Natural
    sha256: Hex32
    sm3: Hex32


class ArchivedMember(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of `members.jsonl`."""

    name: str
    roles: Natural
    account: Hex20
    identity_key: Hex64
    log_key: Hex32
    sealing_key: Hex32
    endpoint: str
    wallet_endpoint: str
    standing: Standing
    successions: tuple[ShownSuccession, ...]


class ArchivedAnchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line of `anchors/`."""

    size: Positive
    root: Hex32
    block: Natural


class ArchivedRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of `records/`; of an erased record its place alone."""

    position: Natural
    index: Natural = -1
    """In the log; -1 and left out before publication."""
    payload: str = ""
    blind: str = ""
    disclosures: tuple[str, ...] = ()
    erased: bool = False


class ArchivedRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of any other encrypted file."""

    key: Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{2})+\Z")]
    value: dict[str, object] = {}
    erased: bool = False


def archived_record(position: int, index: int | None, sealed: SealedRecord) -> ArchivedRecord:
    """The line of a record that can be read."""
    shown = sealed.commitments.disclosures
    return ArchivedRecord(
        position,
        -1 if index is None else index,
        to_base64url(sealed.payload),
        to_base64url(sealed.commitments.blind),
        tuple(shown[name] for name in sorted(shown)),
    )


def archived_member(
    member: Member, standing: Standing, successions: Iterable[ShownSuccession]
) -> ArchivedMember:
    """The line of a member."""
    return ArchivedMember(
        name=member.name,
        roles=int(member.roles),
        account=member.account.hex(),
        identity_key=member.identity_key.hex(),
        log_key=member.log_key.hex(),
        sealing_key=member.sealing_key.hex(),
        endpoint=member.endpoint,
        wallet_endpoint=member.wallet_endpoint,
        standing=standing,
        successions=tuple(successions),
    )


def sm3(content: bytes) -> str:
    """64 hex digits. Source: GB/T 32905-2016."""
    return hashlib.new("sm3", content).hexdigest()


def file_entry(path: str, content: bytes) -> FileEntry:
    """The line of a file in the manifest."""
    return FileEntry(path, len(content), hashlib.sha256(content).hexdigest(), sm3(content))


def check_file(entry: FileEntry, content: bytes) -> bytes:
    """The content, if it is what the manifest says.

    Raises:
        ArchiveError: it is not.
    """
    if file_entry(entry.path, content) != entry:
        raise ArchiveError(f"{entry.path} is not the file that was signed")
    return content


def encode_line(line: msgspec.Struct) -> bytes:
    """Canonical JSON and a line feed."""
    return canonical_json(msgspec.to_builtins(line)) + b"\n"


def decode_lines(raw: bytes, kind: type[T], path: str) -> Iterator[T]:
    """The lines of a file.

    Raises:
        ArchiveError: they are not lines of this kind in the one allowed encoding.
    """
    *lines, rest = raw.split(b"\n")
    if rest:
        raise ArchiveError(f"{path} does not end with a line")
    for number, line in enumerate(lines, 1):
        try:
            yield decode_canonical(line, kind)
        except DocumentFormatError as error:
            raise ArchiveError(f"{path}, line {number}: {error}") from error


def parse_manifest(raw: bytes) -> dict[str, FileEntry]:
    """The files of an archive by path, in order; the manifest's own two files are not among them.

    Raises:
        ArchiveError: it is malformed, not sorted, or names what cannot be in an archive.
    """
    entries: dict[str, FileEntry] = {}
    last = ""
    for entry in decode_lines(raw, FileEntry, MANIFEST):
        if entry.path <= last or entry.path in {STATEMENT, MANIFEST} or not is_archive_path(entry.path):
            raise ArchiveError(f"{MANIFEST} must not name {entry.path!r} there")
        last = entry.path
        entries[last] = entry
    return entries


def is_archive_path(path: str) -> bool:
    """Whether a file of an archive can have this path: relative, no part that leads out, nothing hidden."""
    return len(path) <= _MAX_PATH_CHARS and _PATH.fullmatch(path) is not None


def chunk_path(family: str, number: int, ending: str) -> str:
    """Path of a file of lines that begins with this number."""
    return f"{family}/{number:012d}{ending}"


def chunk_paths(entries: Mapping[str, FileEntry], family: str) -> list[str]:
    """Paths of a family's files, in order."""
    return [path for path in entries if path.startswith(f"{family}/")]


README_TEXT = """\
合契节点档案 | Archive of a Heqi node
====================================

本目录是一个公共资源交易中心节点的完整导出，可脱离该节点独立核验：
This folder is the full export of a trading centre's node; it can be verified without that node:

    heqi archive verify FOLDER --alliance alliance.json [--key KEY.pem]

manifest.jwt      成员的签名（JWS，RFC 7515，ES256）        the member's signature on all of it
manifest.jsonl    每个文件的大小、SHA-256、SM3              size and hashes of every file
checkpoint, tile/ 日志（C2SP tlog-tiles，RFC 6962）          the log
anchors/          账本锚定                                  what the ledger holds of the log
records/ …        记录等，加密（JWE，RFC 7516，P-256）       encrypted to the recipient named in manifest.jwt

解密后为 JSON Lines；一行一条，文件不超过 4 MiB。没有本软件也可用任何 JWE、JWS 工具读取。
Decrypted they are JSON Lines. Any JWE and JWS tools read them without this software.
格式说明 | byte by byte: docs/formats/archive.md
"""
