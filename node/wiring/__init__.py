"""All use cases of one node, wired to ports and to each other; names no adapter.

Each module is one level, a class over the one below it, and wires what needs nothing but the levels below:

    foundation ← records ← ledger ← subjects ← reads ← evidence ← guarantees ← issuing ← services

A use case that is made too early does not type-check. All of them are attributes of `Services`.
"""

from node.wiring.outside import Outside
from node.wiring.services import Services

__all__ = ["Outside", "Services"]
