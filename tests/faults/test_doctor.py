"""`heqi doctor` on real folders, real nodes and real TLS, after real faults were done to them."""

import asyncio
import json
import os
import shutil
import socket
import time
from dataclasses import replace
from unittest import mock

import msgspec
import pytest

import adapters.peers.probe
import node.doctor
from adapters.crypto import trial_ca
from adapters.crypto.keys import create_keys
from adapters.crypto.leaves import issue_leaf
from adapters.store.leveldb import LevelStore
from node.cli.demo.ports import free_ports
from node.cli.main import main
from node.config import ALLIANCE_FILE
from node.domain.descriptor import open_alliance_file, parse_alliance_file, sign_descriptor
from node.domain.trust import anchor_from_pem
from node.probes import AnchorFacts
from node.services.doctor.finding import Level
from tests.support.crash_disk import small_disk
from tests.support.crash_home import joined_home
from tests.support.doctor import MemoryLedgerProbe, findings, patient_of
from tests.support.world_clock import WorldClock

HOUR = 3_600
_MACHINES = {"DISK_FILLS", "SLOW_SYNC"}
"""What may be so on the machine that runs the tests."""


@pytest.fixture
def examined(capsys):
    """Runs the command on a folder: (exit code, findings that are not OK, by reason)."""

    def run(home, *more: str) -> tuple[int, dict[str, dict[str, str]]]:
        code = main(["doctor", "--home", str(home), "--json", "--seconds", "5", *more])
        document = json.loads(capsys.readouterr().out)
        for finding in document["findings"]:
            assert finding["zh"]
            assert finding["en"]
        return code, {f["reason"]: f for f in document["findings"] if f["reason"] != "OK"}

    return run


# -- a stopped node's folder ---------------------------------------------------------------------------


def test_a_sound_folder_without_engine(centre, examined):
    """What nobody broke is not told: only that the engine is away and that the node has never run."""
    code, found = examined(centre.home)
    assert code == 2
    assert set(found) - _MACHINES == {"ENGINE_AWAY", "NODE_SILENT", "CLOCK_NOT_COMPARED", "NO_PEERS"}


def test_a_key_that_others_can_read(centre, examined):
    (centre.home / "keys" / "log.1.pem").chmod(0o644)
    _, found = examined(centre.home)
    assert "log.1.pem" in found["READABLE_BY_OTHERS"]["en"]
    assert "chmod" in found["READABLE_BY_OTHERS"]["do_en"]
    assert found["KEYS_UNUSABLE"]["level"] == "error"


def test_a_key_that_is_gone(centre, examined):
    (centre.home / "keys" / "identity.1.pem").unlink()
    _, found = examined(centre.home)
    assert "identity" in found["KEYS_UNUSABLE"]["en"]


def test_a_passphrase_that_others_can_read_or_that_is_another(centre, examined):
    passphrase = centre.home / "keys.passphrase"
    passphrase.chmod(0o644)
    _, found = examined(centre.home)
    assert "keys.passphrase" in found["READABLE_BY_OTHERS"]["en"]
    passphrase.chmod(0o600)
    passphrase.write_text("another passphrase of sufficient length\n")
    assert "passphrase" in examined(centre.home)[1]["KEYS_UNUSABLE"]["en"]


def test_keys_of_another_node(centre, examined):
    shutil.rmtree(centre.home / "keys")
    create_keys(centre.home / "keys", (centre.home / "keys.passphrase").read_bytes().strip())
    _, found = examined(centre.home)
    assert all(name in found["KEY_NOT_OF_CARD"]["en"] for name in ("account", "identity", "log", "sealing"))


def test_an_unknown_key_in_the_configuration_stops_no_other_check(centre, examined):
    with (centre.home / "heqi.toml").open("a") as file:
        file.write("colour = 'red'\n")
    (centre.home / "keys" / "data.1.jwe").chmod(0o640)
    _, found = examined(centre.home)
    assert "colour" in found["CONFIG"]["en"]
    assert "READABLE_BY_OTHERS" in found


def test_a_folder_that_is_none_is_told_and_not_made(tmp_path, examined):
    code, found = examined(tmp_path / "nowhere")
    assert code == 2
    assert "CONFIG" in found
    assert not (tmp_path / "nowhere").exists()


