import json

HEAD = {"ocid": "ocds-1", "id": "r1", "date": "2026-01-01T00:00:00Z", "tag": ["tender"]}
RELEASE = HEAD | {"tender": {"id": "t", "title": "x"}}
LINKED = {"url": "https://example.org/r1.json", "date": "2026-01-01T00:00:00Z", "tag": ["tender"]}


def version(value, date="2026-01-01T00:00:00Z", release="r1"):
    return {"releaseDate": date, "releaseID": release, "releaseTag": ["tender"], "value": value}


def test_every_shape_gives_its_release(read_json):
    shapes = [
        RELEASE,
        [RELEASE],
        {"releases": [RELEASE]},
        {"records": [{"ocid": "ocds-1", "releases": [RELEASE]}]},
        {"records": [{"ocid": "ocds-1", "compiledRelease": RELEASE}]},
        {"releases": [RELEASE], "compiledRelease": {"ocid": "other", "tender": {"id": "no"}}},
        {"records": [{"releases": [{k: v for k, v in RELEASE.items() if k != "ocid"}], "ocid": "ocds-1"}]},
    ]
    for shape in shapes:
        reading = read_json(shape)
        assert reading.things == ["ocds-1/tender"], shape
        assert reading.reasons == []


def test_byte_order_mark_and_utf_16_are_read(read_path, tmp_path):
    for encoding in ("utf-8-sig", "utf-16", "utf-16-be", "utf-32"):
        (tmp_path / "a.json").write_bytes(json.dumps(RELEASE).encode(encoding))
        assert read_path(tmp_path / "a.json").things == ["ocds-1/tender"], encoding


def test_json_lines_are_read_under_either_name(read_text):
    other = RELEASE | {"ocid": "ocds-2"}
    text = f"\n{json.dumps(RELEASE)}\nbroken\n\n{json.dumps(other)}"
    for name in ("a.jsonl", "b.json"):
        if name == "b.json":
            text = text.replace("broken\n", "").lstrip()
        reading = read_text(text, name)
        assert reading.things == ["ocds-1/tender", "ocds-2/tender"]
    reading = read_text(f"{json.dumps(RELEASE)}\nbroken", "c.jsonl")
    assert reading.reasons == ["NOT_JSON"]
    assert reading.parked[0].source.endswith("c.jsonl:2#")


def test_linked_releases_are_parked_and_the_compiled_release_is_used(read_json):
    reading = read_json(
        {"records": [{"ocid": "ocds-1", "releases": [LINKED, LINKED], "compiledRelease": RELEASE}]}
    )
    assert reading.reasons == ["LINKED_RELEASE", "LINKED_RELEASE"]
    assert reading.things == ["ocds-1/tender"]


def test_versioned_release_alone_gives_its_newest_values(read_json):
    versioned = {
        "ocid": "ocds-1",
        "tender": {
            "id": "t",
            "title": [version("new", "2026-02-01T00:00:00+08:00", "r2"), version("old")],
            "value": {"amount": [version(1), version(2.50, "2026-01-31T17:00:00Z", "r3")]},
            "status": [version("active"), version(None, "2026-01-02T00:00:00Z")],
        },
        "parties": [{"id": "p", "roles": [[version("buyer")]]}],
    }
    reading = read_json({"versionedRelease": versioned})
    (tender,) = reading.of("trade.tender")
    assert tender.fields["title"] == "new"
    assert tender.fields["value_amount"].digits == "2.5"
    assert "status" not in tender.fields
    assert tender.source_version == "r3 tender"
    assert tender.occurred == "2026-01-31T17:00:00Z"
    (party,) = reading.of("trade.party")
    assert party.fields["roles"] == ("buyer",)


def test_folder_is_read_in_order_with_its_folders(read_path, tmp_path):
    (tmp_path / "b").mkdir()
    for name, ocid in (
        ("b/1.json", "ocds-3"),
        ("a.jsonl", "ocds-2"),
        ("z.json", "ocds-1"),
        ("note.txt", "ocds-0"),
    ):
        (tmp_path / name).write_text(json.dumps(RELEASE | {"ocid": ocid}))
    assert read_path(tmp_path).things == ["ocds-1/tender", "ocds-2/tender", "ocds-3/tender"]


def test_what_is_not_ocds_is_parked(read_json):
    for document in ({}, [], 1, "x", None, True, {"a": 1}, [[RELEASE]], {"a": RELEASE}):
        reading = read_json(document)
        assert reading.reasons == ["NOT_OCDS"], document
        assert reading.accepted == []


def test_packages_of_wrong_shape_are_parked(read_json):
    assert read_json({"releases": []}).reasons == ["EMPTY"]
    assert read_json({"releases": RELEASE}).reasons == ["WRONG_SHAPE"]
    assert read_json({"records": [{"ocid": "ocds-1"}]}).reasons == ["EMPTY"]
    assert read_json({"records": [5, {"versionedRelease": 5}]}).reasons == ["WRONG_SHAPE", "WRONG_SHAPE"]
    assert read_json({"releases": [None, "x", RELEASE]}).reasons == ["WRONG_SHAPE", "WRONG_SHAPE"]
