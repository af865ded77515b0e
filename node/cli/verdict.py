"""A verdict on evidence, in the words of people: each step, what it rests on, and what it leaves open."""

from collections.abc import Sequence

from node.cli.output import printable, say
from node.domain.encoding import to_rfc3339
from node.domain.verdict import Roots, Step, StepKind

_TEXTS = {
    StepKind.ROOTS: (
        "{member} 的公钥取自联盟描述，此后 {successions} 次换钥逐一验签",
        "keys of {member} come from the descriptor; {successions} change(s) of keys since were followed",
    ),
    StepKind.CHECKPOINT: (
        "{member} 以日志密钥签署了 {size} 条时的检查点",
        "the checkpoint of {member} at size {size} is signed by its log key",
    ),
    StepKind.RECORDS: (
        "{count} 条记录在该日志中，出示的字段均属于其记录",
        "{count} record(s) are in that log, and every shown field belongs to its record",
    ),
    StepKind.WITNESSED: (
        "见证成员 {names} 共签（其余 {others} 个成员中需 {needed} 个）：日志没有另一个版本",
        "cosigned by {names} ({needed} of {others} others needed): the log has no other version",
    ),
    StepKind.NOT_WITNESSED: (
        "共签不足（有 {names}，需 {needed} 个）：您允许继续",
        "NOT witnessed (by {names}; {needed} needed): you allowed that",
    ),
    StepKind.ANCHORED: (
        "账本在区块 {block}（{time}）持有该锚定；区块头 {hash}，引擎未为其签名",
        "the ledger held the anchor at block {block} of {time}; header {hash}, signed by no engine",
    ),
    StepKind.NOT_ANCHORED: (
        "未出示账本上的锚定：您允许继续",
        "the anchor on the ledger is NOT shown: you allowed that",
    ),
    StepKind.CERTIFICATE: (
        "{code} 的证书为签署授权的钱包密钥作保",
        "the certificate of {code} vouches for the wallet key that signed the grant",
    ),
    StepKind.NOT_REVOKED: (
        "{authority} 证明该证书在关键时刻未被吊销",
        "{authority} says that the certificate was not revoked when it mattered",
    ),
    StepKind.NO_STATUS_SERVICE: (
        "{authority} 获承认，但不提供吊销状态",
        "{authority} is recognised without a word on revocation",
    ),
    StepKind.STATUS_UNKNOWN: (
        "未出示证书吊销状态：您允许继续",
        "whether the certificate was revoked is NOT shown: you allowed that",
    ),
    StepKind.GRANTED: (
        "授权准许 {reader} 为 {purpose} 读取这些字段",
        "the grant lets {reader} read these fields for {purpose}",
    ),
    StepKind.CONSENTED: (
        "所示人员均已同意：{signed} 份由本人密钥签署（密钥由主体材料载明），{recorded} 份由主体代录并保管凭证",
        "the people shown consented: {signed} by own keys (named by the company), {recorded} as the company recorded",
    ),
    StepKind.LEGAL_BASIS: (
        "{reader} 未经授权、依法查询：{basis}，{authority}，案号 {case}；经办人 {officers} 各自签名",
        "{reader} read without a grant, on the basis {basis}: {authority}, case {case}; {officers} signed each",
    ),
    StepKind.ANSWERED: (
        "{member} 签署：{time} 向 {reader} 答复的正是这些内容，且 {as_of} 时没有更新的版本",
        "{member} signed that it answered {reader} with exactly this at {time}, and had nothing newer at {as_of}",
    ),
    StepKind.GRANT_ON_LEDGER: (
        "账本在区块 {block}（{time}）登记有该授权且未撤销",
        "at block {block} of {time} the ledger held the grant, and it was not revoked",
    ),
    StepKind.GRANT_NOT_SHOWN: (
        "未出示账本上的授权状态：您允许继续",
        "the state of the grant on the ledger is NOT shown: you allowed that",
    ),
    StepKind.KEPT: (
        "{member} 签署保管说明（{time}，{software}），SHA-256 与 SM3 相符；其时钟旁为区块 {block}（{block_time}）",
        "{member} signs how it kept them ({time}, {software}); SHA-256, SM3 fit; last block {block} ({block_time})",
    ),
    StepKind.NOT_KEPT: (
        "未出示保管说明：您允许继续",
        "how they were kept is NOT shown: you allowed that",
    ),
    StepKind.GUARANTEED: (
        "{member} 的身份密钥签署了保函 {number}：{amount} {currency}，{time} 至 {until_time}",
        "{member} signed guarantee {number} by its identity key: {amount} {currency}, {time} to {until_time}",
    ),
    StepKind.FILE_WHOLE: (
        "文件共 {bytes} 字节，逐字节由所附保函生成：页面所示即保函所载，未附加任何内容",
        "all {bytes} bytes are those made from the attached guarantee: the page says what it says, nothing was added",
    ),
    StepKind.SEALED: (
        "{organisation}（{code}）盖章；证书由 {authority} 认可，担保人以身份密钥声明其归属",
        "sealed by {organisation} ({code}), certified under {authority}, as the guarantor's identity key says",
    ),
    StepKind.SEAL_STAMPED: (
        "可信时间戳：{time} 之前已盖章，证书按该时间判断",
        "a time stamp shows that it was sealed by {time}; the certificate was judged as of then",
    ),
    StepKind.SEAL_NOT_STAMPED: (
        "没有可信时间戳：证书按 {time} 判断",
        "there is NO time stamp: the certificate was judged as of {time}",
    ),
    StepKind.SEAL_STATUS_OPEN: (
        "离线无法得知 {authority} 是否已吊销该证书",
        "whether {authority} has revoked the certificate is NOT known offline",
    ),
    StepKind.GUARANTEE_STATE_OPEN: (
        "离线无法得知账本状态（{guarantee}）：请在任一成员节点 heqi guarantee check --file",
        "how {guarantee} stands on the ledger is NOT known offline: heqi guarantee check --file at any node",
    ),
    StepKind.GUARANTEE_OVER: (
        "保函 {guarantee} 已过到期时间",
        "guarantee {guarantee} is past its end",
    ),
}
_TIMES = ("time", "block_time", "until_time")


