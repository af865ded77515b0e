"""`heqi demo`: the main job told and proven on one machine, with real processes, keys, TLS and ledger."""
