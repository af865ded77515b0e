"""An alliance by its own commands: founding, a fourth centre by vote, and nodes that are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from heqi.v1 import alliance_service_pb2 as pb

from adapters.crypto import trial_ca
from adapters.systems.sample import write_sample
from adapters.systems.sample_packages import base_document
from node.cli.client import OperatorClient
from node.cli.demo.actors import Authority, Bidder
from node.cli.demo.network import Network
from node.cli.main import main
from node.cli.trust_file import read_trust
from node.cli.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(150)


def heqi(*arguments: object, expect: int = 0) -> str:
    command = [sys.executable, "-m", "node", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout if expect == 0 else done.stderr


def ask(*arguments: object):
    return json.loads(heqi(*arguments, "--json"))


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    running = Network(tmp_path_factory.mktemp("life"))
    authority = Authority()
    running.authority = authority
    anchor = authority.anchor()
    try:
        running.start_chain()
        running.found_alliance([anchor])
        running.start_nodes()
        yield running
    finally:
        running.stop()


def test_a_fourth_centre_is_admitted_by_vote(network):
    home, a, b = network.folder / "centre-d", network.home("centre-a"), network.home("centre-b")
    url = f"unix://{network.folder / 'chain' / 'chain.sock'}"
    common = ("--members", "127.0.0.1:17971", "--wallets", "127.0.0.1:17972", "--ledger", url)
    heqi("init", "--home", home, "--name", "centre-d", *common)
    heqi("alliance", "join", "--home", home, network.alliance)
    heqi("alliance", "propose", "--home", a, home / "card.jwt")
    wait_for("the proposal", lambda: bool(ask("alliance", "proposals", "--home", b)), 20)
    proposal = ask("alliance", "proposals", "--home", b)[0]
    assert (proposal["action"], proposal["about"], proposal["passed"]) == ("ADMIT", "centre-d", False)
    for voter in (b, network.home("centre-c")):  # with the proposer's three of four: two thirds
        heqi("alliance", "vote", "--home", voter, proposal["number"])

    def is_member() -> bool:
        return any(m["name"] == "centre-d" for m in ask("alliance", "members", "--home", a))

    wait_for("the admission", is_member, 20)
    node = subprocess.Popen([sys.executable, "-m", "node", "run", "--home", str(home)], cwd=ROOT)
    try:
        wait_for("centre-d", lambda: _knows(home, 5), 30)
    finally:
        node.terminate()
        assert node.wait(15) == 0


def _knows(home: Path, count: int) -> bool:
    command = [sys.executable, "-m", "node", "alliance", "members", "--home", str(home), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    return done.returncode == 0 and len(json.loads(done.stdout)) == count


def test_an_authority_is_recognised_and_suspended_by_vote(network, tmp_path, capsys):
    pem, entry, trust = tmp_path / "ca.pem", tmp_path / "ca.json", tmp_path / "trust.json"
    pem.write_bytes(trial_ca.make_root("乙 CA").certificate_pem)

    def command(*arguments: object, home: str = "") -> str:
        """In this process: a dozen commands each in their own would take half a minute."""
        at = ("--home", network.home(home)) if home else ()
        assert main([*map(str, ("alliance", *arguments, *at))]) == 0
        return capsys.readouterr().out

    def shown(home: str = "centre-b") -> dict:
        return json.loads(command("trust", "list", "--json", home=home))

    def has_seen(voter: str, version: int) -> bool:
        """A node votes only on what it has seen on the ledger; what has passed is proposed no more."""
        found = shown(voter)
        return bool(found["proposed"]) or found["version"] > version

    def vote_through() -> None:
        wait_for("the proposal", lambda: bool(shown()["proposed"]), 60)
        now = shown()
        proposal = str(now["proposed"][0]["proposal"])
        # Others may have been admitted before, so that two thirds are more: whoever comes too late is told so.
        for voter in ("centre-b", "centre-c", "bank-x"):
            wait_for("the proposal", lambda voter=voter: has_seen(voter, now["version"]), 60)
            main(["alliance", "vote", proposal, "--home", str(network.home(voter))])
            capsys.readouterr()
        for home in ("centre-a", "centre-b"):
            wait_for("the vote", lambda home=home: shown(home)["version"] == now["version"] + 1, 60)

    terms = ("--credit-code-oid", "2.5.4.97", "--ocsp", "http://ocsp.example/", "--nonces")
    command("trust", "draft", "--ca", pem, "--id", "b-ca", "--name", "乙", *terms, "--out", entry)
    command("trust", "propose", entry, home="centre-a")
    vote_through()
    command("trust", "list", "--out", trust, home="centre-b")
    assert [one.id for one in read_trust(trust).anchors] == ["b-ca", "trial-ca"]
    assert json.loads(entry.read_text()) in json.loads(trust.read_text())
    command("trust", "suspend", "b-ca", "--from", "2026-03-01T00:00:00+08:00", home="centre-a")
    vote_through()
    assert shown()["authorities"][0]["suspended"] == 1_772_294_400
    message = heqi("alliance", "trust", "suspend", "--home", network.home("centre-a"), "c-ca", expect=1)
    assert "NOT_FOUND" in message


def test_a_descriptor_that_a_founder_has_not_signed_is_not_joined(network, tmp_path):
    file = json.loads(network.alliance.read_text())
    del file["signatures"]["centre-b"]
    unsigned = tmp_path / "alliance.json"
    unsigned.write_text(json.dumps(file))
    message = heqi("alliance", "join", "--home", network.home("centre-c"), unsigned, expect=1)
    assert "centre-b" in message


def test_a_second_process_on_one_folder_is_told_so(network):
    message = heqi("run", "--home", network.home("centre-a"), expect=1)
    assert "STORE" in message


def test_records_survive_a_killed_node_and_engine(network, tmp_path):
    a, sample = network.home("centre-a"), tmp_path / "sample"
    write_sample(sample, processes=5)
    first = ask("record", "import", "--home", a, sample, "--wait")
    before = ask("alliance", "status", "--home", a)
    for name in ("centre-a", "chain"):
        os.kill(network.pids()[name], signal.SIGKILL)
    network.restart("chain")
    network.restart("centre-a")
    after = ask("alliance", "status", "--home", a)
    assert after["records"] == before["records"] >= first["records"]
    again = ask("record", "import", "--home", a, sample, "--wait")
    assert again["records"] == first["records"]
    assert ask("alliance", "status", "--home", a)["records"] == before["records"]
    size = after["anchored_size"]
    wait_for("a new anchor", lambda: ask("alliance", "status", "--home", a)["anchored_size"] > size, 30)


def test_a_node_works_on_while_the_engine_is_away(network, tmp_path):
    b, sample = network.home("centre-b"), tmp_path / "sample"
    write_sample(sample, processes=3, seed=7)
    os.kill(network.pids()["chain"], signal.SIGKILL)
    done = ask("record", "import", "--home", b, sample)
    assert done["records"] > 0
    anchored = ask("alliance", "status", "--home", b)["anchored_size"]
    time.sleep(1)
    network.restart("chain")

    def is_caught_up() -> bool:
        now = ask("alliance", "status", "--home", b)
        return now["anchored_size"] > anchored

    wait_for("the anchor after the outage", is_caught_up, 40)


def proposals(home: Path) -> dict[int, pb.Proposal]:
    """In this process: a command for every look would take most of the test's time."""
    with OperatorClient(home) as node:
        found = node.call(node.alliance.ListProposals, pb.ListProposalsRequest()).proposals
    return {proposal.number: proposal for proposal in found}


