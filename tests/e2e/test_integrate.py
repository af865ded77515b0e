"""The example clients of docs/integrate.md, run as processes of their own against a real network."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from google.rpc import code_pb2
from grpc_status import rpc_status
from heqi.v1 import alliance_service_pb2 as alliance_pb
from heqi.v1 import guarantee_service_pb2 as guarantee_pb
from heqi.v1 import record_pb2 as record
from heqi.v1 import record_service_pb2 as record_pb

from node import errors
from node.cli.client import OperatorClient
from node.cli.demo.actors import Authority, Beneficiary, Bidder, altered
from node.cli.demo.network import BANK, Network
from node.cli.waiting import retry, wait_for
from node.config import load_config
from node.domain.bundle import parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.descriptor import open_alliance_file
from node.errors import EvidencePendingError
from node.wire.status import all_errors, to_status

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "docs" / "integrate"
PAGE = (ROOT / "docs" / "integrate.md").read_text(encoding="utf-8")
JAVA, PYTHON = EXAMPLES / "java", EXAMPLES / "python" / "client.py"
SOURCES = {"python": PYTHON, "java": JAVA / "src" / "main" / "java" / "Client.java"}
pytestmark = pytest.mark.timeout(240)
_SHORT_LIVED = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""For a process of a second, Java's second compiler and its other collectors cost more than they bring."""


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    running = Network(tmp_path_factory.mktemp("integrate"))
    running.authority = Authority()
    try:
        running.start_chain()
        running.found_alliance([running.authority.anchor()])
        running.start_nodes()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def centre(network):
    """What a trading system is given: address, member name, and a folder of three files."""
    home, folder = network.home("centre-b"), network.folder / "system"
    heqi = [sys.executable, "-m", "node", "access", "issue", "trading", "--role", "writer"]
    subprocess.run([*heqi, "--home", home, "--out", folder], cwd=ROOT, check=True, timeout=60)
    return [load_config(home).listen.members, "centre-b", str(folder)]


@pytest.fixture(scope="module", params=["python", "java"])
def client(request):
    """The command that starts a client."""
    return [sys.executable, str(PYTHON)] if request.param == "python" else _built_java()


