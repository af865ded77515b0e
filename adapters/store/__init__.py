"""The `Store` port: LevelDB, and its in-memory twin."""
