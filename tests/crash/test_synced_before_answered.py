"""What a kill cannot show: that the disk was told before the client was. Read from the system calls.

Shown: between a message and its answer the node wrote to its log and fdatasync came back. Not shown: that the
kernel and the disk keep what fdatasync promises.
"""

import subprocess
import sys
import time

import pytest
from heqi.v1 import record_service_pb2

from node.cli.client import OperatorClient
from tests.support.crash_home import ROOT, joined_home
from tests.support.crash_plan import planned
from tests.support.crash_strace import SystemCall, end, read_calls, strace

_MESSAGES = 12
_PRODUCT = ["-m", "node"]
_UNSYNCED_NODE = """
import sys
from node.cli.main import main
from tests.support.crash_stores import install
install("unsynced")
sys.exit(main(sys.argv[1:]))
"""


def unsynced_answers(calls: list[SystemCall], log: str, moments: list[tuple[float, float]]) -> list[int]:
    """Which messages were answered before their write was synced.

    Args:
        calls: of the node.
        log: beginning of the path of its write-ahead logs.
        moments: when each message was sent and when its answer was there.
    """
    mine = [call for call in calls if call.path.startswith(log) and call.path.endswith(".log")]
    found = []
    for number, (sent, answered) in enumerate(moments):
        writes = [call for call in mine if call.name == "write" and sent <= call.start <= answered]
        syncs = [
            call for call in mine if call.name == "fdatasync" and call.result == 0 and call.end <= answered
        ]
        if not writes or not any(sync.start >= writes[-1].end for sync in syncs):
            found.append(number)
    return found


def append_under_strace(tmp_path, command) -> tuple[list[int], list[SystemCall]]:
    centre, log = joined_home(tmp_path), tmp_path / "strace"
    arguments = [sys.executable, *command, "run", "--home", str(centre.home)]
    process = strace(arguments, log, cwd=ROOT, stderr=subprocess.DEVNULL)
    moments = []
    try:
        with OperatorClient(centre.home) as client:
            _wait_until_it_answers(client)
            for sequence in range(1, _MESSAGES + 1):
                request, sent = planned("strace", "client", sequence).request, time.time()
                (answer,) = client.stream(client.records.AppendRecords, iter([request]))
                moments.append((sent, time.time()))
                assert answer.sequence == sequence
    finally:
        end(process)
    calls = read_calls(log)
    return unsynced_answers(calls, str(centre.home / "data"), moments), calls


def _wait_until_it_answers(client: OperatorClient) -> None:
    # Under strace a node takes its time to start.
    request = record_service_pb2.GetLastSequenceRequest(client_id="client")
    client.records.GetLastSequence(request, timeout=60, wait_for_ready=True)


@pytest.mark.timeout(90)
def test_every_answer_comes_after_its_sync(tmp_path):
    unsynced, calls = append_under_strace(tmp_path, _PRODUCT)
    assert unsynced == []
    keyring = [call for call in calls if "/keyring/" in call.path and call.path.endswith(".log")]
    # The keys of a category, each message's new ones at once, before any record.
    names = [call.name for call in keyring]
    assert names
    assert names == ["write", "fdatasync"] * (len(names) // 2)


@pytest.mark.timeout(90)
def test_a_node_that_does_not_sync_is_found_out(tmp_path):
    unsynced, _ = append_under_strace(tmp_path, ["-c", _UNSYNCED_NODE])
    assert unsynced == list(range(_MESSAGES))


_FILL = """
import os, sys
from pathlib import Path
from adapters.store.leveldb import LevelStore
from node.ports import Batch
store = LevelStore(Path(sys.argv[1]))
for number in range(40):
    batch = Batch()
    batch.put(number.to_bytes(4, "big"), os.urandom(1 << 20))
    store.write(batch)
store.close()
"""


def test_a_log_goes_only_when_its_table_is_on_disk(tmp_path):
    """LevelDB's own order, where a full log becomes a table: table, manifest, and only then away with the log."""
    log, folder = tmp_path / "strace", tmp_path / "data"
    assert strace([sys.executable, "-c", _FILL, str(folder)], log, cwd=ROOT).wait(60) == 0
    calls = read_calls(log)
    removals = [call for call in calls if call.name.startswith("unlink") and call.path.endswith(".log")]
    assert removals
    for removal in removals:
        before = [call for call in calls if call.end <= removal.start]
        for suffix, sync in ((".ldb", ("fdatasync", "fsync")), ("MANIFEST", ("fdatasync", "fsync"))):
            mine = [call for call in before if suffix in call.path]
            written = max(call.end for call in mine if call.name == "write")
            assert any(call.name in sync and call.start >= written for call in mine), (suffix, removal)
