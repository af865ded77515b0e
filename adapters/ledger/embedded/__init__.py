"""The embedded engine: an EVM ledger for one machine, in its own process (`heqi chain`).

    rpc server ─ methods ─┬─ chain ── vm (EVM, cancun, P-256 precompile)
      (aiohttp)           │    └───── store (LevelDB, one synced batch a block)
                          └─ pool ─── sealer (when a block is made)

It answers the JSON-RPC methods that `adapters.ledger.evm` uses, so that the same node code runs on it and on
a Besu network. It has no consensus and no peers: whoever runs it could rewrite it, and `heqi verify` says so.
Start it with `adapters.ledger.embedded.service.serve`.
"""
