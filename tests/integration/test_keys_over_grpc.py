"""A second device, a removed key, a replaced one and a backup: the wallet's own commands over real gRPC and TLS."""

import asyncio
import json

import pytest

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from node.cli.main import main
from tests.support.network_bidder import FIELDS

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_keys_come_and_go_by_the_wallets_commands(network, tmp_path, capsys):
    (tmp_path / "p").write_bytes(b"correct horse battery staple")
    certificate = trial_ca.issue(network.root, "虚构公司401", credit_code(401))
    (tmp_path / "cert.pem").write_bytes(certificate.certificate_pem)
    (tmp_path / "key.pem").write_bytes(certificate.key_pem)
    by = ("--certificate", str(tmp_path / "cert.pem"), "--certificate-key", str(tmp_path / "key.pem"))
    fields = {"credit_code": credit_code(401), **FIELDS}
    (tmp_path / "package.json").write_text(
        json.dumps([{"category": "subject.base", "thing": "base", "fields": fields}])
    )

    async def heqi(wallet: str, *words: str) -> str:
        """One command of a wallet, beside the network as another process would run it."""
        common = ("--wallet", str(tmp_path / wallet), "--passphrase-file", str(tmp_path / "p"))
        code = await asyncio.to_thread(main, ["wallet", *words, *common])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return printed.out

    async def make(wallet: str, *words: str) -> str:
        where = ("--alliance", str(network.alliance_file), "--home-centre", "centre-a")
        await heqi(wallet, "init", *where, *words)
        await heqi(wallet, "delegate", *by)
        return json.loads(await heqi(wallet, "keys", "show", "--json"))["key"]

    async def keys(wallet: str) -> dict[str, bool]:
        return {one["key"]: one["own"] for one in json.loads(await heqi(wallet, "keys", "list", "--json"))}

    first = await make("w1")
    package = str(tmp_path / "package.json")
    registered = json.loads(await heqi("w1", "register", package, "--wait", "--json"))
    second = await make("w2", "--trial-passkey", "wallet.example")
    assert second.startswith("passkey:")
    await heqi("w1", "keys", "add", second)
    await heqi("w2", "keys", "attach", registered["subject"])
    assert await keys("w2") == {first: False, second: True}
    await heqi("w1", "keys", "replace", *by)
    [third] = {one for one, is_own in (await keys("w1")).items() if is_own}
    assert third not in {first, second}
    await heqi("w2", "keys", "remove", third)
    assert await keys("w2") == {second: True}
    assert json.loads(await heqi("w2", "status", "--json"))["keys"] == 1
    await heqi("w2", "keys", "papers", "--out", str(tmp_path / "papers.json"))
    await heqi("w2", "backup", str(tmp_path / "w2.backup"))
    await heqi("w3", "restore", str(tmp_path / "w2.backup"))
    assert await keys("w3") == {second: True}
    lost = ("recover", "start", "--papers", str(tmp_path / "papers.json"))
    await make("w4")
    answer = json.loads(await heqi("w4", *lost, "--json"))
    assert "centre-a" not in answer["drawn"]
