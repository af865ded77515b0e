import json

from adapters.systems.ocds import Summary, read_ocds


def release(number, date, title, **rest):
    return {"ocid": "ocds-1", "id": f"r{number}", "date": date, "tender": {"id": "t", "title": title}} | rest


def write(tmp_path, *releases):
    # The names say the opposite of the dates.
    for place, one in enumerate(releases):
        (tmp_path / f"{place}.json").write_text(json.dumps(one))


def titles(reading):
    return [draft.fields["title"] for draft in reading.of("trade.tender")]


def test_versions_come_in_order_of_time_across_files(read_path, tmp_path):
    write(
        tmp_path,
        release(3, "2026-01-02T07:00:00+08:00", "third"),
        release(1, "2026-01-01T00:00:00Z", "first"),
        release(2, "2026-01-01T09:00:00+08:00", "second"),
        release(0, None, "undated"),
    )
    assert titles(read_path(tmp_path)) == ["undated", "first", "second", "third"]


def test_same_moment_keeps_the_order_of_the_source(read_json):
    date = "2026-01-01T00:00:00Z"
    reading = read_json({"releases": [release(1, date, "b"), release(2, date, "a"), release(3, date, "c")]})
    assert titles(reading) == ["b", "a", "c"]


def test_same_content_again_is_no_new_version_but_a_return_is(read_path, tmp_path):
    write(
        tmp_path,
        release(1, "2026-01-01T00:00:00Z", "a"),
        release(2, "2026-01-02T00:00:00Z", "a", tag=["tenderUpdate"]),
        release(3, "2026-01-03T00:00:00Z", "b"),
        release(4, "2026-01-04T00:00:00Z", "a"),
    )
    reading = read_path(tmp_path)
    assert titles(reading) == ["a", "b", "a"]
    assert reading.summary.unchanged == {"trade.tender": 1}


def test_surroundings_make_a_version_when_they_say_more_and_not_when_they_say_less(read_json):
    buyers = [{}, {"buyer": {"name": "n"}}, {}, {"buyer": {"name": "n"}}, {"buyer": {"name": "other"}}]
    releases = [release(i, f"2026-01-0{i + 1}T00:00:00Z", "a", **buyer) for i, buyer in enumerate(buyers)]
    reading = read_json({"releases": releases})
    assert [draft.fields.get("buyer_name") for draft in reading.drafts] == [None, "n", "other"]
    assert reading.summary.unchanged == {"trade.tender": 2}


def test_identifiers_from_the_parties_section_make_no_version(read_json):
    parties = {"parties": [{"id": "p", "name": "n", "identifier": {"scheme": "s", "id": "1"}}]}
    tender = {"tender": {"id": "t", "procuringEntity": {"id": "p"}}}
    releases = [
        release(1, "2026-01-01T00:00:00Z", "", **tender),
        release(2, "2026-01-02T00:00:00Z", "", **tender),
    ]
    reading = read_json({"releases": [releases[0] | parties, releases[1]]})
    assert [draft.fields["procuring_entity_code"] for draft in reading.of("trade.tender")] == ["1"]


def test_reading_twice_gives_the_same(read_path, tmp_path):
    write(tmp_path, *(release(i, f"2026-01-{20 - i:02d}T00:00:00Z", f"t{i}") for i in range(10)))
    assert read_path(tmp_path).outcomes == read_path(tmp_path).outcomes


def test_reading_can_be_broken_off(read_path, tmp_path):
    write(tmp_path, release(1, None, "a"), release(2, None, "b"))
    reading = read_ocds(tmp_path, source_system="x", summary=Summary())
    next(reading)
    reading.close()
