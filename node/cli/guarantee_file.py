"""`heqi guarantee file | seal | take | taken`, and the check of a sealed file at a node."""

import argparse
import getpass
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from heqi.v1 import guarantee_file_service_pb2 as pb
from heqi.v1 import guarantee_service_pb2

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, printable, say
from node.config import replace_file
from node.domain.guarantee_pdf import MAX_FILE_BYTES, is_guarantee_file
from node.errors import ConfigError, DocumentFormatError

EPILOG = """\
  heqi guarantee seal --home bank-x --key seal.key.pem --certificate seal.chain.pem   存入单位签章 | take in the seal
  heqi guarantee file --home bank-x GUARANTEE --out BH-001.pdf  盖章文件 | the guarantee as a sealed PDF
  heqi guarantee check --home centre-a --file BH-001.pdf        核验盖章文件 | check it, and how it stands now
  heqi guarantee take --home centre-a --file bank.pdf --number 2026-77 \\
      --guarantor 91110000100000000X --section GC-2026-001/1 --bearer 91110000600037341L
                                        未入盟银行的保函 | of a bank that runs no node
"""
_PART = 1 << 20
_TIMEOUT_SECONDS = 120.0


def add_arguments(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the commands; `--home` and `--json` are added by the caller."""
    one = commands.add_parser("file", help="导出盖章文件 | the guarantee as a sealed PDF")
    one.add_argument("guarantee", help="账本编号 | id on the ledger")
    one.add_argument("--out", type=Path, required=True, metavar="PDF", help="输出 | file to write")
    one.set_defaults(run=make)
    one = commands.add_parser("seal", help="存入单位签章 | take in the organisation's seal")
    one.add_argument(
        "--certificate", type=Path, required=True, metavar="PEM", help="证书链，本单位在前 | chain, own first"
    )
    by = one.add_mutually_exclusive_group(required=True)
    by.add_argument("--key", type=Path, metavar="PEM", help="私钥 | private key, RSA or EC")
    by.add_argument("--holder", default="", metavar="URI", help="密钥所在 | where it is: pkcs11:, ssh-agent:")
    one.set_defaults(run=seal)
    one = commands.add_parser(
        "take", help="收存未入盟银行的保函 | check and keep a PDF of a bank without a node"
    )
    one.add_argument("--file", type=Path, required=True, help="银行签章的 PDF | the PDF that the bank signed")
    one.add_argument("--number", required=True, help="保函编号 | the bank's own number")
    one.add_argument(
        "--guarantor", required=True, metavar="CODE", help="银行信用代码 | credit code of the bank"
    )
    one.add_argument("--section", required=True, help="标段 | section of the tender")
    one.add_argument(
        "--bearer", required=True, metavar="CODE", help="投标人信用代码 | credit code of the bidder"
    )
    one.set_defaults(run=take)
    one = commands.add_parser("taken", help="已收存的 | what was taken")
    one.set_defaults(run=taken)


def make(args: argparse.Namespace) -> None:
    """Write the sealed file."""
    with OperatorClient(args.home, timeout_seconds=_TIMEOUT_SECONDS) as node:
        request = pb.MakeGuaranteeFileRequest(guarantee_id=args.guarantee)
        file = node.call(node.guarantee_files.MakeGuaranteeFile, request).file
    replace_file(args.out, file)
    if args.json:
        print_json({"guarantee": args.guarantee, "file": str(args.out), "bytes": len(file)})
    else:
        say(f"已盖章：{args.out}", f"sealed, {len(file)} bytes; anybody can check it with heqi verify")


def seal(args: argparse.Namespace) -> None:
    """Take in the organisation's seal; a running node uses it from the next file on."""
    from node.setup import take_seal  # noqa: PLC0415  # loads what holds keys

    try:
        chain = args.certificate.read_bytes()
        key = b"" if args.key is None else args.key.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error
    # Whether a key is encrypted stands in its first line (RFC 7468).
    password = getpass.getpass("密钥口令 | password of the key: ") if b"ENCRYPTED" in key else ""
    digest = take_seal(args.home, key, password, args.holder, chain)
    if args.json:
        print_json({"certificate": digest})
    else:
        say("单位签章已存入", f"the seal is in place; SHA-256 of its certificate: {digest}")


def check(home: Path, raw: bytes) -> tuple[guarantee_service_pb2.CheckGuaranteeResponse, dict[str, str]]:
    """Have a node check a sealed file: what it says of the guarantee, and of the seal."""
    if not is_guarantee_file(raw) or len(raw) > MAX_FILE_BYTES:
        raise DocumentFormatError(
            "this PDF is not a guarantee file of a member; a bank without a node: heqi guarantee take"
        )
    with OperatorClient(home, timeout_seconds=_TIMEOUT_SECONDS) as node:
        answer = node.call(node.guarantee_files.CheckGuaranteeFile, pb.CheckGuaranteeFileRequest(file=raw))
    about = {}
    if answer.HasField("seal"):
        found = answer.seal
        about = {
            "seal": f"{found.organisation} {found.credit_code}",
            "sealed": found.stamped_time or f"{found.judged_time} (no time stamp)",
        }
    return answer.checked, about


def take(args: argparse.Namespace) -> int:
    """Check and keep the PDF of a bank that runs no node; 0 only if it counts and is not brought twice."""
    with args.file.open("rb") as file, OperatorClient(args.home, timeout_seconds=_TIMEOUT_SECONDS) as node:
        answer = node.call(node.guarantee_files.TakeGuaranteeFile, _messages(args, file))
    facts = _facts(answer.taken) | {"other_sections": list(answer.other_sections)}
    if args.json:
        print_json(facts)
    else:
        print_table(("项目 item", "值 value"), list(facts.items()))
        say(
            "仅凭文件签章，账本上没有此保函",
            "the signature on the file is all there is: NO row on the ledger",
        )
        if answer.other_sections:
            say("重复使用", f"the same file was brought for {printable(', '.join(answer.other_sections))}")
    return 0 if answer.taken.valid and not answer.other_sections else 1


def taken(args: argparse.Namespace) -> None:
    """List what was taken."""
    rows: list[dict[str, object]] = []
    with OperatorClient(args.home) as node:
        token = ""
        while True:
            request = pb.ListTakenGuaranteeFilesRequest(page_size=1000, page_token=token)
            page = node.call(node.guarantee_files.ListTakenGuaranteeFiles, request)
            rows += map(_facts, page.taken)
            if not (token := page.next_page_token):
                break
    if args.json:
        print_json(rows)
        return
    columns = ("taken", "valid", "number", "guarantor", "section", "bearer", "time", "reason")
    print_table(columns, [[row[name] for name in columns] for row in rows])


def _messages(args: argparse.Namespace, file: BinaryIO) -> Iterator[pb.TakeGuaranteeFileRequest]:
    yield pb.TakeGuaranteeFileRequest(
        presentation=pb.GuaranteePresentation(
            number=args.number, guarantor_code=args.guarantor, section=args.section, bearer_code=args.bearer
        )
    )
    while part := file.read(_PART):
        yield pb.TakeGuaranteeFileRequest(content=part)


def _facts(row: pb.TakenGuaranteeFile) -> dict[str, object]:
    said = row.presentation
    return {
        "taken": row.taken_number,
        "valid": row.valid,
        "reason": row.reason,
        "number": said.number,
        "guarantor": f"{said.guarantor_code} {row.organisation}".strip(),
        "section": said.section,
        "bearer": said.bearer_code,
        "time": row.take_time,
        "judged": row.judged_time,
        "stamped": row.stamped,
        "sha256": row.sha256,
        "on_ledger": False,
    }
