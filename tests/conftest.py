"""What holds for all tests: the product's own keccak, the long files first, and where coverage is measured."""

import os

import pytest

# As `heqi` itself does, before anything imports eth_hash: its own choice would be seven times slower.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

# A worker takes file after file: a long one that comes late is waited for by all the others.
_LONG_FIRST = (
    "crash/test_kills.py",
    "e2e/test_integrate.py",
    "e2e/test_operate.py",
    "e2e/test_demo.py",
    "e2e/test_alliance_life.py",
    "unit/ledger/test_embedded_process.py",
    "contracts/test_consistency_proof.py",
    "ports/test_ledger_deployment.py",
    "ports/test_ledger_rules.py",
    "ports/test_ledger_guarantees.py",
    "ports/test_ledger.py",
    "unit/systems/test_ocds_fuzz.py",
    "contracts/test_alliance_proposals.py",
    "crash/test_the_harness_finds.py",
    "faults/test_handshakes.py",
)
# Here the work is done by processes, engines and contracts. Tracing would slow it by half and see nothing of the
# domain and the services that their own tests do not show.
_NOT_MEASURED = ("crash/", "e2e/", "faults/", "contracts/", "ports/", "unit/ledger/", "unit/systems/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(_LONG_FIRST)}
    files = {item: item.path.as_posix().rpartition("/tests/")[2] for item in items}
    for item, file in files.items():
        if file.startswith(_NOT_MEASURED):
            item.add_marker("no_cover")
    items.sort(key=lambda item: places.get(files[item], len(places)))
