"""The archive of a node: whole, open to its recipient alone, checked by anybody, never mixed with own records."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash

from adapters.archive.envelope import Opener
from node.archives import check_archive, import_archive, open_archive, prove_archived
from node.domain.archive import ArchivedRecord, decode_lines
from node.domain.encoding import from_base64url
from node.domain.verdict import Gap
from node.errors import AnchorError, ArchiveError, ConfigError, ConflictError, MissingError, NodeError
from node.ports import Batch
from node.services import layout
from node.services.transaction import Transaction
from tests.support.archives import KEY, MUTATIONS, OPENER, all_files, export
from tests.support.world import World
from tests.support.world_records import draft, faulty, incoming

BATCH = 130
GAPS = frozenset({Gap.LEDGER, Gap.CUSTODY, Gap.WITNESSES})


async def lived() -> tuple[World, str]:
    """An alliance in which something has happened, and the subject that it happened to."""
    world = World(("hangzhou", "nanjing"), batch_size=BATCH)
    shared = await world.share()
    await world.reader.services.reading.fetch(shared.digest)
    world.home.records.append("c", 1, [*(incoming(f"GC-{n}") for n in range(9)), faulty()])
    await world.settle()
    await world.reader.services.witness.step()
    world.home.records.append("c", 2, [incoming("not yet in the log")])
    return world, shared.bidder.subject


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A world and the archive of its home; both are only read."""
    world, subject = asyncio.run(lived())
    with world:
        yield world, export(world, world.home, tmp_path_factory.mktemp("archive") / "hangzhou"), subject


@pytest.fixture
def world(made):
    return made[0]


@pytest.fixture
def folder(made, tmp_path):
    return Path(shutil.copytree(made[1], tmp_path / "archive"))


@pytest.fixture
async def successor():
    """Another alliance's node would refuse; this one is of the same alliance."""
    world, subject = await lived()
    with world:
        yield world, subject


def check(world: World, folder: Path, opener: Opener | None = OPENER):
    return check_archive(folder, world.descriptor, (), opener)


def lines(folder: Path, family: str) -> list[dict]:
    return [
        json.loads(line)
        for path in sorted((folder / family).iterdir())
        for line in OPENER.open(path.read_bytes()).splitlines()
    ]


def test_an_archive_verifies_with_and_without_the_key(world, folder):
    _, closed = check(world, folder, None)
    _, opened = check(world, folder)
    assert (closed.opened, opened.opened) == (False, True)
    assert opened.statement.records == len(lines(folder, "records"))
    assert (opened.erased, opened.unpublished) == (0, 2)  # the last record, and that of the export itself
    assert opened.anchored_size == world.home.services.projection.anchored_size("hangzhou") > 0
    assert opened.witnesses == ["nanjing"]


def test_every_mutation_of_every_file_is_refused(made, tmp_path):
    world, pristine, _ = made
    accepted = []
    for name, mutate in MUTATIONS.items():
        for path in all_files(pristine):
            copy = tmp_path / "copy"
            shutil.copytree(pristine, copy)
            mutate(copy, copy / path)
            try:
                check(world, copy, None)  # who has the key checks the same, and more
                accepted.append((name, path))
            except NodeError:
                pass
            shutil.rmtree(copy)
    assert not accepted


def test_what_is_added_beside_the_files_is_refused(world, folder):
    (folder / "nothing").mkdir()
    with pytest.raises(ArchiveError, match="empty folder"):
        check(world, folder)
    (folder / "nothing" / "note.txt").write_text("trust me")
    with pytest.raises(ArchiveError, match="not a file of this archive"):
        check(world, folder)


def test_nothing_that_is_sealed_lies_in_the_clear(made):
    _, folder, subject = made
    everything = b"".join((folder / path).read_bytes() for path in all_files(folder))
    for secret in ("虚构", "GC-1", subject):
        assert secret.encode() not in everything
        assert any(secret.encode() in _payload(line) for line in lines(folder, "records"))


def _payload(line: dict) -> bytes:
    return from_base64url(line["payload"]) + b"".join(map(from_base64url, line["disclosures"]))


def test_a_foreign_jwe_library_opens_the_files(folder):
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for path in folder.rglob("*.jwe"):
        token = JWE()
        token.deserialize(path.read_text(), JWK.from_pem(pem))
        assert token.payload == OPENER.open(path.read_bytes())


def test_a_foreign_client_follows_the_log_in_an_archive(world, folder):
    key = Vkey(f"heqi/{world.descriptor.alliance}/hangzhou", None, 1, world.home.keys.log.public_key)
    reader = TilesReader(LocalBackend(folder))
    newest = reader.get_checkpoint()
    newest.verify(key)
    assert reader.calculate_root_hash() == newest.root_hash
    for line in lines(folder, "records"):
        if "index" in line:
            entry = reader.get_entry(line["index"])
            reader.get_inclusion_proof(line["index"], newest.size).check(leaf_hash(entry), newest.root_hash)


