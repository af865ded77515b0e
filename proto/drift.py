"""Fails when proto/gen is not what proto/heqi generates."""

import filecmp
import sys
import tempfile
from pathlib import Path

from generate import HERE, generate

with tempfile.TemporaryDirectory() as folder:
    fresh, committed = Path(folder), HERE / "gen"
    generate(fresh)
    wanted = {path.relative_to(fresh) for path in fresh.rglob("*.py*")}
    present = {
        path.relative_to(committed) for path in committed.rglob("*.py*") if "__pycache__" not in path.parts
    }
    stale = sorted(
        str(name)
        for name in wanted | present
        if name not in wanted
        or name not in present
        or not filecmp.cmp(fresh / name, committed / name, shallow=False)
    )
if stale:
    sys.exit(f"generated code differs from the .proto files, run make proto: {', '.join(stale)}")
