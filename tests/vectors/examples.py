"""Puts the worked examples into docs/formats: `python -m tests.vectors.examples`. A test compares.

An example is a fenced block behind a comment that names the file and the dotted path of its vector.
"""

import json
import re
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent
PAGES = VECTORS.parents[1] / "docs/formats"
_WIDTH = 100
_EXAMPLE = re.compile(r"(<!-- vector: (\S+) (\S+) -->\n```\w+\n).*?(```\n)", re.DOTALL)


def main() -> None:
    for page in sorted(PAGES.glob("*.md")):
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


def filled(page: str) -> str:
    """The page with every example as the vectors have it."""
    return _EXAMPLE.sub(lambda found: found[1] + shown(vector(found[2], found[3])) + found[4], page)


def paths(page: str) -> list[tuple[str, str]]:
    """File and path of each example on a page."""
    return [(found[2], found[3]) for found in _EXAMPLE.finditer(page)]


def vector(name: str, path: str) -> Any:
    value = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    for step in path.split("."):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def shown(value: Any) -> str:
    """Text with line breaks as it is, other text cut into lines, anything else as JSON."""
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    if "\n" in value:
        return value
    return "\n".join(value[at : at + _WIDTH] for at in range(0, len(value), _WIDTH)) + "\n"


if __name__ == "__main__":
    main()