def decide(network, *proposal: object) -> None:
    """The first proposes by command, the others agree until it passes."""
    first, *others = (network.home(name) for name in ("centre-a", "centre-b", "bank-x", "centre-c"))
    known = proposals(first).keys()
    heqi("alliance", proposal[0], "--home", first, *proposal[1:])
    wait_for("the proposal", lambda: proposals(first).keys() - known, 30)
    (number,) = proposals(first).keys() - known
    for voter in others:
        row = proposals(first)[number]
        if row.passed or row.about == voter.name:
            continue
        wait_for("the proposal at the voter", lambda voter=voter: number in proposals(voter), 30)
        with OperatorClient(voter) as node:
            node.call(node.alliance.CastVote, pb.CastVoteRequest(proposal=number, approve=True))
        wait_for("the vote", lambda voter=voter: voter.name in proposals(first)[number].approvals, 30)
    assert proposals(first)[number].passed


@pytest.mark.timeout(300)
def test_a_bidder_moves_away_from_a_suspended_home_that_does_not_answer(network, tmp_path):
    bidder = Bidder(tmp_path / "wallet", network.alliance, "centre-c", network.authority)
    secret, package = tmp_path / "passphrase", tmp_path / "package.json"
    secret.write_bytes(bidder.passphrase)
    wallet = ("--wallet", tmp_path / "wallet", "--passphrase-file", secret)
    fields = base_document("虚构建设有限公司", bidder.code).fields
    package.write_text(json.dumps([{"category": "subject.base", "thing": "base", "fields": fields}]))
    heqi("wallet", "register", package, "--wait", *wallet)
    decide(network, "suspend", "centre-c")
    rows = {row["name"]: row for row in ask("alliance", "members", "--home", network.home("centre-a"))}
    assert rows["centre-c"]["standing"] == "SUSPENDED"
    os.kill(network.pids()["centre-c"], signal.SIGKILL)
    moved = ask("wallet", "move", "centre-a", "--without-home", *wallet)
    assert (moved["from"], moved["home"]) == ("centre-c", "centre-a")
    now = ask("wallet", "status", *wallet)
    assert (now["home"], now["subject_final"], now["records_accepted"]) == ("centre-a", True, 2)
    network.restart("centre-c")
    decide(network, "reinstate", "centre-c")
    assert "centre-b" in heqi("wallet", "move", "centre-b", *wallet)  # with the old home's help


@pytest.mark.timeout(300)
def test_a_contract_is_replaced_by_vote_and_all_nodes_go_over_to_it(network):
    a = network.home("centre-a")
    placed = ask("alliance", "deploy", "Anchors", "--home", a)
    place = ("Anchors", "--address", placed["address"], "--code")
    heqi("alliance", "upgrade", *place, "0x" + "00" * 32, "--home", a)

    def refused() -> list[str]:
        return [item for item in ask("alliance", "status", "--home", a)["outbox"] if "OtherCode" in item]

    wait_for("the refusal", refused, 40)
    heqi("alliance", "drop", "--home", a, refused()[0].split()[0])
    decide(network, "upgrade", *place, placed["code"])
    for name in ("centre-a", "centre-b"):
        home = network.home(name)
        wait_for("the new contract", lambda home=home: ask("alliance", "contracts", "--home", home), 40)
        assert [(one["contract"], one["known"]) for one in ask("alliance", "contracts", "--home", home)] == [
            ("Anchors", True)
        ]
        size = ask("alliance", "status", "--home", home)["anchored_size"]

        def has_grown(home=home, size=size) -> bool:
            return ask("alliance", "status", "--home", home)["anchored_size"] > size

        wait_for("an anchor in it", has_grown, 40)