def text_of(step: Step) -> tuple[str, str]:
    """A step in Chinese and in English."""
    about = {name: _value(name, value) for name, value in step.about.items()}
    chinese, english = _TEXTS[step.kind]
    return chinese.format(**about), english.format(**about)


def print_steps(steps: Sequence[Step]) -> None:
    """All steps, numbered; those that were let pass or are open are marked."""
    for number, step in enumerate(steps, 1):
        chinese, english = text_of(step)
        mark = "!" if step.is_gap else "✓"
        print(f"  {mark} {number:>2} {chinese}\n       {english}")


def print_roots(roots: Roots) -> None:
    """What the verdict rests on, and what the engine adds to it."""
    founders = ", ".join(roots.founders)
    say(
        f"信任根：联盟描述 {roots.descriptor[:16]}…，由 {founders} 签署",
        "the root: the descriptor they signed",
    )
    if roots.cards:
        say(f"另信任名片 {', '.join(roots.cards)}", "cards that you trust besides")
    if roots.trust:
        which = (
            ("创始机构清单", "the founding list")
            if roots.trust == "founding"
            else ("给定清单", "the given list")
        )
        say(f"证书机构依据：{which[0]}", f"authorities by {which[1]}")
    say(
        "账本引擎本身不增加信任：区块头由成员陈述，可向任一成员的节点核对",
        "the ledger's engine adds no trust: ask any member's node for that block's hash",
    )


def _value(name: str, value: str | int) -> str:
    if name in _TIMES:
        return to_rfc3339(int(value))
    return printable(str(value)) or "—"