def test_another_key_does_not_open_it(world, folder):
    stranger = Opener(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(ArchiveError, match="another key"):
        check(world, folder, stranger)
    with pytest.raises(ArchiveError, match="does not open"):
        stranger.open(next(folder.rglob("*.jwe")).read_bytes())


def test_an_archive_of_another_alliance_is_refused(folder):
    with World(("hangzhou",)) as other, pytest.raises(ArchiveError, match="another alliance"):
        check(other, folder)


def test_everything_the_node_kept_is_in_it(made):
    world, folder, _ = made
    store = world.home.store
    for family, prefix in (("registrations", layout.REGISTRATION), ("grants", layout.GRANT),
                           ("history", layout.HISTORY), ("requests", layout.REQUEST),
                           ("parked", layout.PARKED)):  # fmt: skip
        found = {line["key"] for line in lines(folder, family)}
        assert found == {key[len(prefix) :].hex() for key, _ in store.scan(prefix)} != set(), family
    [read] = lines(folder, "history")
    assert read["value"]["receipt"].count(".") == 2  # the reader's signature is there


def test_a_record_is_proven_out_of_the_archive_alone(world, folder):
    archive, _ = open_archive(folder, world.descriptor)
    [position] = [at for at in range(20) if _thing(world, at) == "GC-7"]
    raw = prove_archived(archive, OPENER, position, ["lots"])
    [record] = world.verify(raw, without=GAPS).evidence.records
    assert (record.header.thing, record.header.member, record.fields) == ("GC-7", "hangzhou", {"lots": 2})
    with pytest.raises(MissingError):
        prove_archived(archive, OPENER, 10_000)
    with pytest.raises(MissingError, match="no field"):
        prove_archived(archive, OPENER, position, ["price"])


def _thing(world: World, position: int) -> str:
    try:
        return world.home.records.load(position).header.thing
    except MissingError:
        return ""


def forget(centre, owner: str) -> None:
    centre.services.erasures.by_operator(owner, "", (), "the wallet is lost")


async def test_an_erased_subject_leaves_with_its_log_entries_alone(successor, tmp_path):
    world, subject = successor
    positions = set(world.home.records.all_of(subject))
    forget(world.home, subject)
    folder = export(world, world.home, tmp_path / "a")
    archive, found = check(world, folder)
    readable = {line["position"] for line in lines(folder, "records") if not line.get("erased")}
    assert readable
    assert not readable & positions
    assert found.erased == len(lines(folder, "records")) - len(readable)
    assert all(
        set(line) <= {"position", "index", "erased"}
        for line in lines(folder, "records")
        if line.get("erased")
    )
    assert not (folder / "registrations").exists()
    with pytest.raises(MissingError):
        prove_archived(archive, OPENER, min(positions))


async def test_definitions_are_in_it_also_those_that_nobody_can_read(successor, tmp_path):
    world, _ = successor
    for text in (b'{"a":1}', b"\xff no definition"):
        world.home.services.catalogue.keep(text)
    folder = export(world, world.home, tmp_path / "a")
    assert sorted(line["value"]["document"] for line in lines(folder, "definitions")) == [
        '{"a":1}',
        "\ufffd no definition",
    ]
    check(world, folder)


async def test_a_successor_proves_records_of_the_predecessors_log(successor, tmp_path):
    world, _ = successor
    folder = export(world, world.home, tmp_path / "a")
    other = world.reader
    before = (other.services.log.size(), dict(other.store.scan(b"r/")))
    found, readable = import_archive(other.services, folder, OPENER, (), "职能承接")
    assert readable == found.statement.records
    predecessors = other.services.predecessors
    for line in decode_lines(
        OPENER.open(next((folder / "records").iterdir()).read_bytes()), ArchivedRecord, ""
    ):
        if line.index < 0:
            with pytest.raises(MissingError, match="not published"):
                predecessors.bundle("hangzhou", line.position)
            continue
        [record] = world.verify(predecessors.bundle("hangzhou", line.position), without=GAPS).evidence.records
        assert (record.header.member, record.index) == ("hangzhou", line.index)
        header, fields = predecessors.load("hangzhou", line.position)
        assert (header, fields) == (record.header, record.fields)
    # Its own log and records are as they were, but for the record of the act.
    after = dict(other.store.scan(b"r/"))
    assert other.services.log.size() == before[0]
    assert {key: after[key] for key in before[1]} == before[1]
    assert len(after) == len(before[1]) + 1
    act = next(other.services.acts.newest_first())
    assert (act.act, act.about["member"], act.about["basis"]) == ("archive.imported", "hangzhou", "职能承接")
    assert [row.statement for row in predecessors.all()] == [found.token]
    for wrong in (("hangzhou", 999), ("nanjing", 0), ("hangzhou", -1)):
        with pytest.raises(MissingError):
            predecessors.bundle(*wrong)


async def test_a_subject_erased_at_the_successor_does_not_come_back(successor, tmp_path):
    world, subject = successor
    folder = export(world, world.home, tmp_path / "a")
    other = world.reader
    [position, *_] = world.home.records.all_of(subject)
    await _has_had(other, subject)
    subjects = set(world.home.records.all_of(subject))
    forget(other, subject)
    found, readable = import_archive(other.services, folder, OPENER, (), "x")
    assert found.statement.records - readable == len(subjects)
    assert other.services.vault.parts(subject) == ["obtained"]  # what it had read has rules of its own
    with pytest.raises(MissingError, match="erased"):
        other.services.predecessors.load("hangzhou", position)


async def _has_had(centre, subject: str) -> None:
    transaction = Transaction(centre.store)
    centre.records.stage(
        transaction, [draft("own record of the same subject", category="subject.credit", owner=subject)]
    )
    transaction.commit()


async def test_a_subject_erased_after_an_import_is_gone_from_it(successor, tmp_path):
    world, subject = successor
    folder = export(world, world.home, tmp_path / "a")
    import_archive(world.reader.services, folder, OPENER, (), "x")
    [position, *_] = world.home.records.all_of(subject)
    assert world.reader.services.predecessors.load("hangzhou", position)[0].owner == subject
    forget(world.reader, subject)
    with pytest.raises(MissingError, match="erased"):
        world.reader.services.predecessors.bundle("hangzhou", position)


async def test_a_later_archive_takes_the_place_of_the_one_before_and_never_the_other_way(successor, tmp_path):
    world, _ = successor
    first = export(world, world.home, tmp_path / "first")
    await world.settle()
    second = export(world, world.home, tmp_path / "second")
    other = world.reader.services
    for folder in (first, first, second):
        found, _ = import_archive(other, folder, OPENER, (), "x")
        [row] = other.predecessors.all()
        assert row.size == found.statement.size
    with pytest.raises(AnchorError, match="does not follow"):
        import_archive(other, first, OPENER, (), "x")
    sizes = {key[len(b"pn/hangzhou\0") :][:8] for key, _ in world.reader.store.scan(layout.PREDECESSOR_NODE)}
    assert sizes == {layout.number(row.size)}


async def test_ones_own_archive_is_not_imported(successor, tmp_path):
    world, _ = successor
    folder = export(world, world.home, tmp_path / "a")
    with pytest.raises(ConflictError, match="restored from a copy"):
        import_archive(world.home.services, folder, OPENER, (), "x")


async def test_the_export_is_recorded_before_anything_leaves(successor, tmp_path):
    world, _ = successor
    export(world, world.home, tmp_path / "a")
    act = next(world.home.services.acts.newest_first())
    assert (act.act, act.about["basis"]) == ("archive.exported", "档案移交 2030-7")
    assert act.about["recipient"] == OPENER.raw.hex()
    # It is in the archive itself.
    assert any("archive.exported" in str(_payload(line)) for line in lines(tmp_path / "a", "records"))


async def test_an_export_that_breaks_off_leaves_nothing(successor, tmp_path, monkeypatch):
    world, _ = successor

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NodeError, match="No space left"):
        export(world, world.home, tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


async def test_an_archive_overwrites_nothing(successor, tmp_path):
    world, _ = successor
    (tmp_path / "a").mkdir()
    with pytest.raises(ConfigError, match="exists"):
        export(world, world.home, tmp_path / "a")


def test_there_is_no_archive_of_a_log_without_entries(tmp_path):
    with World(("hangzhou",)) as world, pytest.raises(MissingError, match="nothing was published"):
        export(world, world.home, tmp_path / "a")


async def test_what_does_not_open_although_its_key_is_there_stops_the_export(successor, tmp_path):
    world, subject = successor
    [position, *_] = world.home.records.all_of(subject)
    key = layout.RECORD + layout.number(position)
    batch = Batch()
    raw = bytearray(world.home.store.get(key))
    raw[-1] ^= 1
    batch.put(key, bytes(raw))
    world.home.store.write(batch)
    with pytest.raises(NodeError, match="altered"):
        export(world, world.home, tmp_path / "a")
    assert not (tmp_path / "a").exists()
