"""Erasure as an enemy with the disk sees it: every byte of every file, backups put back, kills at every step."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.errors import ErasureListError, MissingError, StoreError
from node.services import layout
from node.services.vault import NONCE_BYTES
from tests.support.world import World
from tests.support.world_bidder import BANK_ACCOUNT, LEGAL_REPRESENTATIVE, Bidder
from tests.support.world_centre import Centre
from tests.support.world_faults import KilledError, pass_by


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One centre on LevelDB, its keys in files."""
    with World(("hangzhou",), folder=tmp_path / "nodes", keys_on_disk=True) as world:
        yield world


async def registered(world: World) -> Bidder:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


def folder_of(world: World) -> Path:
    return world._setup.folder / world.home.name  # type: ignore[operator]


def secrets_of(centre: Centre, subject: str) -> dict[str, bytes]:
    """Raw and wrapped keys of a subject, as they are now."""
    found: dict[str, bytes] = {}
    for place, wrapped in centre.keyring.scan(b"k/" + subject.encode()):
        found[f"wrapped {place!r}"] = wrapped
        for data_key in centre.keys.data:
            raw = AESGCM(data_key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place)
            found[f"raw {place!r}"] = raw
    assert len(found) >= 4
    return found


def files_with(folder: Path, needles: dict[str, bytes]) -> set[tuple[str, str]]:
    """(needle, file) for each of them that is in any file."""
    return {
        (name, str(path.relative_to(folder)))
        for path in folder.rglob("*")
        if path.is_file()
        for content in [path.read_bytes()]
        for name, needle in needles.items()
        if needle in content
    }


def plain(bidder: Bidder) -> dict[str, bytes]:
    texts = (BANK_ACCOUNT, LEGAL_REPRESENTATIVE, bidder.organisation, bidder.code, bidder.delegation)
    return {text[:20]: text.encode() for text in texts}


async def finish(world: World) -> None:
    await world.settle()
    await world.settle()


async def test_no_byte_of_the_keys_is_in_any_file_of_a_running_node(world: World) -> None:
    bidder, other = await registered(world), await registered(world)
    home, folder = world.home, folder_of(world)
    needles = secrets_of(home, bidder.subject)
    wrapped = {name for name in needles if name.startswith("wrapped")}
    # The scan finds what is there: the keyring's log of writes holds every wrapped key.
    assert {name for name, _ in files_with(folder, needles)} == wrapped
    assert files_with(folder, plain(bidder)) == set()
    kept = {name: home.records.load(p) for name, p in enumerate(home.records.all_of(other.subject))}
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    await finish(world)
    assert home.services.erasures.load(1).receipt
    assert files_with(folder, needles | plain(bidder)) == set()
    assert {name: home.records.load(p) for name, p in enumerate(home.records.all_of(other.subject))} == kept


async def test_keys_that_lie_in_old_tables_go_too(world: World) -> None:
    bidder, home, folder = await registered(world), world.home, folder_of(world)
    needles = secrets_of(home, bidder.subject)
    for _ in range(3):  # each start makes a table of the log of writes
        home.restart()
        await world.settle()
        home.services.vault.seal("somebody else", b"r/1", b"something", "subject.base/2020-01")
    assert any(file.endswith(".ldb") for _, file in files_with(folder, needles))
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    await finish(world)
    assert files_with(folder, needles | plain(bidder)) == set()


async def test_while_somebody_still_reads_it_is_not_called_done(world: World) -> None:
    bidder, home, folder = await registered(world), world.home, folder_of(world)
    home.restart()  # into tables
    needles = secrets_of(home, bidder.subject)
    reader = home.keyring.scan(b"k/")
    next(reader)
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    await finish(world)
    assert not home.services.erasures.load(1).receipt
    reader.close()  # type: ignore[attr-defined]
    await finish(world)
    assert home.services.erasures.load(1).receipt
    assert files_with(folder, needles) == set()


async def test_what_lay_in_the_clear_goes_too(tmp_path: Path) -> None:
    with World(folder=tmp_path, keys_on_disk=True) as world:
        shared = await world.share()
        await world.reader.services.reading.fetch(shared.digest)
        await world.settle()
        home, bidder = world.home, shared.bidder
        [entry] = home.serving.history(bidder.subject)
        # LevelDB compresses, so that long texts may stand there in pieces; signatures do not compress.
        clear = {"grant": shared.token, "answer": entry.answer}
        needles = {name: token.rpartition(".")[2][:64].encode() for name, token in clear.items()}
        assert {name for name, _ in files_with(tmp_path / home.name, needles)} == set(clear)
        home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
        await finish(world)
        assert home.services.erasures.load(1).receipt
        assert files_with(tmp_path / home.name, needles) == set()


