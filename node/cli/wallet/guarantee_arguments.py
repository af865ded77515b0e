"""What `heqi wallet` takes about guarantees: applying, sealed ones, steps, awards."""

import argparse
from pathlib import Path

from node.cli import guarantee_says
from node.cli.arguments import Commands
from node.cli.wallet import awards, guarantees, releases, sealed
from node.domain.guarantee_table import Mover


def describe(commands: Commands) -> list[argparse.ArgumentParser]:
    """Describe the commands; those in groups, each of which takes the wallet."""
    _describe_guarantees(commands)
    _describe_in_place_of_guarantees(commands)
    _describe_sealed(commands)
    _describe_steps(commands)
    return _describe_awards(commands)


def _describe_guarantees(commands: Commands) -> None:
    one = commands.add_parser("apply", help="申请保函 | apply for a guarantee")
    one.add_argument("--guarantor", required=True, help="担保人 | member that issues it")
    one.add_argument("--centre", required=True, help="招标中心 | centre that runs the tender")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--amount", required=True, help="金额（元）| plain decimal")
    one.add_argument("--currency", default="CNY")
    one.add_argument("--kind", default="bid", choices=["bid", "performance", "quality", "advance"])
    one.add_argument("--days", type=int, default=90, help="有效天数 | valid for days (default 90)")
    one.add_argument("--beneficiary-name", required=True, help="受益人 | in whose favour")
    one.add_argument("--beneficiary-key", required=True, help="受益人公钥 | from heqi wallet key")
    one.add_argument(
        "--show",
        action="append",
        default=[],
        metavar="CATEGORY:FIELD,FIELD",
        help="另授权银行读取，供其规则判断 | also let the guarantor read this, for its rules",
    )
    one.add_argument(
        "--sealed",
        action="store_true",
        help="密文申请：担保人开标前不知标段 | the guarantor does not learn the tender before it is opened",
    )
    one.add_argument(
        "--relay",
        default="",
        help="招标中心不可用时代为预约的成员，该成员将知悉有预约 | with --sealed, where the tender's centre is away: "
        "member that reserves, and learns that this subject does",
    )
    one.add_argument(
        "--wait", action="store_true", help="等待预约上链 | with --sealed: wait for the reservation"
    )
    one.set_defaults(run=lambda args: (sealed if args.sealed else guarantees).apply(args))
    one = commands.add_parser("applications", help="保函申请结果 | what became of applications")
    one.add_argument("--guarantor", required=True, help="担保人 | member that was asked")
    one.add_argument("--wait", action="store_true", help="等待决定 | wait for the decision")
    one.add_argument("--out", type=Path, help="保函文件 | where to write the guarantee")
    one.add_argument("--file", type=Path, metavar="PDF", help="盖章文件 | where to write the sealed file")
    one.set_defaults(run=guarantees.applications)
    one = commands.add_parser("release", help="（受益人）解保 | as beneficiary: give a guarantee back")
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    one.add_argument("--reason", required=True, help="原因 | reason")
    one.set_defaults(run=guarantees.release)
    one = commands.add_parser(
        "releases",
        help="（受益人）待解保清单、一次签署 | as beneficiary: what waits to be released; sign all",
    )
    one.add_argument("--section", action="append", required=True, help="标段编号，可重复 | may be repeated")
    one.add_argument(
        "--at", default="", metavar="CENTRE", help="招标中心（默认注册中心）| the tender's centre"
    )
    one.add_argument("--sign", action="store_true", help="全部签署 | sign all of them")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.set_defaults(run=releases.releases)
    one = commands.add_parser(
        "key", help="（受益人）标段公钥 | as beneficiary: the one-time key for a section"
    )
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.set_defaults(run=guarantees.key)


def _describe_in_place_of_guarantees(commands: Commands) -> None:
    one = commands.add_parser("pledge", help="承诺函替代投标保证金 | a pledge in place of bid security")
    one.add_argument("--centre", required=True, help="招标中心 | centre that runs the tender")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--text", type=Path, required=True, help="承诺函正文 | the text, as the tender gives it")
    one.add_argument("--amount", required=True, help="金额（元）| plain decimal")
    one.add_argument("--currency", default="CNY")
    one.add_argument("--days", type=int, default=90, help="有效天数 | binding for days (default 90)")
    one.add_argument("--out", type=Path, required=True, help="承诺函文件 | where to write it")
    one.set_defaults(run=guarantees.pledge)
    one = commands.add_parser(
        "waiver",
        help="凭信用等级免缴投标保证金 | a waiver of bid security by credit grade",
        description="""\
只出示评价等级（评价部门、办法、等级、有效期、主体代码），其他字段不可还原；仅对本标段有效，随密封投标文件递交，不联网。
Shows the grade alone (evaluator, scale, grade, validity, credit code): no other field can be recovered. It counts for
this section only, goes into the sealed bid, and nobody is asked: export your records once, long before.""",
    )
    one.add_argument("--centre", required=True, help="招标中心 | centre that runs the tender")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument(
        "--opening", required=True, metavar="TIME", help="开标时间 | of the tender: 2026-03-20T09:30:00+08:00"
    )
    one.add_argument(
        "--evidence",
        type=Path,
        required=True,
        metavar="FILE",
        help="评价的证据，由 wallet export 导出 | NNN-subject.evaluation.evidence.json of heqi wallet export",
    )
    one.add_argument(
        "--days",
        type=int,
        default=90,
        help="开标后可查询天数 | the centre may ask for days from the opening on (default 90)",
    )
    one.add_argument("--out", type=Path, required=True, help="减免凭证文件 | where to write it")
    one.set_defaults(run=guarantees.waiver)


