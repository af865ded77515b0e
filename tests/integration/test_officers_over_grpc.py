"""Two officers by the wallet's own commands over real gRPC and TLS: draft, approve, submit."""

import asyncio
import json

import pytest

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from node.cli.main import main
from tests.support.network_bidder import FIELDS

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_one_drafts_another_approves_and_the_first_hands_in(network, tmp_path, capsys):
    (tmp_path / "p").write_bytes(b"correct horse battery staple")
    certificate = trial_ca.issue(network.root, "虚构公司402", credit_code(402))
    (tmp_path / "cert.pem").write_bytes(certificate.certificate_pem)
    (tmp_path / "key.pem").write_bytes(certificate.key_pem)
    by = ("--certificate", str(tmp_path / "cert.pem"), "--certificate-key", str(tmp_path / "key.pem"))
    both = [word for act in ("grant", "register", "erase", "move") for word in ("--two-officers", act)]
    fields = {"credit_code": credit_code(402), **FIELDS}
    package, newer = tmp_path / "package.json", tmp_path / "newer.json"
    package.write_text(json.dumps([{"category": "subject.base", "thing": "base", "fields": fields}]))
    newer.write_text(
        json.dumps(
            [{"category": "subject.base", "thing": "base", "fields": {**fields, "legal_name": "虚构公司402"}}]
        )
    )

    async def heqi(wallet: str, *words: object, fails: str = "") -> str:
        """One command of a wallet, beside the network as another process would run it."""
        common = ("--wallet", str(tmp_path / wallet), "--passphrase-file", str(tmp_path / "p"))
        code = await asyncio.to_thread(main, ["wallet", *map(str, words), *common])
        printed = capsys.readouterr()
        assert (code == 0) is not bool(fails), printed.err
        assert fails in printed.err
        return printed.out

    async def make(wallet: str, *words: str) -> str:
        await heqi(wallet, "init", "--alliance", network.alliance_file, "--home-centre", "centre-a", *words)
        await heqi(wallet, "delegate", *by, *both)
        return json.loads(await heqi(wallet, "keys", "show", "--json"))["key"]

    async def together(act: str, *words: object) -> str:
        """What the second officer was shown, after both have done their part."""
        file = tmp_path / f"{act}.json"
        await heqi("w1", *words, "--second", file)
        await heqi("w1", "submit", file, fails="no second officer has approved")
        await heqi("w1", "approve", file, "--yes", fails="APPROVAL")
        shown = await heqi("w2", "approve", file, "--yes")
        await heqi("w2", "submit", file, fails="whoever drafted")
        await heqi("w1", "submit", file)
        return shown

    await make("w1")
    registered = json.loads(await heqi("w1", "register", package, "--wait", "--json"))
    await heqi("w1", "keys", "add", await make("w2", "--trial-passkey", "wallet.example"))
    await heqi("w2", "keys", "attach", registered["subject"])

    told = json.loads(await heqi("w2", "status", "--json"))
    assert (told["two_officers"], told["officers"]) == (
        "controllers, erase, grant, mandate, move, register",
        2,
    )
    await heqi("w1", "register", newer, fails="SECOND_OFFICER_MISSING")
    shown = await together("register", "register", newer)
    assert "提交材料" in shown
    assert "legal_name = 虚构公司402" in shown
    assert "授权他人读取" in shown  # what the delegation reserves

    wanted = ("--to", "centre-b", "--purpose", "registration-reuse", "--want", "subject.base:legal_name")
    await heqi("w1", "standing", *wanted, "--yes", fails="SECOND_OFFICER_MISSING")
    shown = await together("standing", "standing", *wanted, "--yes")
    assert "centre-b" in shown
    assert "legal_name" in shown
    [granted] = json.loads(await heqi("w1", "grants", "--json"))
    assert granted["receiver"] == "centre-b"

    third = await make("w3")
    await heqi("w1", "keys", "add", third, fails="SECOND_OFFICER_MISSING")
    assert third in await together("keys", "keys", "add", third)
    await heqi("w3", "keys", "attach", registered["subject"])

    shown = await together(
        "mandate", "mandate", "give", "--key", third, "--name", "王五", "--power", "look", "--days", "9",
        "--out", tmp_path / "unused.jwt",
    )  # fmt: skip
    assert "王五" in shown
    assert "王五" in await heqi("w3", "mandate", "show", tmp_path / "mandate.jwt")

    assert "centre-b" in await together("move", "move", "centre-b")
    assert json.loads(await heqi("w1", "status", "--json"))["home"] == "centre-b"
    assert "全部" in await together("erase", "erase", "--yes")
