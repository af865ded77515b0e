"""The ledger in memory: the contracts' rules in Python, for tests and for a node that shows itself.

    chain = MemoryChain(alliance_id, founders)
    ledger = MemoryLedger(chain, account)

The same behaviour suite runs on it and on real engines (`tests/ports/test_ledger.py`). Signatures and
consistency proofs are checked; errors carry the names of the contracts' custom errors.
"""

from adapters.ledger.memory.chain import MemoryChain
from adapters.ledger.memory.ledger import MemoryLedger

__all__ = ["MemoryChain", "MemoryLedger"]
