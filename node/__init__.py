"""Heqi 合契: the node that a public-resource-trading centre runs.

It hashes and anchors the centre's trading records on a ledger shared with the other centres, and lets
another centre or a bank read a bidder's data only under the bidder's own signed authorisation.
Start reading at `node/app.py`, which composes everything; `docs/map.md` says what is where.
"""