def _built_java():
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        _missing(f"{' and '.join(missing)} not found")
    done = subprocess.run(
        ["mvn", "--batch-mode", "--quiet", "compile"],
        cwd=JAVA,
        env=os.environ | {"MAVEN_OPTS": " ".join(_SHORT_LIVED)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    if done.returncode and re.search(r"Could not transfer|previous attempt|Unknown host", done.stdout):
        _missing("Maven's registry cannot be reached")
    assert done.returncode == 0, done.stdout[-4000:]
    return [
        "java",
        *_SHORT_LIVED,
        "-cp",
        f"{JAVA / 'target' / 'classes'}{os.pathsep}{JAVA / 'target' / 'lib'}/*",
        "Client",
    ]


def _missing(reason):
    if os.environ.get("HEQI_REQUIRE_ALL") == "1":
        pytest.fail(f"the Java client cannot be built: {reason}")
    pytest.skip(f"the Java client cannot be built: {reason}")


@pytest.fixture(scope="module")
def guarantee(network):
    """A guarantee that the ledger has; the compact JWS that the bidder holds."""
    bidder = Bidder(network.folder / "wallet", network.alliance, "centre-a", network.authority)
    bidder.register()
    wait_for("the registration", bidder.is_final, 45)
    beneficiary = Beneficiary(bidder.folder.descriptor, bidder.folder.member("centre-b"))
    application = bidder.apply(BANK, "centre-b", beneficiary, "560000.00")
    wanted = guarantee_pb.AssessApplicationRequest(application_id=application)
    with OperatorClient(network.home(BANK), timeout_seconds=30.0) as bank:
        retry(lambda: bank.call(bank.guarantees.AssessApplication, wanted), 45, errors.GrantMissingError)
        issue = guarantee_pb.IssueGuaranteeRequest(application_id=application, number="BH-1")
        identity = bank.call(bank.guarantees.IssueGuarantee, issue).guarantee_id
    asked = guarantee_pb.CheckGuaranteeRequest(guarantee_id=identity)
    with OperatorClient(network.home("centre-b")) as node:
        issued = guarantee_pb.CheckGuaranteeResponse.VERDICT_ISSUED  # the centre has no file yet
        check = node.guarantees.CheckGuarantee
        wait_for("the guarantee", lambda: node.call(check, asked).verdict == issued, 45)
    return bidder.guarantee(BANK)


def run(client, *arguments, expect=0):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "proto" / "gen")}
    done = subprocess.run(
        [*client, *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout + done.stderr


def record_count(network):
    with OperatorClient(network.home("centre-b")) as node:
        return node.call(node.alliance.GetNodeStatus, alliance_pb.GetNodeStatusRequest()).record_count


def test_a_message_is_accepted_then_final_and_sent_again_is_not_stored_again(network, centre, client):
    name = Path(client[0]).stem
    output = run(client, *centre, "append", name)
    found = re.search(r"ACCEPTED 1: 1 from (\d+), 0 parked\nFINAL 1: log size \d+\n", output)
    assert found, output
    with OperatorClient(network.home("centre-b")) as node:
        wanted = record_pb.ProveRecordRequest(position=int(found[1]))
        got = retry(lambda: node.call(node.records.ProveRecord, wanted), 30.0, EvidencePendingError)
    descriptor = open_alliance_file(network.alliance.read_bytes())
    evidence = verify_bundle(parse_bundle(got.bundle), Verifier(descriptor)).evidence
    assert evidence.records[0].fields == {
        "lots": ["虚构区", "示例区"],
        "tender_period_end": "2026-03-23",
        "title": "虚构路道路工程",
        "value_amount": "12800000.00",
        "value_currency": "CNY",
    }
    before = record_count(network)
    again = run(client, *centre, "append", name, 1)
    assert f"ACCEPTED 1: 1 from {found[1]}, 0 parked\nFINAL 1:" in again
    assert record_count(network) == before
    assert "ACCEPTED 2: 1 from" in run(client, *centre, "append", name)


def test_a_refused_call_shows_its_reason_and_advice(network, centre, client):
    output = run(client, *centre, "append", "gap", 9, expect=1)
    assert "REFUSED FAILED_PRECONDITION SEQUENCE: the next sequence of gap is 1, not 9" in output
    assert errors.SequenceError.advice in output


def test_a_message_over_the_limit_is_refused_without_a_reason(network):
    fields = [record.NamedValue(name="title", value=record.Value(text="x" * 60_000))]
    large = record.Record(category="trade.tender", thing="large", source_system="test", fields=fields)
    message = record_pb.AppendRecordsRequest(client_id="large", sequence=1, records=[large] * 300)
    with OperatorClient(network.home("centre-b")) as node, pytest.raises(grpc.RpcError) as refusal:
        list(node.records.AppendRecords(iter([message]), timeout=30))
    assert refusal.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert rpc_status.from_call(refusal.value) is None


def test_another_node_is_not_taken_for_the_own(network, centre, client):
    _, member, folder = centre
    other = load_config(network.home("centre-c")).listen.members
    assert "REFUSED UNAVAILABLE :" in run(client, other, member, folder, "append", "astray", expect=1)


def test_a_guarantee_is_valid_and_an_altered_one_is_false(network, centre, client, guarantee, tmp_path):
    file, forged, nonsense = tmp_path / "guarantee.jwt", tmp_path / "forged.jwt", tmp_path / "nonsense.jwt"
    file.write_text(guarantee + "\n")
    forged.write_text(altered(guarantee, "56000000.00"))
    nonsense.write_text("not a guarantee")
    output = run(client, *centre, "check", file)
    assert "VERDICT_VALID: issued on the ledger" in output
    assert "560000.00 CNY for section" in output
    assert "VERDICT_FALSE: " in run(client, *centre, "check", forged)
    assert "VERDICT_FALSE: " in run(client, *centre, "check", nonsense)


# -- the page ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", SOURCES)
def test_what_the_page_quotes_stands_in_the_files(language):
    quotes = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    source = SOURCES[language].read_text(encoding="utf-8")
    assert quotes
    assert [quote for quote in quotes if quote not in source] == []


def test_the_python_client_needs_nothing_of_the_node():
    imports = [
        n for n in ast.walk(ast.parse(PYTHON.read_text())) if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    roots = {(n.module if isinstance(n, ast.ImportFrom) else n.names[0].name).split(".")[0] for n in imports}
    assert roots == {"sys", "pathlib", "grpc", "grpc_status", "google", "heqi"}


def test_the_page_tells_every_code():
    codes = {code_pb2.Code.Name(to_status(kind("")).code) for kind in all_errors().values()}
    assert [code for code in codes if f"| `{code}` |" not in PAGE] == []


def test_the_page_tells_every_verdict():
    for verdict in guarantee_pb.CheckGuaranteeResponse.Verdict.keys()[1:]:
        assert f"| `{verdict}` |" in PAGE
