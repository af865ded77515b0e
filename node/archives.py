"""The composition root of `heqi archive`: a stopped node's services, a folder, and a recipient's key."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.archive.envelope import Opener, Recipient, new_recipient
from adapters.archive.folder import ArchiveFolder, check_target, write_archive
from adapters.crypto.files import write_secret
from node.domain.archive import (
    CHECKPOINT,
    MEMBERS,
    WITNESSED,
    ArchivedMember,
    ArchiveStatement,
    decode_lines,
    file_entry,
)
from node.domain.archive_check import (
    Archive,
    Progress,
    VerifiedArchive,
    check_records,
    read_record,
    verify_archive,
)
from node.domain.bundle import BUNDLE_TYPE, Bundle, encode_bundle
from node.domain.checkpoint import parse_checkpoint
from node.domain.descriptor import Descriptor
from node.domain.disclosure import open_disclosures
from node.domain.evidence import Evidence, show_record
from node.domain.merkle import inclusion_proof
from node.domain.record import parse_payload
from node.domain.succession import ShownSuccession
from node.domain.tile import read_node
from node.errors import ArchiveError, MissingError
from node.services.predecessors import PredecessorRow, note_for
from node.wiring import Services


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    size: int
    records: int


def export_archive(  # noqa: PLR0917
    services: Services,
    descriptor: bytes,
    recipient: Recipient,
    basis: str,
    target: Path,
    tell: Callable[[int, int], None] = lambda *_: None,
) -> Exported:
    """Write all that a node holds into a new folder; the node must not run.

    Args:
        services: of the node, in the name of whom it is done.
        descriptor: the node's `alliance.json`.
        recipient: who can open it.
        basis: on what ground it is handed over; recorded.
        target: the folder.
        tell: told how many files and bytes are written.

    Raises:
        ConfigError, StoreError: as `write_archive`.
        MissingError, AnchorError: as `Archiving.begin`.
        KeyHolderError: the identity key's holder does not sign.
    """
    check_target(target)
    archiving, signing = services.archiving, services.signing
    size, root = archiving.begin(recipient.raw, basis)

    def sign(manifest: bytes, files: int) -> str:
        entry = file_entry("manifest", manifest)
        statement = ArchiveStatement(
            **signing.issued(),
            recipient=recipient.raw.hex(),
            basis=basis,
            size=size,
            root=root.hex(),
            records=archiving.record_count,
            files=files,
            manifest=entry.sha256,
            manifest_sm3=entry.sm3,
        )
        return signing.sign(statement)

    write_archive(target, archiving.files(descriptor, recipient.seal, size), sign, tell)
    return Exported(size, archiving.record_count)


def open_archive(
    folder: Path, descriptor: Descriptor, cards: Sequence[str] = ()
) -> tuple[Archive, ArchiveFolder]:
    """An archive whose statement is checked, and the folder it lies in.

    Raises:
        NodeError: as `Archive`.
    """
    found = ArchiveFolder(folder)
    return Archive(found.read, descriptor, cards), found


def check_archive(
    folder: Path,
    descriptor: Descriptor,
    cards: Sequence[str],
    opener: Opener | None,
    progress: Progress = lambda *_: None,
) -> tuple[Archive, VerifiedArchive]:
    """Check every file of an archive.

    Raises:
        NodeError: a step fails, or the key is not the recipient's.
    """
    archive, found = open_archive(folder, descriptor, cards)
    if opener is not None:
        _check_recipient(archive, opener)
    return archive, verify_archive(archive, found.paths(), None if opener is None else opener.open, progress)


def import_archive(  # noqa: PLR0917
    services: Services,
    folder: Path,
    opener: Opener,
    cards: Sequence[str] = (),
    basis: str = "",
    progress: Progress = lambda *_: None,
) -> tuple[VerifiedArchive, int]:
    """Check an archive and keep its log and records at a node that does not run.

    Returns:
        What it is, and how many of its records can be read here: not those whose owner was erased there or here.

    Raises:
        NodeError: as `check_archive`, `Predecessors.take`.
    """
    archive, verified = check_archive(folder, services.alliance.descriptor, cards, None, progress)
    _check_recipient(archive, opener)
    statement = verified.statement
    row = PredecessorRow(
        statement.alliance,
        statement.iss,
        verified.token,
        archive.read(CHECKPOINT).decode(),
        archive.read(WITNESSED).decode() if WITNESSED in archive.entries else "",
        statement.size,
        bytes.fromhex(statement.root),
        statement.records,
        _successions(archive),
    )
    records = check_records(archive, opener.open, progress)
    return verified, services.predecessors.take(row, archive.bundles(), records, basis, progress)


def prove_archived(archive: Archive, opener: Opener, position: int, fields: Sequence[str] = ()) -> bytes:
    """A bundle over one record, made of the archive alone.

    Raises:
        MissingError: there is no such record or field; or it was erased, or never published.
        NodeError: its files are not what was signed, or the key is not the recipient's.
    """
    _check_recipient(archive, opener)
    statement = archive.statement
    line = next(archive.records(opener.open, position), None)
    if line is None or line.position != position:
        raise MissingError(f"the archive has no record {position}")
    header, payload, blind = read_record(line, statement, archive.entry)
    if header is None:
        raise MissingError(f"record {position} was erased before the archive was made")
    if line.index < 0:
        raise MissingError(f"record {position} was not published before the archive was made")
    _, digests = parse_payload(payload)
    names = [field.name for field in open_disclosures(line.disclosures, digests)]
    unknown = set(fields) - set(names)
    if unknown:
        raise MissingError(f"the record has no field {', '.join(sorted(unknown))}")
    shown = [text for name, text in zip(names, line.disclosures, strict=True) if not fields or name in fields]
    notes = [archive.read(path).decode() for path in (CHECKPOINT, WITNESSED) if path in archive.entries]
    note = note_for(line.index, *notes)
    path = inclusion_proof(line.index, parse_checkpoint(note).size, read_node(statement.size, archive.read))
    evidence = Evidence(note, (show_record(payload, blind, shown, line.index, path),))
    return encode_bundle(
        Bundle(BUNDLE_TYPE, statement.alliance, statement.iss, evidence, successions=_successions(archive))
    )


def make_recipient(private: Path, public: Path, passphrase: bytes) -> None:
    """A new key for whoever will receive archives: an encrypted private key and its public half.

    Raises:
        ConfigError: a file exists, or cannot be written.
    """
    private_pem, public_pem = new_recipient(passphrase)
    write_secret(private, private_pem)
    write_secret(public, public_pem)


def _check_recipient(archive: Archive, opener: Opener) -> None:
    if opener.raw.hex() != archive.statement.recipient:
        raise ArchiveError("the archive is encrypted to another key")


def _successions(archive: Archive) -> tuple[ShownSuccession, ...]:
    members = decode_lines(archive.read(MEMBERS), ArchivedMember, MEMBERS)
    return tuple(
        one for member in members if member.name == archive.statement.iss for one in member.successions
    )
