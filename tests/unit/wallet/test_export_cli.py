"""`heqi wallet export`: a file for each record, and beside it what proves it, readable by its owner alone."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from heqi.v1 import wallet_service_pb2 as pb

from node.cli.main import main
from node.cli.wallet import setup
from tests.vectors import waiver_vectors

RECORDS = [
    pb.ExportedRecord(category="subject.base", thing="base", sd_jwt="a.b.c~"),
    pb.ExportedRecord(
        category="subject.evaluation",
        thing="e-1",
        sd_jwt="d.e.f~",
        evidence=waiver_vectors.exported(),
    ),
]


class Home(nullcontext):
    """The wallet's client of its home."""

    member = SimpleNamespace(name="centre-a")

    def export(self, _):
        return self.enter_result


@pytest.fixture
def answer(monkeypatch):
    """What the home answers."""
    found = pb.ExportRegistrationResponse(records=RECORDS)
    scribe = SimpleNamespace(export=lambda _: "signed")
    monkeypatch.setattr(setup, "open_session", lambda _: (None, scribe, Home(found)))
    return found


def run(folder) -> int:
    return main(["wallet", "export", "--wallet", str(folder / "wallet"), "--out", str(folder / "out")])


@pytest.mark.usefixtures("answer")
def test_what_is_anchored_comes_with_its_evidence(tmp_path, capsys):
    assert run(tmp_path) == 0
    assert "2" in capsys.readouterr().out
    files = {path.name: path for path in (tmp_path / "out").iterdir()}
    assert sorted(files) == [
        "001-subject.base.sd-jwt",
        "002-subject.evaluation.evidence.json",
        "002-subject.evaluation.sd-jwt",
    ]
    assert files["002-subject.evaluation.evidence.json"].read_bytes() == waiver_vectors.exported()
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}


def test_a_node_does_not_name_the_files(answer, tmp_path):
    answer.records.add(category="../../evil", sd_jwt="a.b.c~")
    assert run(tmp_path) != 0
    assert not list(tmp_path.glob("**/*evil*"))