# -- backups ---------------------------------------------------------------------------------------------------


PARTS = {
    "data": ("data",),
    "keyring": ("keyring", "keys"),
    "data and keyring": ("data", "keyring", "keys"),
}


@pytest.mark.parametrize("what", PARTS)
async def test_a_backup_put_back_is_erased_again_before_anything_is_served(world: World, what: str) -> None:
    bidder, other = await registered(world), await registered(world)
    home, folder = world.home, folder_of(world)
    needles = secrets_of(home, bidder.subject)
    _back_up(home, folder, PARTS[what])
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    await finish(world)
    _put_back(home, folder, PARTS[what])
    home.start()
    assert home.services.vault.parts(bidder.subject) == []
    assert not home.services.registrations.is_registered(bidder.subject)
    assert list(home.records.all_of(bidder.subject)) == []
    with pytest.raises(MissingError):
        home.records.load(0)
    while await home.services.erasing.step():
        pass
    assert files_with(folder, needles | plain(bidder)) == set()
    # Others' data is as it was in the backup.
    assert [home.records.load(p).header.owner for p in home.records.all_of(other.subject)] == [
        other.subject
    ] * 3


async def test_an_older_keyring_opens_nothing_without_the_older_data_key(world: World) -> None:
    bidder, home, folder = await registered(world), world.home, folder_of(world)
    _back_up(home, folder, ("data", "keyring"))
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    await finish(world)
    _put_back(home, folder, ("data", "keyring"))
    with pytest.raises(StoreError, match="does not belong to this node's data key"):
        home.start()


async def test_a_list_that_is_missing_or_older_stops_the_start(world: World) -> None:
    bidder, home, folder = await registered(world), world.home, folder_of(world)
    _back_up(home, folder, ("erasures",))
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    await finish(world)
    newest = folder.parent / "newest"
    shutil.copytree(folder / "erasures", newest)
    for spoil in (_empty, _older, _altered, _shorter):
        home.stop()
        spoil(folder)
        with pytest.raises(ErasureListError, match="list of erasures"):
            home.start()
        home.close()
        shutil.rmtree(folder / "erasures")
        shutil.copytree(newest, folder / "erasures")
        home.start()
    assert home.services.erasures.load(1).receipt


async def test_everything_put_back_without_the_newest_list_serves_no_subject(world: World) -> None:
    """The ledger knows that the log went on after the backup: an erasure may be missing from the list as well."""
    bidder, home, folder = await registered(world), world.home, folder_of(world)
    parts = ("data", "keyring", "keys", "erasures")
    _back_up(home, folder, parts)
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name))
    await finish(world)
    newest = folder.parent / "newest"
    shutil.copytree(folder / "erasures", newest)
    _put_back(home, folder, parts)
    home.start()
    await world.follow()
    with pytest.raises(ErasureListError, match="complete up to log size"):
        home.services.registrations.load(bidder.subject)
    with pytest.raises(ErasureListError):
        home.services.exporting.registration(bidder.scribe.export(home.name))
    with pytest.raises(ErasureListError):
        home.services.proving.own_bundle(next(home.records.all_of(bidder.subject)))
    # The operator finds the newest list after all.
    home.stop()
    shutil.rmtree(folder / "erasures")
    shutil.copytree(newest, folder / "erasures")
    home.start()
    await world.follow()
    assert not home.services.registrations.is_registered(bidder.subject)
    assert home.services.vault.parts(bidder.subject) == []


async def test_an_operator_can_answer_for_a_list_that_is_lost(world: World) -> None:
    bidder, home, folder = await registered(world), world.home, folder_of(world)
    parts = ("data", "keyring", "keys", "erasures")
    _back_up(home, folder, parts)
    await finish(world)
    _put_back(home, folder, parts)
    home.start()
    await world.follow()
    with pytest.raises(ErasureListError):
        home.services.registrations.load(bidder.subject)
    home.services.erasures.accept("磁盘损毁，钱包均无删除回执")
    assert home.services.registrations.load(bidder.subject).subject == bidder.subject
    assert next(home.services.acts.newest_first()).act == "erasures.accepted"
    home.restart()
    assert home.services.registrations.load(bidder.subject).subject == bidder.subject


# -- kills -----------------------------------------------------------------------------------------------------


