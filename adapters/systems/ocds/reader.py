"""The entry: a file or folder of OCDS data to drafts of records.

summary = Summary()
for outcome in read_ocds(Path("exports"), source_system="示例交易系统", summary=summary):
    if isinstance(outcome, Accepted):
        take_in(outcome.draft)
    else:
        show(outcome.reason, outcome.source)
"""

from collections.abc import Iterator
from pathlib import Path

from adapters.systems.ocds.files import read_documents
from adapters.systems.ocds.history import History
from adapters.systems.ocds.outcome import Outcome, Parked, Summary
from adapters.systems.ocds.release import map_release
from adapters.systems.ocds.shapes import find_releases


def read_ocds(path: Path, *, source_system: str, summary: Summary) -> Iterator[Outcome]:
    """Read everything that is at `path`; nothing in the source makes it stop or raise.

    What belongs to no process (unreadable files, foreign JSON) comes first, then the records process by
    process, each thing's versions in order of time.

    Args:
        path: a file, or a folder whose `*.json` and `*.jsonl` are read with all its folders.
        source_system: name under which the records are kept, 1 to 200 printable characters.
        summary: is counted up; complete at the end.
    """
    with History(summary) as history:
        for document in read_documents(path):
            if isinstance(document, Parked):
                summary.count(document)
                yield document
                continue
            for found in find_releases(document.tree, document.source):
                mapped = found if isinstance(found, Parked) else map_release(found, source_system, summary)
                if isinstance(mapped, Parked):
                    summary.count(mapped)
                    yield mapped
                else:
                    history.add(mapped)
        for outcome in history.outcomes():
            summary.count(outcome)
            yield outcome
