"""Everything outside the process, each behind a port of `node/ports`."""
