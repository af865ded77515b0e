"""`heqi guarantee check --batch`: what is read from folders and lists, and that no item stops the rest."""

import hashlib
import json

import pytest

from node.cli.guarantee_batch import FAULTS, is_waiver, read_batch, read_item
from node.cli.guarantee_section import read_waivers
from node.cli.main import main
from node.domain.batch_finding import Fault
from node.domain.pledge import open_pledge
from node.domain.waiver import open_waiver
from node.errors import ConfigError
from node.wallet.folder import DELEGATION_FILE, create_wallet
from tests.vectors import waiver_vectors, world

CODE, PASSPHRASE = "91310000132269406T", b"of a trial wallet"


def test_every_fault_has_its_chinese_word():
    assert set(FAULTS) == {fault.value for fault in Fault}


def test_a_folder_is_read_in_order_and_file_names_say_whose_bid_it_was(tmp_path):
    for name in (f"{CODE}-1.jwt", f"{CODE}.jwt", f"{CODE}9.jwt", "b.jwt", ".hidden"):
        (tmp_path / name).write_text(f" of {name}\n")
    (tmp_path / "c.bin").write_bytes(b"\xff\xfe")
    (tmp_path / "d").mkdir()
    items = list(read_batch(tmp_path))
    assert [item.label for item in items] == sorted(
        (f"{CODE}-1.jwt", f"{CODE}.jwt", f"{CODE}9.jwt", "b.jwt", "c.bin")
    )
    by_name = {item.label: item.shown for item in items}
    assert by_name[f"{CODE}-1.jwt"].bidder_code == by_name[f"{CODE}.jwt"].bidder_code == CODE
    assert by_name[f"{CODE}9.jwt"].bidder_code == by_name["b.jwt"].bidder_code == ""
    assert by_name["b.jwt"].guarantee.file == "of b.jwt"


def test_a_list_names_guarantees_in_three_ways_and_nonsense_is_an_item_of_its_own(tmp_path):
    lines = [
        json.dumps({"file": "e30.e30.AA", "bidder": CODE}),
        json.dumps({"guarantor": "bank-x", "number": "BH-1"}),
        json.dumps({"id": "ab" * 32}),
        "",
        "nonsense",
        '{"file": 7}',
        '{"file": "\\ud800"}',
    ]
    path = tmp_path / "list.jsonl"
    path.write_text("\n".join(lines))
    found = [item.shown for item in read_batch(path)]
    assert [one.guarantee.WhichOneof("by") for one in found] == [
        "file", "number", "guarantee_id", "file", "file", "file",
    ]  # fmt: skip
    assert found[0].bidder_code == CODE
    with pytest.raises(ConfigError, match="cannot read"):
        list(read_batch(tmp_path / "missing"))


def test_a_line_of_any_size_fits_into_a_message():
    assert read_item("[" * 200_000).ByteSize() < 70_000
    assert read_item(json.dumps({"file": "x" * 200_000})).ByteSize() < 70_000


def test_a_pledge_that_the_wallet_signs_is_known_as_one_in_a_folder(tmp_path, capsys):
    wallet, bids = tmp_path / "wallet", tmp_path / "bids"
    bids.mkdir()
    (tmp_path / "text").write_text("我方承诺")
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    create_wallet(wallet, world.alliance_file(), world.HOME, PASSPHRASE)
    (wallet / DELEGATION_FILE).write_text(world.delegation_token())
    arguments = [
        "wallet",
        "pledge",
        "--wallet",
        wallet,
        "--passphrase-file",
        tmp_path / "passphrase",
        "--centre",
        "c",
    ]
    arguments += [
        "--section",
        "s",
        "--text",
        tmp_path / "text",
        "--amount",
        "80000",
        "--out",
        bids / f"{CODE}.jwt",
    ]
    assert main([str(one) for one in arguments]) == 0
    assert "承诺函" in capsys.readouterr().out
    [item] = read_batch(bids)
    assert (item.shown.bidder_code, item.shown.guarantee.file) == (CODE, "")
    pledge = open_pledge(item.shown.pledge)
    assert (pledge.section, pledge.amount) == ("s", "80000")
    assert pledge.text == hashlib.sha256("我方承诺".encode()).hexdigest()
    arguments[arguments.index("80000")] = "0"
    assert main([str(one) for one in arguments]) == 1


def test_a_waiver_that_the_wallet_signs_shows_the_grade_alone_and_is_known_as_one(tmp_path, capsys):
    wallet, bids, out = tmp_path / "wallet", tmp_path / "bids", tmp_path / "bids" / f"{CODE}.jwt"
    bids.mkdir()
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    (tmp_path / "evaluation.json").write_bytes(waiver_vectors.exported())
    create_wallet(wallet, world.alliance_file(), world.HOME, PASSPHRASE)
    (wallet / DELEGATION_FILE).write_text(world.delegation_token())
    arguments = ["wallet", "waiver", "--wallet", wallet, "--passphrase-file", tmp_path / "passphrase"]
    arguments += ["--centre", "c", "--section", "s", "--evidence", tmp_path / "evaluation.json", "--out", out]
    opening = ["--opening", "2027-03-20T09:30:00+08:00"]
    assert main([str(one) for one in (*arguments, *opening)]) == 0
    told = capsys.readouterr().out
    assert "示例市水利局" in told
    assert "AAA" in told
    [item] = read_batch(bids)
    assert (item.shown.bidder_code, item.shown.guarantee.file, item.shown.pledge) == (CODE, "", "")
    assert is_waiver(out)
    waiver = open_waiver(item.shown.waiver)
    assert (waiver.section, waiver.opening) == ("s", 1805506200)
    assert waiver.evidence == waiver_vectors.evidence()
    assert read_item(json.dumps({"waiver": item.shown.waiver, "bidder": CODE})) == item.shown
    for wrong in (["--opening", "2027-03-20"], ["--opening", "2029-03-20T09:30:00+08:00"]):
        assert main([str(one) for one in (*arguments, *wrong)]) == (2 if len(wrong[1]) == 10 else 1)


def test_what_a_tender_waives_is_read_from_a_file_of_json(tmp_path):
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(waiver_vectors.RULES))
    [rule] = read_waivers(path)
    assert (rule.share("AAA"), rule.share("A"), rule.recorders) == (100, 0, (world.THIRD,))
    path.write_text("[{}]")
    with pytest.raises(ConfigError, match=r"rules\.json"):
        read_waivers(path)
