"""`heqi demo`: the whole story on this machine."""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from node.cli.output import fail, say
from node.errors import ConfigError, NodeError

_EPILOG = """\
启动一个账本引擎和三个中心（各自独立进程、密钥、目录），讲述并证明主要流程。
Starts an engine and three centres, each its own process with its own keys and folder, tells the main job and
proves it. Ends with a table of what was proven; exit code 0, or 1 with the step that failed.

示例 | examples:
  heqi demo
  heqi demo --data exports/      真实 OCDS 数据 | real OCDS files
  heqi demo --keep               保持运行 | leave the network up
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.epilog = _EPILOG
    parser.add_argument("--data", type=Path, help="OCDS 文件或目录 | file or folder of OCDS data")
    parser.add_argument("--folder", type=Path, help="工作目录（须不存在）| folder for everything, made anew")
    parser.add_argument("--keep", action="store_true", help="保持网络运行 | leave the network up at the end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Tell the story."""
    from node.cli.demo.network import Network  # noqa: PLC0415
    from node.cli.demo.story import Story  # noqa: PLC0415

    if args.data and not args.data.exists():
        raise ConfigError(f"{args.data} does not exist")
    if args.folder and args.folder.exists():
        raise ConfigError(f"{args.folder} exists; name a folder that the demo can make")
    folder = args.folder or Path(tempfile.mkdtemp(prefix="heqi-demo-"))
    network = Network(folder.resolve())
    story = Story(network, args.data)
    try:
        story.tell()
    except (NodeError, AssertionError) as error:
        fail(getattr(error, "reason", "DEMO"), str(error), f"logs are in {folder}")
        network.stop()
        return 1
    except BaseException:
        network.stop()
        raise
    story.print_result()
    if args.keep:
        _keep(network)
    network.stop()
    if not args.folder:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _keep(network: object) -> None:
    from node.cli.demo.network import CENTRES, Network  # noqa: PLC0415

    assert isinstance(network, Network)
    say("\n网络保持运行，按 Ctrl-C 停止", "the network stays up; Ctrl-C stops it")
    say(f"目录 {network.folder}", f"process ids {network.pids()}")
    for centre in CENTRES:
        print(f"  heqi alliance status --home {network.home(centre)}")
    print(f"  heqi record parked --home {network.home('centre-a')}")
    print(f"  heqi record watch --home {network.home('centre-a')}")
    print(f"  heqi grant list --home {network.home('centre-b')}")
    print(
        f"  heqi verify {network.folder / 'evidence-bundle.json'} --alliance {network.alliance}", flush=True
    )
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()
