"""Checking an archive: files in, verdict out; the steps are those of `docs/formats/archive.md`.

Every file is read through its line in the signed manifest, at each reading, so nothing is believed that was changed
between two of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from node.domain.archive import (
    ALLIANCE,
    ANCHORS,
    CHECKPOINT,
    LINES,
    MANIFEST,
    MAX_CHUNK_BYTES,
    MEMBERS,
    RECORDS,
    SEALED,
    STATEMENT,
    WITNESSED,
    ArchivedAnchor,
    ArchivedMember,
    ArchivedRecord,
    ArchivedRow,
    ArchiveStatement,
    FileEntry,
    check_file,
    chunk_path,
    chunk_paths,
    decode_lines,
    file_entry,
    parse_manifest,
)
from node.domain.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from node.domain.cosignature import cosignatures
from node.domain.descriptor import (
    Descriptor,
    alliance_domain,
    descriptor_digest,
    known_members,
    open_alliance_file,
)
from node.domain.disclosure import BLIND_BYTES, open_disclosures
from node.domain.document import open_members_document, peek_document
from node.domain.encoding import from_base64url
from node.domain.member import Member
from node.domain.merkle import EMPTY_ROOT, leaf_hash, node_hash
from node.domain.record import RecordHeader, entry_of, parse_payload
from node.domain.succession import follow_all, read_succession
from node.domain.tile import TILE_HEIGHT, TILE_WIDTH, ReadFile, levels_of, split_entries, tile_path, tiles_of
from node.errors import ArchiveError, NodeError

Open = Callable[[bytes], bytes]
"""Decrypts a file; raises `ArchiveError`."""
Progress = Callable[[str, int, int], None]
"""(what, done, of how many)."""

_BUNDLES_AT_HAND = 64


@dataclass(frozen=True, slots=True)
class VerifiedArchive:
    """What a checked archive is."""

    statement: ArchiveStatement
    token: str
    """The statement as it was signed."""
    checkpoint: Checkpoint
    witnesses: Sequence[str]
    """Who cosigned the newest checkpoint that had enough cosignatures."""
    anchored_size: int
    """Of the last anchor; 0 if there is none."""
    opened: bool
    """Whether the encrypted files were read."""
    erased: int
    unpublished: int


class Archive:
    """The files of an archive; each is read through the signed manifest."""

    def __init__(self, read: ReadFile, descriptor: Descriptor, cards: Sequence[str] = ()) -> None:
        """Checks the statement and reads the manifest.

        Args:
            read: path → content; raises `ArchiveError` if there is none.
            descriptor: that the caller trusts.
            cards: of members whom the caller trusts besides the founders.

        Raises:
            ArchiveError: this is no archive, or its files are not what was signed.
            DocumentFormatError, SignatureError, DescriptorError: signatures or key changes do not fit.
        """
        self._read = read
        self.token = _text(read(STATEMENT), STATEMENT).removesuffix("\n")
        manifest = read(MANIFEST)
        self.statement = statement = peek_document(self.token, ArchiveStatement)
        if _text(read(STATEMENT), STATEMENT) != self.token + "\n":
            raise ArchiveError(f"{STATEMENT} is not one line")
        if statement.alliance != descriptor.alliance:
            raise ArchiveError("the archive belongs to another alliance than the descriptor")
        signed = file_entry(MANIFEST, manifest)
        if (signed.sha256, signed.sm3) != (statement.manifest, statement.manifest_sm3):
            raise ArchiveError(f"{MANIFEST} is not the file that was signed")
        self.entries = parse_manifest(manifest)
        if len(self.entries) != statement.files:
            raise ArchiveError(f"{MANIFEST} names {len(self.entries)} files, not {statement.files}")
        self.members = self._members(descriptor, cards)
        self.member = self.members.get(statement.iss)
        if self.member is None:
            raise ArchiveError(f"{statement.iss} is no founder of the alliance; give its member card")
        open_members_document(self.token, ArchiveStatement, self.member.identity_keys)
        self._bundle = lru_cache(maxsize=_BUNDLES_AT_HAND)(self._load_bundle)

    def read(self, path: str) -> bytes:
        """A file as it was signed.

        Raises:
            ArchiveError: it is missing or another.
        """
        entry = self.entries.get(path)
        if entry is None:
            raise ArchiveError(f"the archive has no {path}")
        return check_file(entry, self._read(path))

    def entry(self, index: int) -> bytes:
        """An entry of the log.

        Raises:
            ArchiveError: the log has no such entry, or its file is another.
        """
        if not 0 <= index < self.statement.size:
            raise ArchiveError(f"the log has no entry {index}")
        return self._bundle(index // TILE_WIDTH)[index % TILE_WIDTH]

    def bundles(self) -> Iterator[list[bytes]]:
        """All entries in order, up to 256 at a time."""
        for index, _ in tiles_of(self.statement.size):
            yield self._load_bundle(index)

    def records(self, open_sealed: Open, start: int = 0) -> Iterator[ArchivedRecord]:
        """The records from a position on, each checked against the log (step 6).

        Raises:
            ArchiveError: one is not what the log holds.
        """
        paths = chunk_paths(self.entries, RECORDS)
        starts = [path for path in paths if path <= chunk_path(RECORDS, start, SEALED)]
        last = -1
        for path in paths[max(len(starts) - 1, 0) :]:
            for line in decode_lines(_opened(self.read(path), open_sealed, path), ArchivedRecord, path):
                if line.position <= last or (last < 0 and chunk_path(RECORDS, line.position, SEALED) != path):
                    raise ArchiveError(f"{path}: record {line.position} does not stand there")
                last = line.position
                if line.position >= start:
                    self._check_record(line)
                    yield line

    def _check_record(self, line: ArchivedRecord) -> None:
        try:
            read_record(line, self.statement, self.entry)
        except ArchiveError:
            raise
        except NodeError as error:
            raise ArchiveError(f"record {line.position}: {error}") from error

    def _members(self, descriptor: Descriptor, cards: Sequence[str]) -> dict[str, Member]:
        if descriptor_digest(open_alliance_file(self.read(ALLIANCE))) != descriptor_digest(descriptor):
            raise ArchiveError(f"{ALLIANCE} in the archive is not the descriptor that you trust")
        archived = list(decode_lines(self.read(MEMBERS), ArchivedMember, MEMBERS))
        names = [one.name for one in archived]
        if names != sorted(set(names)):
            raise ArchiveError(f"{MEMBERS} must be sorted by name, each once")
        changes = [read_succession(shown) for one in archived for shown in one.successions]
        return follow_all(known_members(descriptor, cards), changes, alliance_domain(descriptor))

    def _load_bundle(self, index: int) -> list[bytes]:
        width = min(TILE_WIDTH, self.statement.size - index * TILE_WIDTH)
        return split_entries(self.read(tile_path(None, index, width)), width)


def verify_archive(
    archive: Archive,
    found: Iterable[str],
    open_sealed: Open | None,
    progress: Progress = lambda *_: None,
) -> VerifiedArchive:
    """Steps 3 to 6 on every file.

    Args:
        archive: whose statement is checked.
        found: paths of all files in the folder, in any order.
        open_sealed: by the recipient's key; None if there is none, and step 6 is left out.
        progress: told now and then.

    Raises:
        NodeError: a step fails; the message says which.
    """
    statement = archive.statement
    _check_listing(archive.entries, found)
    checkpoint, witnesses = _check_notes(archive)
    anchored = _check_log(archive, progress)
    erased = unpublished = 0
    if open_sealed is not None:
        for line in check_records(archive, open_sealed, progress):
            erased += line.erased
            unpublished += line.index < 0
    _check_rest(archive, open_sealed)
    return VerifiedArchive(
        statement,
        archive.token,
        checkpoint,
        witnesses,
        anchored,
        open_sealed is not None,
        erased,
        unpublished,
    )


def check_records(
    archive: Archive, open_sealed: Open, progress: Progress = lambda *_: None
) -> Iterator[ArchivedRecord]:
    """Step 6: all records, each checked as it comes; whoever stops before the end has not checked their number.

    Raises:
        ArchiveError: one is not what the log holds, two stand at one place, or they are not as many as was signed.
    """
    statement, count = archive.statement, 0
    taken = bytearray(statement.size // 8 + 1)
    for line in archive.records(open_sealed):
        count += 1
        if line.index >= 0:
            if line.index >= statement.size or taken[line.index >> 3] >> (line.index & 7) & 1:
                raise ArchiveError(f"record {line.position} cannot stand at {line.index} in the log")
            taken[line.index >> 3] |= 1 << (line.index & 7)
        if not count % 1000:
            progress("records", count, statement.records)
        yield line
    if count != statement.records:
        raise ArchiveError(f"the archive holds {count} records, not {statement.records}")


def read_record(
    line: ArchivedRecord, statement: ArchiveStatement, entry: Callable[[int], bytes]
) -> tuple[RecordHeader | None, bytes, bytes]:
    """Header, payload and blind of a line of `records`, checked against its entry; no header if it was erased.

    Raises:
        ArchiveError, ProofFormatError, DisclosureError, DocumentFormatError: it is not a record of that log.
    """
    if line.erased:
        if line != ArchivedRecord(line.position, line.index, erased=True):
            raise ArchiveError(f"record {line.position} is erased and has content")
        return None, b"", b""
    payload, blind = from_base64url(line.payload), from_base64url(line.blind)
    if len(blind) != BLIND_BYTES:
        raise ArchiveError(f"the blind of record {line.position} has not {BLIND_BYTES} bytes")
    header, digests = parse_payload(payload)
    if (header.alliance, header.member) != (statement.alliance, statement.iss):
        raise ArchiveError(f"record {line.position} belongs to another log")
    if line.index >= 0 and entry(line.index) != entry_of(payload, blind):
        raise ArchiveError(f"record {line.position} is not what the log holds at {line.index}")
    names = [field.name for field in open_disclosures(line.disclosures, digests)]
    if names != sorted(names):
        raise ArchiveError(f"the fields of record {line.position} are not sorted")
    return header, payload, blind


def _check_listing(entries: dict[str, FileEntry], found: Iterable[str]) -> None:
    missing = dict.fromkeys([*entries, STATEMENT, MANIFEST])
    for path in found:
        if path not in missing:
            raise ArchiveError(f"{path!r} is not a file of this archive")
        del missing[path]
    if missing:
        raise ArchiveError(f"the archive lacks {next(iter(missing))}")


def _check_notes(archive: Archive) -> tuple[Checkpoint, list[str]]:
    statement, member = archive.statement, archive.member
    assert member is not None
    keys = {name: one.log_key for name, one in archive.members.items()}
    wanted = Checkpoint(statement.alliance, statement.iss, statement.size, bytes.fromhex(statement.root))
    witnesses: list[str] = []
    for path in (CHECKPOINT, WITNESSED):
        if path not in archive.entries:
            continue
        note = _text(archive.read(path), path)
        checkpoint = open_checkpoint(note, member.log_key_at(parse_checkpoint(note).size))
        if (checkpoint.alliance, checkpoint.member) != (wanted.alliance, wanted.member):
            raise ArchiveError(f"{path} is of another log")
        witnesses = sorted(cosignatures(note, checkpoint, keys))
        if path == CHECKPOINT and checkpoint != wanted:
            raise ArchiveError(f"{CHECKPOINT} is not of the size and root that the statement names")
    if CHECKPOINT not in archive.entries:
        raise ArchiveError(f"the archive lacks {CHECKPOINT}")
    return wanted, witnesses if WITNESSED in archive.entries else []


def _check_log(archive: Archive, progress: Progress) -> int:
    """Step 4, and roots of step 5, in one pass over the entries; the size of the last anchor."""
    size = archive.statement.size
    stated = _stated_roots(archive)
    what, at, root = next(stated)
    anchored, done = 0, 0
    stack: list[tuple[int, bytes]] = []
    tiles: defaultdict[int, list[bytes]] = defaultdict(list)
    counts: defaultdict[int, int] = defaultdict(int)
    for entries in archive.bundles():
        for entry in entries:
            _push(archive, stack, tiles, counts, leaf_hash(entry))
            done += 1
            while done == at:
                if _root(stack) != root:
                    raise ArchiveError(f"{what} does not agree with the log at size {at}")
                anchored = at if what == ANCHORS else anchored
                what, at, root = next(stated, ("", 0, b""))
        progress("log", done, size)
    if at:
        raise ArchiveError(f"{what} is of size {at}, beyond the log's")
    for level, count in levels_of(size):
        if count % TILE_WIDTH:
            _check_tile(archive, level, counts[level], tiles[level])
    expected = sum(1 for _, count in levels_of(size) for _ in tiles_of(count)) + sum(
        1 for _ in tiles_of(size)
    )
    if len(chunk_paths(archive.entries, "tile")) != expected:
        raise ArchiveError("the archive has tiles that are not the log's")
    return anchored


def _push(
    archive: Archive,
    stack: list[tuple[int, bytes]],
    tiles: dict[int, list[bytes]],
    counts: dict[int, int],
    value: bytes,
) -> None:
    level = 0
    while True:
        if level % TILE_HEIGHT == 0:
            tile = level // TILE_HEIGHT
            tiles[tile].append(value)
            if len(tiles[tile]) == TILE_WIDTH:
                _check_tile(archive, tile, counts[tile], tiles[tile])
                tiles[tile] = []
                counts[tile] += 1
        if not stack or stack[-1][0] != level:
            break
        value = node_hash(stack.pop()[1], value)
        level += 1
    stack.append((level, value))


def _root(stack: list[tuple[int, bytes]]) -> bytes:
    if not stack:
        return EMPTY_ROOT
    root = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        root = node_hash(left, root)
    return root


def _check_tile(archive: Archive, level: int, index: int, hashes: list[bytes]) -> None:
    path = tile_path(level, index, len(hashes))
    if archive.read(path) != b"".join(hashes):
        raise ArchiveError(f"{path} does not follow from the entries")


def _stated_roots(archive: Archive) -> Iterator[tuple[str, int, bytes]]:
    """What says a root, at which size, and which, ascending by size."""
    notes = []
    for path in (WITNESSED, CHECKPOINT):
        if path in archive.entries:
            checkpoint = parse_checkpoint(_text(archive.read(path), path))
            notes.append((path, checkpoint.size, checkpoint.root))
    notes.sort(key=lambda note: note[1])
    last, number = 0, 0
    for path in chunk_paths(archive.entries, ANCHORS):
        if path != chunk_path(ANCHORS, number, LINES):
            raise ArchiveError(f"{path} does not follow the anchors before")
        for anchor in decode_lines(archive.read(path), ArchivedAnchor, path):
            if anchor.size <= last:
                raise ArchiveError(f"{path}: anchors must ascend by size")
            last, number = anchor.size, number + 1
            while notes and notes[0][1] < anchor.size:
                yield notes.pop(0)
            yield ANCHORS, anchor.size, bytes.fromhex(anchor.root)
    yield from notes


def _check_rest(archive: Archive, open_sealed: Open | None) -> None:
    """Every file that no step has read is what was signed, and can be opened."""
    numbers: defaultdict[str, int] = defaultdict(int)
    for path in archive.entries:
        family, _, _ = path.partition("/")
        if path.endswith(SEALED):
            raw = archive.read(path)
            if family != RECORDS and open_sealed is not None:
                if path != chunk_path(family, numbers[family], SEALED):
                    raise ArchiveError(f"{path} does not follow the files before")
                opened = _opened(raw, open_sealed, path)
                numbers[family] += sum(1 for _ in decode_lines(opened, ArchivedRow, path))
        elif "/" not in path or family not in {"tile", ANCHORS}:
            archive.read(path)


def _opened(raw: bytes, open_sealed: Open, path: str) -> bytes:
    try:
        opened = open_sealed(raw)
    except ArchiveError as error:
        raise ArchiveError(f"{path}: {error}") from error
    if len(opened) > MAX_CHUNK_BYTES and opened.count(b"\n") > 1:
        raise ArchiveError(f"{path} holds more than it may")
    return opened


def _text(raw: bytes, path: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ArchiveError(f"{path} is not text") from error
