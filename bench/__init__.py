"""Figures of this machine, as ratios within one run: absolute numbers of noisy machines say little."""

import os

# As `heqi` itself does, before anything imports eth_hash.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
