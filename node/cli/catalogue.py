"""`heqi catalogue`: what kinds of records there are, what each field must be, and changing that by vote."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.cli.catalogue_table import category_row, print_categories, print_definition
from node.cli.output import print_json, say
from node.domain.catalogue import shipped
from node.domain.catalogue.checking import checker_of, warnings_of
from node.domain.catalogue.definition import (
    Definition,
    definition_digest,
    encode_definition,
    parse_definition,
    read_definition,
    schema_of,
)
from node.domain.encoding import parse_readable_json
from node.errors import ConfigError, DefinitionError, MissingError, RecordFieldsError

if TYPE_CHECKING:
    from heqi.v1 import catalogue_service_pb2 as pb

_EPILOG = """\
每类记录有一份“定义”：谁所有、有哪些字段、谁可核验、哪些属个人信息。定义由成员投票决定，账本只记其哈希。
Every category of records has a definition: whose they are, which fields they have, who may attest them, which are
personal. Definitions are voted on; the ledger holds their hashes.

示例 | example:
  heqi catalogue list                                  随软件发布的类别 | categories that come with this software
  heqi catalogue list --home centre-a                  现行与待表决 | in force at a node, and what is voted on
  heqi catalogue show subject.base                     字段表 | the table of its fields
  heqi catalogue show subject.base --schema            JSON Schema（2020-12）
  heqi catalogue check package.json                    检查登记材料 | every mistake of a package at once
  heqi catalogue show subject.base --text > base.json  取出并修改，version 加 1 | take it out, edit it, version + 1
  heqi catalogue check base.json                       检查定义 | check a definition
  heqi catalogue propose --home centre-a base.json
  heqi catalogue show subject.base --home centre-b --proposal 1 ; heqi alliance vote --home centre-b 1
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("list", help="类别一览 | the categories")
    _add_home(one)
    one.add_argument("--json", action="store_true", help="机器可读 | for machines")
    one.set_defaults(run=list_all)
    one = commands.add_parser("show", help="一个类别的字段表 | the table of a category's fields")
    one.add_argument("category", help="如 subject.base | such as subject.base")
    _add_home(one)
    one.add_argument(
        "--proposal",
        type=int,
        metavar="N",
        help="待表决的定义，须同时给出 --home | the one that is voted on; with --home",
    )
    form = one.add_mutually_exclusive_group()
    form.add_argument("--schema", action="store_true", help="JSON Schema（2020-12）")
    form.add_argument(
        "--text", action="store_true", help="定义原文，可修改后提议 | the definition, to edit and propose"
    )
    one.set_defaults(run=show)
    one = commands.add_parser(
        "check",
        help="检查登记材料或定义文件 | check a package, or a definition",
        description="登记材料为 [{category, thing, fields}]，一次列出全部错误；定义见 docs/formats/catalogue.md | "
        "a package is [{category, thing, fields}]: all mistakes are told; a definition: docs/formats/catalogue.md",
    )
    one.add_argument("file", type=Path, help="JSON")
    _add_home(one)
    one.set_defaults(run=check)
    one = commands.add_parser("propose", help="提议定义 | propose a definition")
    one.add_argument("definition", type=Path, help="JSON")
    one.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
    one.set_defaults(run=propose)


def _add_home(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--home",
        type=Path,
        help="节点目录：以其现行目录为准 | folder of a node: its catalogue in force; else the shipped one",
    )


def list_all(args: argparse.Namespace) -> None:
    """List the categories."""
    if args.home is not None:
        _list_of_node(args)
        return
    known = list(shipped.definitions().values())
    if args.json:
        print_json([_summary(one, definition_digest(encode_definition(one))) for one in known])
        return
    print_categories([category_row(one, definition_digest(encode_definition(one)), "") for one in known])


def show(args: argparse.Namespace) -> None:
    """Show one definition."""
    definition = _wanted(args)
    if definition is None:
        raise MissingError(f"no definition of {args.category} is here; heqi catalogue list")
    if args.schema:
        print_json(schema_of(definition))
        return
    if args.text:
        print_json(parse_readable_json(encode_definition(definition)))
        return
    print_definition(definition)


def check(args: argparse.Namespace) -> None:
    """Check a definition, or the documents of a package."""
    raw = _read(args.file)
    value = parse_readable_json(raw)
    if isinstance(value, dict) and "type" in value and "slots" in value:
        definition = read_definition(raw)
        checker_of(encode_definition(definition))
        say(
            f"{definition.name} 第 {definition.version} 版可用",
            f"{definition.name} version {definition.version} can be used, SHA-256 "
            f"{definition_digest(encode_definition(definition)).hex()}",
        )
        return
    _check_package(value if isinstance(value, list) else [value], _definitions(args.home))


