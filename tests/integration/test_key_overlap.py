"""A change of the identity key over real TLS: nobody is refused in the overlap, and without one the old key is."""

import asyncio
import json
import time
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from adapters.crypto.leaves import IdentityCertifier, issue_leaf, new_request
from adapters.crypto.signers import P256Signer
from node.cli.main import main
from node.domain.keys import KeyKind, KeySet
from node.domain.succession import parse_successions
from node.domain.system import SystemRole
from node.errors import DocumentFormatError
from node.services.systems import Systems
from node.wire.status import from_rpc_error
from tests.support.network import Centre, Network, Stubs, channel, open_network, until
from tests.support.network_calls import COLLECT, STATUS, ask, collect, status

REACHED = "DOCUMENT_FORMAT"
"""The call arrived under a known name; what it asked for is nonsense."""


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory):
    async with open_network(tmp_path_factory.mktemp("network"), names=("centre-a", "centre-b")) as running:
        yield running


def key(centre: Centre, generation: int):
    return centre.keys._rings[KeyKind.IDENTITY][generation].key


async def rotate(network: Network, centre: Centre, overlap_seconds: int) -> None:
    versions = len(centre.services.projection.member(centre.name).former)
    centre.services.key_rotation.rotate([KeyKind.IDENTITY], overlap_seconds)
    await until(
        lambda: all(
            len(one.services.projection.member(centre.name).former) > versions
            for one in network.centres.values()
        )
    )


async def call(to: Centre, caller: Centre, generation: int, anchor: bytes | None = None) -> str:
    leaf = issue_leaf(caller.name, key(caller, generation), time.time())
    return await ask(channel(to.member, leaf.key_pem, leaf.certificate_pem, anchor), collect, COLLECT)


async def operate(centre: Centre, generation: int) -> str:
    services, identity = centre.services, key(centre, generation)
    certifier = IdentityCertifier(centre.name, P256Signer(identity))
    systems = Systems(services._store, services.acts, certifier, services.clock)
    key_pem, request = new_request()
    issued = systems.issue(request, f"desk-{generation}", SystemRole.OPERATOR, 1)
    return await ask(channel(centre.member, key_pem, issued.pem), status, STATUS)


@pytest.mark.asyncio(loop_scope="module")
async def test_old_and_new_leaves_are_taken_in_the_overlap_and_peers_go_on(network: Network) -> None:
    a, b = network["centre-a"], network["centre-b"]
    async with b.member_channel(a) as before:
        await rotate(network, b, 3_600)
        for generation in (1, 2):
            assert await call(a, b, generation) == REACHED
        assert await operate(b, 1) == await operate(b, 2) == ""
        # the other way, to the node whose key changes: its server still shows the key before, and both are pinned
        member = a.services.projection.member("centre-b")
        assert len(member.identity_keys(time.time())) == 2
        peers = a.services.reading._peers
        with pytest.raises(DocumentFormatError):
            await peers.collect_grant(member, "nonsense")
        assert await ask(before, collect, COLLECT) == REACHED


@pytest.mark.asyncio(loop_scope="module")
async def test_a_stolen_identity_key_is_worth_nothing_once_the_change_is_final(network: Network) -> None:
    a, b = network["centre-a"], network["centre-b"]
    leaf = issue_leaf("centre-b", key(b, 2), time.time())
    async with channel(a.member, leaf.key_pem, leaf.certificate_pem) as thief:
        assert await _reason(thief) == REACHED
        await rotate(network, b, 0)
        await until(lambda: time.time() > b.services.projection.member("centre-b").former[-1].since)
        # the very connection that was open before
        assert await _reason(thief) == "UNKNOWN_CALLER"
    for generation in (1, 2):
        assert await call(a, b, generation) == "TLS"
        assert await operate(b, generation) == "TLS"
    assert await call(a, b, 3) == REACHED
    # and the node that changed goes on: it shows a leaf by its new key, and its peers trust it
    member = a.services.projection.member("centre-b")
    with pytest.raises(DocumentFormatError):
        await a.services.reading._peers.collect_grant(member, "nonsense")


async def _reason(connection: grpc.aio.Channel) -> str:
    """As `ask`, and the connection stays open."""
    try:
        await Stubs(connection).exchange.CollectGrant(COLLECT, timeout=5)
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error, "a").reason
    return ""


@pytest.mark.asyncio(loop_scope="module")
async def test_the_command_line_lists_changes_and_shows_keys(
    network: Network, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    a, out = network["centre-a"], tmp_path / "keys.json"
    home = str(a.home)

    async def heqi(*words: str) -> str:
        assert await asyncio.to_thread(main, ["keys", *words, "--home", home]) == 0
        return capsys.readouterr().out

    before = json.loads(await heqi("list", "--json"))
    assert [(row["kind"], row["state"]) for row in before] == [(kind.value, "present") for kind in KeyKind]
    assert "new keys are made" in await heqi("rotate", "sealing", "data", "--overlap-days", "0.5")
    await until(lambda: a.keys.present(KeyKind.SEALING).hex() not in str(before))
    after = json.loads(await heqi("list", "--json"))
    assert [row["state"] for row in after if row["kind"] == "sealing"] == ["former", "present"]
    assert (a.home / "keys" / "sealing.2.pem").stat().st_mode & 0o777 == 0o600
    await heqi("history", "--out", str(out))
    [succession] = parse_successions(out.read_bytes())
    assert succession.change.keys == KeySet.of(a.services.projection.member("centre-a"))
    await until(lambda: all(item.object != "keys" for _, item in a.services.outbox.items()))
    assert await asyncio.to_thread(main, ["keys", "rotate", "log", "--holder", "x", "--home", home]) == 2
    assert "pkcs11" in capsys.readouterr().err
