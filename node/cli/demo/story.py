"""The demo's story: each step does something and proves it; a step that fails names itself."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from heqi.v1 import access_service_pb2 as access_pb
from heqi.v1 import guarantee_service_pb2 as guarantee_pb
from heqi.v1 import record_service_pb2 as record_pb

from adapters.crypto.keys import open_keys
from adapters.systems.ocds import Summary
from adapters.systems.sample import write_sample
from node.cli.client import OperatorClient
from node.cli.demo.actors import Authority, Beneficiary, Bidder, altered, read_as, widened
from node.cli.demo.network import BANK, Network
from node.cli.output import print_table, say
from node.cli.record_source import append_messages
from node.cli.waiting import retry, wait_for
from node.domain.grant import Scope
from node.errors import EvidencePendingError, GrantMissingError, NodeError, VerificationError
from node.wallet.keyfile import WalletKey

R = TypeVar("R")
_WAIT_SECONDS = 45.0
ASKED = ("credit_code", "legal_name", "registered_capital")
NOT_ASKED = "bank_account"


@dataclass
class Story:
    """What happens, in order, and what was proven."""

    network: Network
    data: Path | None
    proven: list[tuple[str, str, float]] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, chinese: str, english: str) -> Iterator[list[str]]:
        """One step; what the body appends to the list is what it proved."""
        say(f"▶ {len(self.proven) + 1} {chinese}…", f"{english}…")
        start, facts = time.monotonic(), list[str]()
        try:
            yield facts
        except Exception:
            say(f"✗ 失败：{chinese}", f"FAILED: {english}")
            raise
        seconds = time.monotonic() - start
        for fact in facts:
            print(f"    ✓ {fact}", flush=True)
        self.proven.append((f"{chinese} {english}", facts[-1] if facts else "", seconds))

    def tell(self) -> None:
        """All of it.

        Raises:
            NodeError: a step does not do what it must.
        """
        authority = Authority()
        self._set_up(authority)
        self._import_records()
        bidder = self._register(authority)
        request, token = self._share(bidder)
        self._attack(bidder, token)
        self._guarantee(bidder)
        bundle = self._bundle(request)
        self._revoke(bidder, token, request)
        self._verify(bundle)

    def print_result(self) -> None:
        """The table at the end."""
        print()
        rows = [(n, step, fact, f"{seconds:.1f} s") for n, (step, fact, seconds) in enumerate(self.proven, 1)]
        print_table(("", "步骤 step", "证明了 proven", "用时 time"), rows)
        say("合计", f"{sum(seconds for _, _, seconds in self.proven):.1f} s")

    def _set_up(self, authority: Authority) -> None:
        with self.step("启动账本引擎", "starting the ledger engine") as facts:
            self.network.start_chain()
            facts.append("its own process, LevelDB, Unix socket with mode 0600")
        with self.step("三个中心和一家银行建立联盟", "three centres and a bank found the alliance") as facts:
            self.network.found_alliance([authority.anchor()])
            facts.append("contracts deployed; code, founders and address book checked and signed by all four")
        with self.step("启动四个节点", "starting four nodes") as facts:
            self.network.start_nodes()
            facts.append("mutual TLS on the identity keys that the ledger names")

    def _import_records(self) -> None:
        source = self.data
        if source is None:
            source = self.network.folder / "sample"
            write_sample(source)
        with self.step(f"中心A导入交易数据 {source.name}", "centre A imports trading data") as facts:
            summary = Summary()
            records = parked = 0
            first = -1
            with OperatorClient(self.network.home("centre-a")) as node:
                answers = node.stream(
                    node.records.AppendRecords, append_messages(source, "demo", summary, wait=True)
                )
                for answer in answers:
                    if answer.HasField("accepted"):
                        first = answer.accepted.first_position if first < 0 else first
                        records += answer.accepted.record_count
                        parked += answer.accepted.parked_count
                facts.append(
                    f"{records} records accepted and durable, {parked} items parked with their reasons"
                )
                for reason, count in sorted(summary.parked.items(), key=lambda item: item[0].value):
                    facts.append(f"parked: {count} × {reason.value}")
                if not records:
                    raise VerificationError(f"{source} holds no usable record")
                proof = self.network.folder / "record-bundle.json"
                wanted = record_pb.ProveRecordRequest(position=first)
                got = _once_complete(lambda: node.call(node.records.ProveRecord, wanted))
                proof.write_bytes(got.bundle)
            self._run_verify(proof, expect=0)
            facts.append(
                f"{records} records final: under an anchor on the ledger; the first one proven offline"
            )

    def _register(self, authority: Authority) -> Bidder:
        with self.step("投标人在中心A注册", "a bidder registers at centre A") as facts:
            bidder = Bidder(self.network.folder / "wallet", self.network.alliance, "centre-a", authority)
            subject = bidder.register()
            wait_for("the registration", bidder.is_final, _WAIT_SECONDS)
            facts.append("its certificate (RSA) vouches for a fresh wallet key; nobody else can")
            facts.append(
                f"subject {subject[:16]}… is on the ledger, without a name; its documents are anchored"
            )
        return bidder

    def _share(self, bidder: Bidder) -> tuple[str, str]:
        home_b = self.network.home("centre-b")
        with self.step("中心B申请、投标人签署授权", "centre B asks, the bidder signs") as facts:
            with OperatorClient(home_b) as node:
                asked = access_pb.RequestAccessRequest(
                    subject_id=bidder.scribe().subject,
                    home="centre-a",
                    scopes=[access_pb.Scope(category="subject.base", fields=ASKED)],
                    purpose="qualification-review",
                    uses=3,
                )
                request = node.call(node.access.RequestAccess, asked).request_id
            wait_for("the request", lambda: bidder.open_request() is not None, _WAIT_SECONDS)
            waiting = bidder.open_request()
            assert waiting is not None
            facts.append(f"the wallet shows: {waiting.iss} asks for {', '.join(waiting.scope[0].fields)}")
            grant, token = bidder.grant(waiting)
            facts.append(f"grant {grant[:16]}… signed by the bidder; only its hash goes on the ledger")
        with self.step("中心B读取并核验", "centre B reads and verifies") as facts:
            self._fetch_when_live(request, facts)
        return request, token

    def _fetch_when_live(self, request: str, facts: list[str]) -> None:
        with OperatorClient(self.network.home("centre-b"), timeout_seconds=30.0) as node:
            asked = access_pb.FetchRecordsRequest(request_id=request)
            # The grant works from FINAL; until then both sides say that it is missing.
            answer = retry(
                lambda: node.call(node.access.FetchRecords, asked),
                _WAIT_SECONDS,
                GrantMissingError,
            )
        shown = json.loads(answer.records[0].fields_json)
        if len(answer.records) != 1 or sorted(shown) != sorted(ASKED):
            raise VerificationError(f"centre B received {sorted(shown)}, not exactly {sorted(ASKED)}")
        facts.append(f"exactly {len(shown)} granted fields of {answer.organisation} received, no other")
        facts.append("certificate, grant, log, and centre A's anchor on the ledger verified by B itself")

    def _attack(self, bidder: Bidder, token: str) -> None:
        b, c = self.network.home("centre-b"), self.network.home("centre-c")
        with self.step("中心C无授权读取", "centre C reads without a grant") as facts:
            _expect(read_as(c, "centre-c", bidder, token), {"GRANT_SCOPE", "GRANT_MISSING"})
            facts.append("refused, even with B's grant in hand")
        with self.step("中心B扩大授权", "centre B widens its grant") as facts:
            _expect(read_as(b, "centre-b", bidder, widened(token, NOT_ASKED)), {"SIGNATURE"})
            facts.append("an altered grant document is refused: the bidder did not sign it")
            more = (Scope("subject.base", tuple(sorted({*ASKED, NOT_ASKED}))),)
            _expect(read_as(b, "centre-b", bidder, token, more), {"GRANT_MISSING"})
            facts.append(f"asking for {NOT_ASKED} under the true grant is refused")

    def _guarantee(self, bidder: Bidder) -> None:
        descriptor = bidder.folder.descriptor
        beneficiary = Beneficiary(descriptor, bidder.folder.member("centre-b"))
        with self.step("投标人向银行申请保函", "the bidder applies to a bank for a guarantee") as facts:
            application = bidder.apply(BANK, "centre-b", beneficiary, "560000.00")
            facts.append("with centre B's application code and a grant on its data")
            _expect(_reason(lambda: bidder.apply(BANK, "centre-b", beneficiary, "560000.00")), {"DUPLICATE"})
            facts.append("a second application under the same code is refused")
        with self.step("银行核验并开立保函", "the bank verifies and issues") as facts, self._bank() as node:
            wanted = guarantee_pb.AssessApplicationRequest(application_id=application)
            retry(
                lambda: node.call(node.guarantees.AssessApplication, wanted), _WAIT_SECONDS, GrantMissingError
            )
            facts.append(
                "the bank read name and credit code under the bidder's grant and verified them itself"
            )
            issue = guarantee_pb.IssueGuaranteeRequest(application_id=application, number="BH-2026-0001")
            node.call(node.guarantees.IssueGuarantee, issue)
            token = bidder.guarantee(BANK)
            facts.append("signed with the bank's identity key; the ledger holds a salted digest of the terms")
        with self.step("中心B核验保函", "centre B checks the guarantee") as facts:
            wait_for("the guarantee", lambda: self._verdict(token) == "VALID", _WAIT_SECONDS)
            facts.append("VALID: issued on the ledger, not expired, not released")
            _expect(self._verdict(altered(token, "56000000.00")), {"FALSE"})
            facts.append("the same file over another amount is FALSE")
            bank = open_keys(self.network.home(BANK))
            thief = WalletKey(bank.identity.key)
            _expect(_reason(lambda: beneficiary.release(token, thief)), {"ROLE_MISSING"})
            facts.append("the bank cannot release in the beneficiary's place")
        with self.step("受益人解保", "the beneficiary releases") as facts:
            beneficiary.release(token)
            wait_for("the release", lambda: self._verdict(token) == "RELEASED", _WAIT_SECONDS)
            facts.append("RELEASED, by the beneficiary's own signature")

    def _bank(self) -> OperatorClient:
        return OperatorClient(self.network.home(BANK), timeout_seconds=30.0)

    def _verdict(self, token: str) -> str:
        with OperatorClient(self.network.home("centre-b")) as node:
            answer = node.call(node.guarantees.CheckGuarantee, guarantee_pb.CheckGuaranteeRequest(file=token))
        return guarantee_pb.CheckGuaranteeResponse.Verdict.Name(answer.verdict).removeprefix("VERDICT_")

    def _bundle(self, request: str) -> Path:
        path = self.network.folder / "evidence-bundle.json"
        with OperatorClient(self.network.home("centre-b")) as node:
            wanted = access_pb.GetBundleRequest(request_id=request, read=0)
            got = _once_complete(lambda: node.call(node.access.GetBundle, wanted))
        path.write_bytes(got.bundle)
        return path

    def _revoke(self, bidder: Bidder, token: str, request: str) -> None:
        with self.step("投标人撤回授权", "the bidder revokes") as facts:
            bidder.revoke(token)
            _expect(self._fetch_reason(request), {"GRANT_REVOKED"})
            facts.append("B's next read is refused at once")
            wait_for("the receipt", lambda: all(receipt for _, _, receipt in bidder.reads()), _WAIT_SECONDS)
            reader, purpose, _ = bidder.reads()[0]
            facts.append(f"the bidder sees who read: {reader} for {purpose}, with its countersigned receipt")

    def _fetch_reason(self, request: str) -> str:
        with OperatorClient(self.network.home("centre-b"), timeout_seconds=30.0) as node:
            try:
                node.call(node.access.FetchRecords, access_pb.FetchRecordsRequest(request_id=request))
            except NodeError as refusal:
                return refusal.reason
        return ""

    def _verify(self, bundle: Path) -> None:
        with self.step("第三方离线核验证据包", "a stranger checks the evidence offline") as facts:
            self._run_verify(bundle, expect=0)
            facts.append("heqi verify: no network, no node, no store; only alliance.json is trusted")
            raw = bytearray(bundle.read_bytes())
            raw[len(raw) // 2] ^= 1
            forged = bundle.with_name("forged-bundle.json")
            forged.write_bytes(raw)
            self._run_verify(forged, expect=1)
            facts.append("one flipped bit is caught")

    def _run_verify(self, bundle: Path, *, expect: int) -> None:
        command = [
            sys.executable,
            "-m",
            "node",
            "verify",
            str(bundle),
            "--alliance",
            str(self.network.alliance),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode != expect:
            raise VerificationError(f"heqi verify ended with {done.returncode}: {done.stdout}{done.stderr}")


def _once_complete(attempt: Callable[[], R]) -> R:
    return retry(attempt, _WAIT_SECONDS, EvidencePendingError)


def _reason(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except NodeError as refusal:
        return refusal.reason
    return ""


def _expect(reason: str, allowed: set[str]) -> None:
    if reason not in allowed:
        raise VerificationError(
            f"expected a refusal with {' or '.join(sorted(allowed))}, got {reason or 'an answer'}"
        )
