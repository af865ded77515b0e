"""`heqi chain`: the embedded ledger engine, in its own process."""

import argparse
from pathlib import Path

from node.cli.output import say
from node.cli.run import run_until_signal, set_up_logging
from node.errors import ConfigError

_EPILOG = """\
内置引擎只有一个出块者：适合试用和单中心；联盟请用 Besu（docker/）。
The embedded engine has one sealer: for trials and a single centre. An alliance runs Besu (docker/).

示例 | example:
  heqi chain --folder chain --socket chain/chain.sock
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.epilog = _EPILOG
    parser.add_argument("--folder", type=Path, required=True, help="账本目录 | folder of the chain")
    parser.add_argument("--socket", type=Path, help="Unix 套接字 | Unix socket to listen on")
    parser.add_argument("--tcp", metavar="HOST:PORT", help="仅本机 | loopback address to listen on too")
    parser.add_argument(
        "--seal-seconds", type=float, default=1.0, help="最短出块间隔 | least time between blocks"
    )
    parser.add_argument(
        "--heartbeat-seconds", type=float, default=15.0, help="空块间隔 | most time between blocks"
    )
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until stopped."""
    from adapters.ledger.embedded.service import serve  # noqa: PLC0415

    if args.socket is None and args.tcp is None:
        raise ConfigError("say where to listen: --socket PATH or --tcp HOST:PORT")
    set_up_logging(args.log_level)
    host, _, port = (args.tcp or ":").rpartition(":")
    if args.tcp and not (port.isascii() and port.isdigit()):
        raise ConfigError(f"--tcp wants HOST:PORT, not {args.tcp}")
    return run_until_signal(
        serve(
            args.folder / "data",
            socket=args.socket,
            tcp=(host, int(port)) if args.tcp else None,
            seal_seconds=args.seal_seconds,
            heartbeat_seconds=args.heartbeat_seconds,
            on_ready=lambda chain_id: say(f"账本 {chain_id} 已就绪", f"chain {chain_id} is ready"),
        )
    )
