"""Generate docs/errors.md from node/errors.py and node/wire/status.py."""

import sys
from pathlib import Path

from google.rpc import code_pb2

from node import errors
from node.errors import NodeError
from node.wire.status import all_errors, code_of

PAGE = Path(__file__).with_name("errors.md")
_HEAD = """\
# Errors

Generated from the code: `make docs`. Every error carries a gRPC code and `google.rpc.ErrorInfo` with domain
`heqi.v1` and a stable `reason`; the command line prints `[REASON]`, the message, and what to do.

每个错误都有稳定的 reason；命令行会显示原因与处理办法。

Retry what is UNAVAILABLE, after a pause and with the same content: nothing is done twice. Never retry the others
unchanged.
"""


def page() -> str:
    """The whole page."""
    lines = [_HEAD]
    for branch in NodeError.__subclasses__():
        lines += [f"## {branch.__name__.removesuffix('Error')}: {_first(branch)}", ""]
        lines += ["| reason | gRPC code | meaning | what to do |", "|---|---|---|---|"]
        for kind in {branch.reason: branch, **all_errors(branch)}.values():
            code = code_pb2.Code.Name(code_of(kind))
            lines.append(f"| `{kind.reason}` | {code} | {_first(kind)} | {kind.advice} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _first(kind: type[NodeError]) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n", maxsplit=1)[0].split())


if __name__ == "__main__":
    assert errors.__doc__
    if "--check" in sys.argv:
        sys.exit(
            None if PAGE.read_text(encoding="utf-8") == page() else "docs/errors.md is stale: run make docs"
        )
    PAGE.write_text(page(), encoding="utf-8")
