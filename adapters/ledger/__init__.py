"""The shared ledger: `evm` for every EVM engine, `embedded` as an engine of our own, `memory` as the twin."""
