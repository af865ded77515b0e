"""`heqi registration`: who checked what of the subjects that are registered here, and loading those there were."""

import argparse
import json
import os
from pathlib import Path

from heqi.v1 import record_pb2
from heqi.v1 import registration_service_pb2 as pb

from node.cli import registration_load
from node.cli.client import OperatorClient
from node.cli.output import day, print_json, print_table, say
from node.config import read_file
from node.domain.attestation import SALT_BYTES, evidence_digest

_EPILOG = """\
核验记录由注册中心写入，归主体所有，随授权一并提供；只对所列版本有效
attestations are written by the home, belong to the subject, are granted like other records, and count for the
version that they name and for no other

示例 | examples:
  heqi registration show --home centre-a SUBJECT    谁核验过什么 | who checked what
  heqi registration attest --home centre-a SUBJECT --record subject.qualification:D199999999 --version 1 \\
      --fields level,certificate_number --evidence scan.pdf
                                                    已核对原件 | an original was seen
  heqi registration attest … --authority "示例市住房和城乡建设局" --evidence signed.ofd
                                                    核对发证机关签章文件 | the issuing authority's signed document
  heqi registration attest … --differs level        与原件不符 | the original says something else
  heqi registration look-up --home centre-a SUBJECT 再向登记机关查询 | have the company register asked again
证书所载单位名称与信用代码在注册时自动核验；登记机关应答后自动核验（heqi.toml [registry]）
name and credit code in the certificate are attested at registration, the register's answer when it comes
"""
_RESULTS = {"match": "一致 match", "mismatch": "不符 mismatch", "not-found": "查无 not found"}
_METHODS = {
    "certificate": "证书 certificate",
    "look-up": "登记查询 look-up",
    "original": "原件 original",
    "document": "签章文件 document",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("show", help="一个主体的核验记录 | a subject's attestations")
    one.set_defaults(run=show)
    one = commands.add_parser("attest", help="登记人工核验 | attest what was compared by hand")
    one.add_argument(
        "--record", required=True, metavar="CATEGORY:THING", help="材料 | which document of the subject"
    )
    one.add_argument("--version", type=int, required=True, help="版本 | version that was compared")
    one.add_argument("--fields", required=True, metavar="FIELD,…", help="核对的字段 | fields compared")
    one.add_argument("--differs", default="", metavar="FIELD,…", help="其中不符的 | those that differ")
    one.add_argument(
        "--authority",
        default="",
        help="发证机关（核对其签章文件时）| issuing authority whose document it was",
    )
    one.add_argument(
        "--evidence",
        type=Path,
        required=True,
        help="扫描件或文件，只留摘要，不上传 | scan or document; only its salted digest leaves this machine",
    )
    one.set_defaults(run=attest)
    one = commands.add_parser("look-up", help="再向登记机关查询 | ask the company register again")
    one.set_defaults(run=look_up)
    for command in commands.choices.values():
        command.add_argument("subject", nargs="?", default="", help="主体编号 | subject id")
        command.add_argument(
            "--credit-code-file",
            type=Path,
            metavar="FILE",
            help="改用统一社会信用代码，写在文件里 | a file that holds the credit code, instead of the id",
        )
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")
    registration_load.describe(commands)


def show(args: argparse.Namespace) -> None:
    """Show a subject's attestations."""
    request = pb.ListAttestationsRequest(subject_id=args.subject, credit_code=_code(args))
    with OperatorClient(args.home) as node:
        found = node.call(node.registrations.ListAttestations, request)
    if args.json:
        print_json(
            {
                "subject": found.subject_id,
                "attestations": [
                    facts_of(one.attestation) | {"position": one.position} for one in found.attestations
                ],
                "register": _register(found.look_up),
            }
        )
        return
    print_attestations([one.attestation for one in found.attestations])
    say(*_words(found.look_up))


def attest(args: argparse.Namespace) -> None:
    """Attest."""
    category, _, thing = args.record.partition(":")
    salt = os.urandom(SALT_BYTES)
    request = pb.AttestRecordRequest(
        subject_id=args.subject,
        credit_code=_code(args),
        category=category,
        thing=thing,
        version=args.version,
        fields=args.fields.split(","),
        differs=[name for name in args.differs.split(",") if name],
        authority=args.authority,
        evidence=evidence_digest(salt, read_file(args.evidence)),
        evidence_salt=salt.hex(),
    )
    with OperatorClient(args.home) as node:
        kept = node.call(node.registrations.AttestRecord, request).attestation
    if args.json:
        print_json(facts_of(kept.attestation) | {"position": kept.position})
    else:
        say(
            f"核验记录已写入（{_RESULTS[kept.attestation.result]}）",
            f"written as record {kept.position}, and in the list of acts; keep {args.evidence}: "
            "its salted digest is in the record",
        )


def look_up(args: argparse.Namespace) -> None:
    """Ask the register again."""
    request = pb.LookUpRegistryRequest(subject_id=args.subject, credit_code=_code(args))
    with OperatorClient(args.home) as node:
        node.call(node.registrations.LookUpRegistry, request)
    if args.json:
        print_json({"asked": True})
    else:
        say("将再次查询", "the register is asked in the background; heqi registration show tells the answer")


def print_attestations(found: list[record_pb2.Attestation]) -> None:
    """A table of attestations for people."""
    rows = [
        (
            f"{one.about_category} v{one.about_version}",
            ", ".join(one.fields),
            _RESULTS[one.result] + (f": {', '.join(one.differs)}" if one.differs else ""),
            _METHODS[one.method] + (f" ({one.state})" if one.state else ""),
            one.attester,
            one.checked,
        )
        for one in found
    ]
    header = (
        "材料 document",
        "字段 fields",
        "结果 result",
        "方式 method",
        "核验方 attester",
        "时间 checked",
    )
    print_table(header, rows)


def facts_of(one: record_pb2.Attestation) -> dict[str, object]:
    """An attestation for machines."""
    return {
        "about": {
            "category": one.about_category,
            "thing": one.about_thing,
            "version": one.about_version,
        },
        "fields": list(one.fields),
        "attester_kind": one.attester_kind,
        "attester": one.attester,
        "method": one.method,
        "result": one.result,
        "differs": list(one.differs),
        "checked": one.checked,
        "evidence": one.evidence,
        "evidence_salt": one.evidence_salt,
        "state": one.state,
    }


def _code(args: argparse.Namespace) -> str:
    return args.credit_code_file.read_text("utf-8").strip() if args.credit_code_file else ""


def _register(state: pb.LookUpState) -> dict[str, object]:
    return {
        "waiting": state.waiting,
        "tries": state.tries,
        "problem": state.problem,
        "answered": state.answer_time_seconds,
        "entry": json.loads(state.entry_json) if state.entry_json else None,
    }


def _words(state: pb.LookUpState) -> tuple[str, str]:
    if state.waiting and not state.answer_time_seconds:
        why = f"（{state.problem}）" if state.problem else ""
        return f"登记机关尚未应答{why}", f"not yet looked up; asked {state.tries} times in vain, asked again"
    if not state.answer_time_seconds:
        return "未查询登记机关", "no register is configured, or there was nothing to ask about"
    found = "已应答" if state.entry_json else "查无此企业"
    return f"登记机关{found}", f"the register answered on {day(state.answer_time_seconds)}"
