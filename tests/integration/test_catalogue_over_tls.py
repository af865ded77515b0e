"""Changing what records must be, with real nodes: propose, read it elsewhere, vote, and records are checked by it."""

import asyncio
import json

from heqi.v1 import record_pb2
from heqi.v1 import record_service_pb2 as pb

from node.cli.main import main
from node.config import RecordsConfig
from tests.support.network import Stubs, open_network, until

CATEGORY = "trade.award"


def message(sequence: int, **fields: str) -> pb.AppendRecordsRequest:
    named = [record_pb2.NamedValue(name=k, value=record_pb2.Value(text=v)) for k, v in fields.items()]
    record = record_pb2.Record(category=CATEGORY, thing="a", source_system="test", fields=named)
    return pb.AppendRecordsRequest(client_id="c", sequence=sequence, records=[record])


async def parked(centre, sequence: int, **fields: str) -> int:
    async with centre.operator_channel() as connection:
        calls = Stubs(connection).records.AppendRecords(iter([message(sequence, **fields)]))
        answer = await anext(aiter(calls))
        return answer.accepted.parked_count


async def heqi(*arguments: object) -> int:
    return await asyncio.to_thread(main, [str(one) for one in arguments])


async def test_a_definition_is_proposed_read_and_voted_by_command_and_workers_check_by_it(tmp_path, capsys):
    async with open_network(tmp_path, records=RecordsConfig(workers=1)) as network:
        first, second, third = list(network.centres.values())[:3]
        await until(lambda: all(c.services.projection.catalogue_changes() for c in network.centres.values()))
        assert await parked(third, 1, title="示例", grade="甲") == 1

        assert await heqi("catalogue", "show", CATEGORY, "--home", first.home, "--text") == 0
        definition = json.loads(capsys.readouterr().out)
        definition["version"] = 2
        definition["fields"]["grade"] = {
            "chinese": "等级",
            "english": "Grade",
            "required": True,
            "schema": {"maxLength": 8, "type": "string"},
        }
        file = tmp_path / "award.json"
        file.write_text(json.dumps(definition, ensure_ascii=False, indent=2), encoding="utf-8")
        assert await heqi("catalogue", "check", file) == 0
        assert await heqi("catalogue", "propose", "--home", first.home, file) == 0
        voting = second.services.catalogue_votes
        await until(lambda: any(one.text for one in voting.proposed()))
        capsys.readouterr()
        assert await heqi("catalogue", "list", "--home", second.home, "--json") == 0
        (shown,) = json.loads(capsys.readouterr().out)["proposed"]
        assert (shown["category"], shown["is_here"], shown["problem"]) == (CATEGORY, True, "")
        voted = ("--home", second.home, "--proposal", shown["proposal"])
        assert await heqi("catalogue", "show", CATEGORY, *voted) == 0
        assert "等级" in capsys.readouterr().out
        assert await heqi("catalogue", "show", "trade.tender", *voted) == 1
        assert await heqi("alliance", "vote", "--home", second.home, shown["proposal"]) == 0

        await until(lambda: third.services.catalogue.rules().version(CATEGORY) == 2)
        await until(lambda: not third.services.catalogue.rules().lacking)
        assert await parked(third, 2, title="示例", grade="甲") == 0
        assert await parked(third, 3, title="示例") == 1
        capsys.readouterr()
        assert await heqi("catalogue", "list", "--home", third.home) == 0
        assert "award  " in capsys.readouterr().out
