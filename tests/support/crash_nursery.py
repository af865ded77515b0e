"""The parent that forks: everything is imported once, so a node or an engine starts in some 60 ms, not in 1.5 s.

A process may fork safely only while it has one thread. gRPC, asyncio and LevelDB are therefore imported here and
first used in the child, which from there on is what `heqi run` or `heqi chain` is. One JSON line for each order
on standard input, one for each answer on standard output; the end of the input ends all children.
"""

import gc
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Nursery:
    """The harness's end."""

    def __init__(self, **environment: str) -> None:
        """Args:
        environment: of the processes, beside what this one has.
        """
        path = f"{ROOT}{os.pathsep}{ROOT / 'proto' / 'gen'}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.crash_nursery"],
            cwd=ROOT,
            # The parent never uses gRPC, so gRPC's own fork handlers have nothing to repair.
            env=os.environ
            | {"PYTHONPATH": path, "GRPC_ENABLE_FORK_SUPPORT": "0", "GRPC_VERBOSITY": "ERROR"}
            | {"ETH_HASH_BACKEND": "pysha3", "PYTHONFAULTHANDLER": "1"}
            | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a Ctrl-C is for the harness, which then ends this in order
        )
        self._ask(ready=True)

    def start(self, arguments: list[str], log: Path, store: str = "", out: Path | None = None) -> int:
        """Fork a child that runs the command on the named kind of store; its pid.

        The command is one of `heqi`, or `engine` with what `run_engine` takes. It prints into `log`, or what is no
        error into `out` if there is one.
        """
        return self._ask(start=arguments, log=str(log), store=store, out=str(out or log))

    def kill(self, pid: int) -> int:
        """SIGKILL to a child; its exit code, another than -9 if it had ended by itself before."""
        return self._ask(kill=pid)

    def exit_code(self, pid: int) -> int | None:
        """Of a child that has ended; None while it runs."""
        return self._ask(look=pid)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(20)

    def _ask(self, **order):
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            part = self._process.stdout.read(4096)
            if not part:
                raise RuntimeError("the nursery has ended; its standard error says why")
            line += part
        return json.loads(line)


def serve() -> None:
    orders, answers = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # whatever prints must not print into the answers
    _import_everything()
    gc.collect()
    gc.freeze()  # the children share these pages for longer
    children: dict[int, int | None] = {}
    with os.fdopen(orders, "rb", buffering=0) as source:
        while line := source.readline():
            order = json.loads(line)
            if "start" in order:
                answer = _fork(order, (orders, answers))
                children[answer] = None
            elif "kill" in order:
                answer = _end(order["kill"], children)
            elif "look" in order:
                answer = _look(order["look"], children)
            else:
                answer = True
            os.write(answers, json.dumps(answer).encode() + b"\n")
    for pid in children:
        _end(pid, children)


def _import_everything() -> None:
    import node.app  # noqa: PLC0415
    import node.cli.chain  # noqa: PLC0415
    import node.cli.main  # noqa: PLC0415
    import node.cli.run  # noqa: F401, PLC0415
    import tests.support.crash_stores  # noqa: PLC0415
    import tests.support.run_engine  # noqa: F401, PLC0415


def _fork(order: dict[str, object], inherited: tuple[int, int]) -> int:
    tasks = Path("/proc/self/task")
    assert not tasks.exists() or len(list(tasks.iterdir())) == 1, "a thread was started before the fork"
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        for descriptor in inherited:
            os.close(descriptor)
        log, out = (
            os.open(str(order[name]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            for name in ("log", "out")
        )
        null = os.open(os.devnull, os.O_RDONLY)
        for descriptor, standard in ((null, 0), (out, 1), (log, 2)):
            os.dup2(descriptor, standard)
        code = _run(*order["start"], store=str(order["store"]))
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _run(command: str, *arguments: str, store: str) -> int:
    if command == "engine":
        from tests.support.run_engine import run  # noqa: PLC0415

        return run(*arguments)
    from node.cli.main import main  # noqa: PLC0415
    from tests.support.crash_stores import install  # noqa: PLC0415

    install(store)
    return main([command, *arguments])


def _end(pid: int, children: dict[int, int | None]) -> int:
    # Only here, where a pid is known to be a child's that nobody has reaped: any other may be a stranger's by now.
    if children[pid] is None:
        os.kill(pid, signal.SIGKILL)
        children[pid] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return children[pid]


def _look(pid: int, children: dict[int, int | None]) -> int | None:
    if children[pid] is None:
        found, status = os.waitpid(pid, os.WNOHANG)
        children[pid] = os.waitstatus_to_exitcode(status) if found else None
    return children[pid]


if __name__ == "__main__":
    serve()
