"""System calls of a process, as strace saw them."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_CALLS = "trace=write,pwrite64,writev,fdatasync,fsync,rename,unlink,unlinkat"
_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
_DONE = re.compile(r"(\w+)\((?:\d+<([^>]*)>|(?:AT_FDCWD<[^>]*>, )?\"([^\"]*)\").* = (-?\d+).*<(\d+\.\d+)>$")


@dataclass(frozen=True)
class SystemCall:
    """One call that has returned."""

    name: str
    path: str
    result: int
    start: float
    """Seconds since 1970."""
    end: float


def strace(command: Sequence[str], log: Path, **options: object) -> "subprocess.Popen[bytes]":
    """Start a command under strace; skips the test where that is not possible."""
    tool = shutil.which("strace")
    if tool is None:
        pytest.skip("strace is not installed")
    probe = subprocess.run([tool, "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        pytest.skip(f"strace may not trace here: {probe.stderr.strip()}")
    return subprocess.Popen(
        [tool, "-f", "-y", "-ttt", "-T", "-s", "0", "--seccomp-bpf", "-e", _CALLS, "-o", str(log), *command],
        **options,
    )


def end(traced: "subprocess.Popen[bytes]") -> None:
    """Stop what runs under strace, and with it strace, which would not pass a signal on."""
    children = Path(f"/proc/{traced.pid}/task/{traced.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGTERM)
    traced.wait(30)


def read_calls(log: Path) -> list[SystemCall]:
    """All calls in order of their return."""
    calls, begun = [], {}
    for line in log.read_text(errors="replace").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        process, start, text = found[1], float(found[2]), found[3]
        if text.endswith("<unfinished ...>"):
            begun[process] = (start, text.removesuffix("<unfinished ...>"))
            continue
        if text.startswith("<... ") and process in begun:
            start, beginning = begun.pop(process)
            text = beginning + text.partition("resumed>")[2]
        done = _DONE.match(text)
        if done is not None:
            seconds = float(done[5])
            calls.append(SystemCall(done[1], done[2] or done[3], int(done[4]), start, start + seconds))
    return sorted(calls, key=lambda call: call.end)