def _describe_sealed(commands: Commands) -> None:
    one = commands.add_parser(
        "prepare",
        help="预先授权担保人 | long before: let a guarantor read what it needs for applications",
        description="""\
担保人首次使用该授权时读取，注册中心届时知悉；先前已请求（heqi grant request）、获授权并读取的，密文申请时不再读取。
The guarantor reads when this grant first comes with an application, and the home sees that. One that asked for the
same (heqi grant request), was granted it and has read, reads nothing when a sealed application comes.""",
    )
    one.add_argument("--guarantor", required=True, help="担保人 | member that will be asked")
    one.add_argument("--days", type=int, default=365, help="有效天数 | for days (default 365)")
    one.add_argument("--uses", type=int, default=100, help="可读次数 | reads (default 100)")
    one.set_defaults(run=sealed.prepare)
    one = commands.add_parser("sealed", help="密文保函进展 | where a sealed application stands")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--wait", action="store_true", help="等待开立与存证 | wait for the issue and its proof")
    one.add_argument("--show-key", action="store_true", help="显示开标密钥 | the opening key, to open alone")
    one.set_defaults(run=sealed.collect)
    one = commands.add_parser("seal", help="密封保函 | seal the guarantee to the tender's opening")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--opening", type=Path, required=True, help="开标条款 | the opening's terms")
    one.add_argument("--out", type=Path, required=True, help="密封文件 | goes into the encrypted bid")
    one.set_defaults(run=sealed.seal_)


def _describe_steps(commands: Commands) -> None:
    one = commands.add_parser(
        "life", help="（受益人、申请人）保函经过、现状、可做 | how a guarantee stands, what can be done"
    )
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    one.add_argument("--at", help="问哪个成员，默认担保人 | member to ask; the guarantor if not given")
    one.set_defaults(run=guarantees.show)
    one = commands.add_parser(
        "step", help="（受益人、申请人）索赔、答复、退保等 | claim, answer, surrender and the like"
    )
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    guarantee_says.add_options(one, (Mover.BENEFICIARY, Mover.APPLICANT))
    one.add_argument("--at", help="交给哪个成员，默认本中心 | member to hand it to; the home if not given")
    one.add_argument("--see-at", help="向哪个成员了解现状，默认担保人 | member that says how it stands")
    one.add_argument("--keep", type=Path, help="保存步骤与回执 | keep the step and its receipt in this file")
    one.set_defaults(run=guarantees.step)
    one = commands.add_parser(
        "step-again", help="账本中断后凭回执补交 | hand a kept step in again, with its receipt"
    )
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    one.add_argument("kept", type=Path, help="step --keep 保存的文件 | what step --keep wrote")
    one.add_argument("--at", help="交给哪个成员，默认本中心 | member to hand it to; the home if not given")
    one.set_defaults(run=guarantees.step_again)


def _describe_awards(commands: Commands) -> list[argparse.ArgumentParser]:
    group = commands.add_parser(
        "award", help="中标证明，供贷款机构核验 | proof of the own awards, for lenders"
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("show", help="取得证明，自行出示 | get the proof, to hand it on")
    one.add_argument("--wait", action="store_true", help="等待上链 | wait until the proof is complete")
    one.set_defaults(run=awards.show)
    two = actions.add_parser("grant", help="授权贷款机构自行查询 | let a lender fetch it")
    two.add_argument("--lender", required=True, help="贷款机构 | member that may read")
    two.add_argument(
        "--days", type=int, default=30, help="有效天数 | valid for days (default 30, at most 92)"
    )
    two.set_defaults(run=awards.give)
    for action in (one, two):
        action.add_argument("--centre", required=True, help="招标中心 | centre that ran the tender")
        action.add_argument(
            "--project", required=True, help="项目编号 | as the centre files it, or the OCDS ocid"
        )
        action.add_argument("--out", type=Path, required=True, metavar="FILE", help="输出 | file to write")
    one = actions.add_parser("revoke", help="撤销授权 | end a lender's grant")
    one.add_argument("file", type=Path, help="授权文件 | what award grant has written")
    one.set_defaults(run=awards.revoke)
    return list(actions.choices.values())