def test_no_secret_is_printed(centre, capsys):
    (centre.home / "keys" / "log.1.pem").chmod(0o644)
    secrets = [path.read_text().strip() for path in (centre.home / "keys").iterdir()]
    lines = {line for text in secrets for line in text.splitlines() if not line.startswith("-----")}
    for form in ([], ["--json"]):
        main(["doctor", "--home", str(centre.home), "--seconds", "5", *form])
        told = "".join(capsys.readouterr())
        assert len(told) > 500
        assert not [line for line in lines if line in told]


def test_an_authority_that_ends_is_told(centre, examined):
    with mock.patch.object(trial_ca, "_ROOT_DAYS", 20):
        root = trial_ca.make_root()
    raw = (centre.home / ALLIANCE_FILE).read_bytes()
    descriptor = open_alliance_file(raw)
    ending = anchor_from_pem("trial", "trial", root.certificate_pem.decode(), trial_ca.CREDIT_CODE_OID)
    anchor = msgspec.structs.replace(descriptor.trust_anchors[0], certificate=ending.certificate)
    changed = msgspec.structs.replace(descriptor, trust_anchors=(anchor,))
    signature = sign_descriptor(changed, centre.name, centre.keys.identity.sign, iat=1, jti="A" * 22)
    file = msgspec.structs.replace(
        parse_alliance_file(raw), descriptor=changed, signatures={centre.name: signature}
    )
    (centre.home / ALLIANCE_FILE).write_bytes(msgspec.json.encode(file))
    _, found = examined(centre.home)
    assert "CA trial" in found["ENDS_SOON"]["en"]


def test_an_operators_certificate_that_was_not_renewed(centre, examined):
    """As of 70 days later, if the node has not run since."""
    later = WorldClock(time.time() + 70 * 86_400)
    later.monotonic = time.monotonic
    with mock.patch.object(node.doctor, "time", later):
        _, found = examined(centre.home)
    assert "operator.cert.pem" in found["NOT_RENEWED"]["en"]


def test_a_full_disk(tmp_path, examined):
    with small_disk(tmp_path / "disk") as disk:
        centre = joined_home(disk.path)
        disk.fill()
        code, found = examined(centre.home)
        assert code == 2
        assert "No space left" in found["NOT_WRITABLE"]["en"]
        assert found["DISK_FULL"]["level"] == "error"
        disk.free()
        disk.make_read_only()
        assert "Read-only" in examined(centre.home)[1]["NOT_WRITABLE"]["en"]


def test_nothing_is_left_behind(centre, examined):
    before = sorted(path.name for path in centre.home.rglob("*"))
    examined(centre.home)
    assert sorted(path.name for path in centre.home.rglob("*")) == before


def test_a_database_that_another_process_holds(centre, examined):
    """Here this very process; LevelDB tells the two apart by name only."""
    store = LevelStore(centre.home / "data")
    _, found = examined(centre.home)
    store.close()
    assert "lock" in found["NODE_SILENT"]["en"].lower()
    assert "NODE_SILENT" not in examined(centre.home)[1]


def test_the_data_of_another_user_is_not_touched(centre, examined):
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    LevelStore(centre.home / "data").close()
    before = sorted((centre.home / "data").iterdir())
    os.chown(centre.home / "data", 12_345, 12_345)
    _, found = examined(centre.home)
    assert "another user" in found["NODE_SILENT"]["en"]
    assert "12345" in found["OTHER_OWNER"]["en"]
    assert sorted((centre.home / "data").iterdir()) == before


# -- running nodes -------------------------------------------------------------------------------------

running = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def patient(network):
    centre = network["centre-a"]
    return lambda **changes: patient_of(centre.home, network.chain, network.descriptor, **changes)


async def anchored(network) -> None:
    probe = MemoryLedgerProbe(network.chain)
    for _ in range(500):
        if (await probe.anchor("centre-a")).size:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nothing was anchored")


@running
async def test_a_sound_node_has_no_findings(network, patient):
    await anchored(network)
    found = await findings(patient())
    assert not {reason for reason, one in found.items() if one.level > Level.NOTE} - _MACHINES


