"""`heqi registration load` at a running node: bad lines, interruptions, and a bidder who takes its own over."""

import asyncio
import itertools
import json

import pytest

from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import base_document
from node.cli import registration_source
from node.cli.main import main
from node.cli.registration_source import messages_of
from tests.support.network_bidder import Bidder

pytestmark = pytest.mark.asyncio(loop_scope="module")


def line(number, code="", **fields):
    code = code or credit_code(number)
    base = base_document(f"虚构建设第{number}有限公司", code, **fields).fields
    records = [{"category": "subject.base", "thing": "base", "fields": base}]
    return json.dumps({"id": str(number), "credit_code": code, "records": records}, ensure_ascii=False)


async def load(capsys, network, path, *more):
    home = network["centre-a"].home
    arguments = ["registration", "load", "--home", str(home), str(path), "--json", *more]
    code = await asyncio.to_thread(main, arguments)
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out else told.err


@pytest.fixture
def small_messages(monkeypatch):
    monkeypatch.setattr(registration_source, "MESSAGE_ITEMS", 3)


async def test_a_file_is_loaded_once_and_its_bad_lines_are_told(network, tmp_path, capsys, small_messages):
    path = tmp_path / "existing.jsonl"
    good = [line(number) for number in range(101, 108)]
    bad = ["{", line(108, code="91I"), json.dumps({"id": "x"}), line(101)]
    path.write_text("\n".join([*good[:4], *bad, "", *good[4:]]) + "\n")
    code, told = await load(capsys, network, path)
    assert (code, told["added"], told["parked"], told["unchanged"]) == (1, 7, 3, 1)
    assert [problem["line"] for problem in told["problems"]] == [5, 6, 7]
    code, again = await load(capsys, network, path)
    assert (code, again["added"], again["records"], again["messages_before"]) == (0, 0, 0, 4)


async def test_a_load_that_was_cut_off_goes_on_where_it_was(
    network, tmp_path, capsys, small_messages, monkeypatch
):
    path = tmp_path / "existing.jsonl"
    path.write_text("\n".join(line(number) for number in range(201, 212)))

    def cut(*arguments):
        yield from itertools.islice(messages_of(*arguments), 2)  # and then the power fails

    with monkeypatch.context() as patch:
        patch.setattr("node.cli.registration_load.messages_of", cut)
        assert (await load(capsys, network, path))[1]["added"] == 6
    code, told = await load(capsys, network, path)
    assert code == 0
    assert (told["messages_before"], told["added"]) == (2, 5)


async def test_a_bidder_takes_over_what_was_loaded(network, tmp_path, capsys):
    bidder = Bidder(network, 301)
    path = tmp_path / "existing.jsonl"
    path.write_text(line(301, code=bidder.code, region_code="330100"))
    assert (await load(capsys, network, path))[0] == 0
    waiting = network["centre-a"].services.registrations.find(bidder.code)
    await bidder.register()
    assert bidder.subject == waiting