def propose(args: argparse.Namespace) -> None:
    """Propose a definition from a file."""
    from heqi.v1 import catalogue_service_pb2 as pb  # noqa: PLC0415

    from node.cli.client import OperatorClient  # noqa: PLC0415

    text = encode_definition(read_definition(_read(args.definition)))
    with OperatorClient(args.home) as node:
        digest = node.call(node.catalogue.ProposeDefinition, pb.ProposeDefinitionRequest(text=text)).digest
    say(
        "提案已进入发件箱", f"the proposal is on its way, SHA-256 {digest.hex()}; see heqi alliance proposals"
    )


def _wanted(args: argparse.Namespace) -> Definition | None:
    if args.proposal is None:
        return _definitions(args.home).get(args.category)
    if args.home is None:
        raise ConfigError("--proposal needs --home: proposals are known to nodes")
    texts = [one.text for one in _found(args.home).proposed if one.proposal == args.proposal and one.text]
    definitions = (_usable(text) for text in texts)
    return next((one for one in definitions if one is not None and one.name == args.category), None)


def _check_package(documents: list[Any], definitions: Mapping[str, Definition]) -> None:
    problems: list[str] = []
    for place, document in enumerate(documents):
        where = f"[{place}]"
        if not isinstance(document, dict) or not isinstance(document.get("fields"), dict):
            problems.append(
                f"{where}: 须为 {{category, thing, fields}} | must be {{category, thing, fields}}"
            )
            continue
        name = str(document.get("category"))
        definition = definitions.get(name)
        if definition is None:
            problems.append(f"{where}: 没有类别 {name} | there is no category {name}")
            continue
        mistakes = checker_of(encode_definition(definition)).mistakes(document["fields"])
        problems += [f"{where} {name}.{mistake}" for mistake in mistakes]
        for warning in warnings_of(definition, document["fields"]) if not mistakes else ():
            say(f"注意 {where} {name}.{warning}", "(a warning, not a mistake)")
    if problems:
        raise RecordFieldsError("\n  " + "\n  ".join(problems))
    say(f"{len(documents)} 份材料无误", f"{len(documents)} documents are as their definitions say")


def _definitions(home: Path | None) -> Mapping[str, Definition]:
    if home is None:
        return shipped.definitions()
    usable = [one for one in _found(home).definitions if one.text and not one.problem]
    return {one.category: parse_definition(one.text) for one in usable}


def _found(home: Path) -> "pb.ListDefinitionsResponse":
    from heqi.v1 import catalogue_service_pb2 as pb  # noqa: PLC0415

    from node.cli.client import OperatorClient  # noqa: PLC0415

    with OperatorClient(home) as node:
        return node.call(node.catalogue.ListDefinitions, pb.ListDefinitionsRequest())


def _list_of_node(args: argparse.Namespace) -> None:
    found = _found(args.home)
    proposed = [
        {
            "proposal": one.proposal,
            "category": one.category,
            "sha256": one.digest.hex(),
            "is_here": bool(one.text),
            "problem": one.problem,
        }
        for one in found.proposed
    ]
    if args.json:
        listed = [
            {
                "category": one.category,
                "version": one.version,
                "sha256": one.digest.hex(),
                "problem": one.problem,
            }
            for one in found.definitions
        ]
        print_json({"definitions": listed, "proposed": proposed})
        return
    rows = []
    for one in found.definitions:
        definition = _usable(one.text)
        rows.append(
            (one.category, "", one.version, "", "", one.digest.hex()[:16], one.problem)
            if definition is None
            else category_row(definition, one.digest, one.problem)
        )
    print_categories(rows)
    for proposal in proposed:
        state = proposal["problem"] or (
            "" if proposal["is_here"] else "文本尚未取得 its text is not here yet"
        )
        say(
            f"待表决 {proposal['proposal']}: {proposal['category']}",
            f"voted on, SHA-256 {proposal['sha256']} {state}",
        )


def _usable(text: bytes) -> Definition | None:
    try:
        return parse_definition(text) if text else None
    except DefinitionError:
        return None


def _summary(definition: Definition, digest: bytes) -> dict[str, object]:
    return {
        "category": definition.name,
        "chinese": definition.chinese,
        "version": definition.version,
        "owner": definition.owner,
        "fields": len(definition.fields),
        "sha256": digest.hex(),
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