async def with_peer(patient, change):
    """The findings if the ledger named centre-b otherwise."""
    honest = await asyncio.to_thread(patient().state.state, 0)
    members = [
        replace(one, member=change(one.member)) if one.member.name == "centre-b" else one
        for one in honest.members
    ]
    state = mock.Mock(state=lambda _: replace(honest, members=members))
    return await findings(patient(state=state), 3.0)


@running
async def test_a_peer_under_another_key_is_named(network, patient):
    wrong = network["centre-a"].member.identity_key
    found = await with_peer(patient, lambda member: replace(member, identity_key=wrong))
    assert "centre-b" in found["PEER_WRONG_KEY"].en
    assert "do not work around it" in found["PEER_WRONG_KEY"].do_en


@running
async def test_somebody_else_at_a_peers_address_is_named(network, patient):
    """A node of this very alliance, but not the one that should be there."""
    own = network["centre-a"].member.endpoint
    found = await with_peer(patient, lambda member: member.moved_to(own, own))
    assert "centre-a.heqi" in found["PEER_WRONG_KEY"].en


@running
async def test_a_peer_that_is_away_is_named(network, patient):
    [port] = free_ports(1)
    found = await with_peer(patient, lambda member: member.moved_to(f"127.0.0.1:{port}", "x:1"))
    assert "centre-b" in found["PEER_AWAY"].en


@running
async def test_a_peer_that_takes_the_connection_and_says_nothing_costs_only_its_time(network, patient):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        found = await with_peer(patient, lambda member: member.moved_to(where, where))
    assert "centre-b" in found["PEER_AWAY"].en


@running
@pytest.mark.parametrize("off", [HOUR, -HOUR])
async def test_a_clock_that_is_off_is_told(network, patient, off):
    away = WorldClock(time.time() + off)
    with (
        mock.patch.object(adapters.peers.probe, "time", away),
        mock.patch.object(node.doctor, "time", away),
        mock.patch.object(node.doctor, "issue_leaf", lambda *a, **_: issue_leaf(a[0], a[1], time.time())),
    ):
        away.monotonic = time.monotonic
        found = await findings(patient())
    if off < 0:
        assert "behind (against block" in found["CLOCK_OFF"].en
        assert found["CLOCK_OFF"].level is Level.ERROR
    else:
        # With one peer nobody can tell whose clock it is, and the ledger may be old.
        assert "centre-b" in found["CLOCKS_DIFFER"].en
        assert "ENGINE_STANDS_STILL" in found


@running
async def test_an_anchor_that_this_folder_does_not_know(network, patient):
    await anchored(network)
    probe = MemoryLedgerProbe(network.chain)

    async def ahead(_: str) -> AnchorFacts:
        return AnchorFacts(1 << 20, bytes(32))

    probe.anchor = ahead
    found = await findings(patient(ledger=probe))
    assert found["LOG_ROLLED_BACK"].level is Level.ERROR


@running
async def test_another_root_at_the_anchored_size(network, patient):
    await anchored(network)
    probe = MemoryLedgerProbe(network.chain)
    size = (await probe.anchor("centre-a")).size

    async def forged(_: str) -> AnchorFacts:
        return AnchorFacts(size, b"x" * 32)

    probe.anchor = forged
    assert "LOG_FORKED" in await findings(patient(ledger=probe))


@running
async def test_asking_a_running_node_writes_nothing(network, patient):
    centre = network["centre-a"]
    store, written = centre.services.outbox._store, []
    with mock.patch.object(store, "write", written.append):
        # No task of the node has a turn meanwhile: whatever is written, answering writes it.
        centre.services.status.diagnose(0)
    assert written == []


@running
async def test_only_the_operator_may_ask(network):
    import grpc  # noqa: PLC0415
    from heqi.v1 import alliance_service_pb2 as pb  # noqa: PLC0415

    from tests.support.network import Stubs  # noqa: PLC0415

    async with network["centre-b"].member_channel(network["centre-a"]) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Stubs(channel).alliance.GetDiagnosis(pb.GetDiagnosisRequest(), timeout=10)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