async def test_a_kill_at_any_step_leaves_an_erasure_that_finishes_at_the_next_start(tmp_path: Path) -> None:
    survived = 0
    for step in range(200):
        with World(("hangzhou",), folder=tmp_path / str(step), keys_on_disk=True) as world:
            bidder, home, folder = await registered(world), world.home, folder_of(world)
            needles = secrets_of(home, bidder.subject)
            hook = _Countdown(step)
            home.store.before = home.keyring.before = hook
            appended = home.outside.erasures.append

            def append(line: bytes, hook: _Countdown = hook, appended: object = appended) -> None:
                hook("append")
                appended(line)  # type: ignore[operator]
                hook("appended")

            home.outside.erasures.append = append  # type: ignore[method-assign]
            token = bidder.scribe.erase(home.name)
            try:
                home.services.erasures.by_wallet(token)
                while await home.services.erasing.step():
                    pass
            except KilledError:
                survived += 1
            is_through = not hook.is_spent
            home.store.before = home.keyring.before = pass_by
            home.restart()
            await world.follow()
            is_asked = home.outside.erasures.read(0) != b""
            await finish(world)
            if is_asked:
                # The list has it: so it is done, whatever the wallet was told.
                assert home.services.erasures.load(1).receipt
                assert files_with(folder, needles | plain(bidder)) == set()
                assert len(home.keys.data) == 1
            else:
                assert home.services.registrations.load(bidder.subject)
                assert min(home.records.all_of(bidder.subject)) == 0
            if is_through:
                break
    assert survived >= 10


class _Countdown:
    """Kills at the n-th step that changes something."""

    def __init__(self, steps: int) -> None:
        self._left, self.is_spent = steps, False

    def __call__(self, name: str) -> None:
        if name in {"get", "scan"}:
            return
        if self._left == 0:
            self.is_spent = True
            raise KilledError(name)
        self._left -= 1


# -- from an earlier version -------------------------------------------------------------------------------------


async def test_data_that_an_earlier_version_sealed_is_erased_by_category(world: World) -> None:
    bidder, home, folder = await registered(world), world.home, folder_of(world)
    _as_before(home, bidder.subject)
    assert home.services.vault.parts(bidder.subject) == [""]
    [(_, wrapped)] = list(home.keyring.scan(b"k/" + bidder.subject.encode()))
    home.services.erasures.by_wallet(bidder.scribe.erase(home.name, ["subject.qualification"]))
    await finish(world)
    assert files_with(folder, {"wrapped": wrapped}) == set()
    assert [home.records.load(p).header.category for p in home.records.all_of(bidder.subject)] == [
        "subject.attestation",
        "subject.base",
    ]
    assert home.services.registrations.load(bidder.subject).organisation == bidder.organisation
    assert "" not in home.services.vault.parts(bidder.subject)


def _as_before(centre: Centre, subject: str) -> None:
    """Seal everything of a subject under its one key, as versions without parts did."""
    import msgspec  # noqa: PLC0415

    from node.ports import Batch  # noqa: PLC0415
    from node.services.records import RecordRow  # noqa: PLC0415

    vault, batch = centre.services.vault, Batch()
    for key, raw in list(centre.store.scan(layout.RECORD)):
        row = msgspec.msgpack.decode(raw, type=RecordRow)
        if row.owner == subject:
            sealed = vault.seal(subject, key, vault.open(subject, key, row.sealed))
            batch.put(key, msgspec.msgpack.encode(RecordRow(subject, sealed)))
    key = layout.REGISTRATION + subject.encode()
    batch.put(key, vault.seal(subject, key, vault.open(subject, key, centre.store.get(key) or b"")))
    centre.store.write(batch)
    gone = Batch()
    for place, _ in list(centre.keyring.scan(b"k/" + subject.encode() + b"\0")):
        gone.delete(place)
    centre.keyring.write(gone)
    centre.restart()


def _back_up(centre: Centre, folder: Path, parts: tuple[str, ...]) -> None:
    centre.stop()
    for part in parts:
        shutil.copytree(folder / part, folder.parent / "backup" / part)
    centre.start()


def _put_back(centre: Centre, folder: Path, parts: tuple[str, ...]) -> None:
    centre.stop()
    for part in parts:
        shutil.rmtree(folder / part)
        shutil.copytree(folder.parent / "backup" / part, folder / part)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder / "erasures")


def _older(folder: Path) -> None:
    shutil.rmtree(folder / "erasures")
    shutil.copytree(folder.parent / "backup" / "erasures", folder / "erasures")


def _altered(folder: Path) -> None:
    file = folder / "erasures" / "list.jsonl"
    file.write_bytes(file.read_bytes().replace(b'"number":2', b'"number":3'))


def _shorter(folder: Path) -> None:
    file = folder / "erasures" / "list.jsonl"
    file.write_bytes(file.read_bytes()[:-2])
