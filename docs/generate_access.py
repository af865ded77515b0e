"""Generate docs/access.md from node/api/authority.py, node/domain/act.py and node/config.py."""

import ast
import inspect
import itertools
import sys
from pathlib import Path

import msgspec

from node.api.authority import MIB, RULES, Party, Rule
from node.config import LimitsConfig
from node.domain.act import ActKind

PAGE = Path(__file__).with_name("access.md")
_CHINESE = {
    Party.OPERATOR: "操作员",
    Party.WRITER: "写入方",
    Party.READER: "读取方",
    Party.SUPERVISOR: "监督方",
    Party.MEMBER: "成员节点",
    Party.WALLET: "钱包",
}
_HEAD = """\
# Who may call what 访问权限

Generated from the code: `make docs`. How systems are let in and shut out stands in [operate.md](operate.md).

本表由代码生成：每个方法、谁可调用、请求大小上限。表中没有的方法谁也不能调用。

- **member 成员节点**: the node of an active member, by the identity key that the ledger names for it. "✓ also at
  rest": of a suspended, absent or former member too, because what was promised is kept ([standing.md](standing.md)).
- **operator, writer, reader, supervisor**: systems of this centre, each with a certificate that this node has issued
  and not revoked.
- **wallet 钱包**: anybody on the wallets' listener; the signed document in each request says who it is.

Who calls is asked at every call, before the request is looked at, and again while a stream is open: when a system is
revoked, when a member is suspended or its key changes, and when a certificate's time is over.
"""


def page() -> str:
    """The whole page."""
    lines = [_HEAD]
    parties = list(_CHINESE)
    service = ""
    for method, rule in RULES.items():
        name, _, call = method[1:].partition("/")
        if name != service:
            service = name
            heads = [f"{(party.name or '').lower()} {_CHINESE[party]}" for party in parties]
            lines += ["", f"## {service}", "", f"| method | {' | '.join(heads)} | largest request |"]
            lines.append("|---" * (len(parties) + 2) + "|")
        marks = [_mark(party, rule) for party in parties]
        size = f"{rule.size // MIB} MiB" if rule.size >= MIB else f"{rule.size // 1024} KiB"
        lines.append(f"| `{call}` | {' | '.join(marks)} | {size} |")
    lines += [
        "",
        "## Limits",
        "",
        "In `[limits]` of heqi.toml. A caller is a member, a system, or an address of wallets.",
    ]
    lines += [
        "A call too many is answered RESOURCE_EXHAUSTED with reason `RATE_LIMIT` or `TOO_MANY_CALLS` and a",
        "`google.rpc.RetryInfo` that says when to come again; a stream that sends too fast is slowed down.",
        "",
        "| key | default | |",
        "|---|---|---|",
    ]
    told = _told(LimitsConfig)
    lines += [f"| `{f.name}` | {f.default} | {told[f.name]} |" for f in msgspec.structs.fields(LimitsConfig)]
    lines += ["", "## Acts", ""]
    lines += [
        "What is done with the node's privileges is kept as a record of category `node.act`",
        "([formats/record.md](formats/record.md)), written together with what it does, and anchored like any other.",
        "",
        "| act | |",
        "|---|---|",
    ]
    lines += [f"| `{kind.word}` | {kind.summary.replace(' | ', ' · ')} |" for kind in ActKind]
    return "\n".join(lines).rstrip() + "\n"


def _mark(party: Party, rule: Rule) -> str:
    if party not in rule.who:
        return ""
    return "✓ also at rest" if party is Party.MEMBER and rule.duty is not None else "✓"


def _told(struct: type) -> dict[str, str]:
    """The docstring under each field."""
    body = ast.parse(inspect.getsource(struct)).body[0].body  # type: ignore[attr-defined]
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(
            None if PAGE.read_text(encoding="utf-8") == page() else "docs/access.md is stale: run make docs"
        )
    PAGE.write_text(page(), encoding="utf-8")
