from stdnum.cn import uscc

from adapters.systems.sample import credit_code, write_sample


def test_sample_is_the_same_for_the_same_seed(tmp_path):
    for name in ("a", "b"):
        write_sample(tmp_path / name, processes=3, seed=7)
    write_sample(tmp_path / "c", processes=3, seed=8)
    one, two, other = ([p.read_bytes() for p in sorted((tmp_path / n).iterdir())] for n in ("a", "b", "c"))
    assert one == two != other


def test_credit_codes_are_well_formed_and_nobodys():
    codes = [credit_code(number) for number in (*range(3000), 99_999_999)]
    assert all(uscc.is_valid(code) for code in codes)
    assert all(code[2:4] == "99" for code in codes)
    assert len(set(codes)) == len(codes)


def test_sample_is_taken_whole_but_for_its_deliberate_faults(tmp_path, read_path):
    files = write_sample(tmp_path / "sample", processes=8)
    assert len(files) == 9
    reading = read_path(tmp_path / "sample")
    assert sorted(reading.reasons) == [
        "BAD_DATE",
        "DUPLICATE_KEY",
        "MISSING_ID",
        "MISSING_OCID",
        "NOT_A_NUMBER",
    ]
    assert all("with-faults.json" in parked.source for parked in reading.parked)
    accepted = reading.summary.accepted
    assert {c: accepted[c] for c in ("trade.planning", "trade.contract", "trade.performance")} == {
        "trade.planning": 8,
        "trade.contract": 8,
        "trade.performance": 8,
    }
    # Two of the eight tenders were amended; the one with faults is sound in its tender and one award.
    assert accepted["trade.tender"] == 8 * 2 + 2 + 1
    assert accepted["trade.award"] == 8 + 1
    assert reading.summary.unchanged["trade.contract"] == 8
    assert reading.summary.left_out["contactPoint"] > 0
    assert not reading.summary.noted


def test_sample_amounts_have_exactly_two_decimals(tmp_path, read_path):
    write_sample(tmp_path, processes=4)
    for draft in read_path(tmp_path).of("trade.contract"):
        assert draft.fields["value_amount"].digits[-3] == "."
        assert draft.fields["value_currency"] == "CNY"
