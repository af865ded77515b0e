"""docs/doctor.md explains every finding that the code can make, and none besides."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_finding_is_explained():
    code = "".join(path.read_text() for path in (ROOT / "node" / "services" / "doctor").glob("*.py"))
    made = set(re.findall(r'"([A-Z][A-Z_]{2,})"', code))
    page = (ROOT / "docs" / "doctor.md").read_text()
    table = page[page.index("## Findings") :]
    explained = {
        word
        for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE)
        for word in re.findall("`(.+?)`", row)
    }
    assert made == explained
