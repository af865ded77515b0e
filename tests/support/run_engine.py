"""The embedded engine as its own process, as `heqi chain` runs it; `serve`'s arguments come as JSON."""

import json
import logging
import sys
from pathlib import Path
from typing import Any

from adapters.ledger.embedded.service import serve
from node.cli.run import run_until_signal


def run(raw: str) -> int:
    arguments: dict[str, Any] = json.loads(raw)
    socket = arguments.pop("socket", None)
    tcp = arguments.pop("tcp", None)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    return run_until_signal(
        serve(
            Path(arguments.pop("folder")),
            socket=Path(socket) if socket else None,
            tcp=(tcp[0], tcp[1]) if tcp else None,
            **arguments,
        )
    )


if __name__ == "__main__":
    sys.exit(run(sys.argv[1]))
