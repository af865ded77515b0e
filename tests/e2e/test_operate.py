"""The commands of docs/operate.md are run as they stand there, by a shell, in an empty folder."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.systems.sample import write_sample

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")


@pytest.mark.timeout(420)
def test_the_commands_of_the_operators_page_work_as_they_stand(tmp_path):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash on this machine")
    commands = "".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    (tmp_path / "package.json").write_text("".join(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)))
    (tmp_path / "passphrase").write_text("correct horse battery staple\n")
    write_sample(tmp_path / "exports", processes=3)
    (tmp_path / "heqi").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m node "$@"\n')
    (tmp_path / "heqi").chmod(0o755)
    script = f"set -eu\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\n{commands}"
    script += '\nif heqi grant fetch --home centre-b "$REQUEST" 2> refused; then exit 9; fi\ncat refused\n'
    environment = os.environ | {
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto' / 'gen'}",
    }
    shell = subprocess.Popen(
        [bash, "-c", script],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        told, problems = shell.communicate(timeout=400)
    finally:
        # Whatever the shell has started, also if it was cut off: its nodes hold the ports that the page names.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGKILL)
    assert shell.returncode == 0, told[-3000:] + problems[-3000:]
    assert "GRANT_REVOKED" in told
    assert "centre-b" in told
