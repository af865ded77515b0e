"""Keys: there, readable by their owner alone, and the ones that card and ledger name."""

from collections.abc import Sequence

from node.domain.member import Member
from node.probes import FileFacts, KeyFacts, MemberFacts
from node.services.doctor.finding import Finding, Unknown, error, note, ok, unexamined, warning

_NAMES = {
    "account": ("账户密钥", "account key"),
    "identity": ("身份密钥", "identity key"),
    "log": ("日志密钥", "log key"),
    "sealing": ("密封密钥", "sealing key"),
}


def check_files(files: Sequence[FileFacts] | Unknown, user: int) -> list[Finding]:
    """Permissions and owners of what only the node may read.

    Args:
        files: what matters.
        user: who runs this command.
    """
    if isinstance(files, Unknown):
        return [unexamined(files)]
    found: list[Finding] = []
    for file in files:
        if file.is_secret and not file.exists:
            found.append(
                error(
                    "FILE_MISSING",
                    (f"缺少 {file.path}", f"{file.path} is missing"),
                    (
                        "从备份恢复；密钥无法重新生成",
                        "restore it from the backup; a key cannot be made again",
                    ),
                )
            )
        elif file.is_secret and file.exists and file.mode & 0o077:
            found.append(
                error(
                    "READABLE_BY_OTHERS",
                    (
                        f"他人可读 {file.path}（权限 {file.mode:04o}）",
                        f"others may read {file.path} (mode {file.mode:04o})",
                    ),
                    (
                        f"chmod go= {file.path}；若为密钥，视为已泄露并轮换",
                        f"chmod go= {file.path}; if it is a key, consider it disclosed and rotate it",
                    ),
                )
            )
        if file.exists and user not in (file.owner, -1):
            found.append(
                warning(
                    "OTHER_OWNER",
                    (
                        f"{file.path} 属于用户 {file.owner}，本命令以用户 {user} 运行",
                        f"{file.path} belongs to user {file.owner}, and this command runs as user {user}",
                    ),
                    ("以节点的用户身份运行 heqi", "run heqi as the node's own user"),
                )
            )
    return found or [ok("文件权限正确", "permissions are right")]


def check_keys(
    keys: KeyFacts | Unknown,
    card: Member | Unknown,
    on_ledger: MemberFacts | Unknown | None,
) -> list[Finding]:
    """The folder's keys against the member card and the ledger.

    Args:
        keys: of the folder.
        card: as `card.jwt` states them.
        on_ledger: the member as the ledger has it now; None if it has none by that name.
    """
    if isinstance(keys, Unknown):
        return [unexamined(keys)]
    if keys.trouble:
        return [
            error(
                "KEYS_UNUSABLE",
                (f"密钥不可用：{keys.trouble}", f"the keys cannot be used: {keys.trouble}"),
                (
                    "按消息修正，或从备份恢复 keys/；密钥无法重新生成",
                    "put right what the message names, or restore keys/ from the backup: they cannot be made again",
                ),
            )
        ]
    found = _against(
        keys, card, "KEY_NOT_OF_CARD", ("名片 card.jwt", "card.jwt"),
        ("恢复与名片相符的 keys/，或恢复名片", "restore the keys/ that belong to the card, or the card"),
    )  # fmt: skip
    if on_ledger is None:
        found.append(
            note(
                "NOT_ON_LEDGER",
                "账本上尚无本成员（未被接纳，或引擎属于另一联盟）",
                "the ledger has no such member: not admitted yet, or the engine is another alliance's",
            )
        )
    elif not isinstance(on_ledger, Unknown):
        found += _against(
            keys, on_ledger.member, "KEY_NOT_OF_LEDGER", ("账本", "the ledger"),
            (
                "恢复账本所列的密钥；他人不会信任本节点的签名与证书",
                "restore the keys that the ledger names; nobody trusts this node's signatures and certificates",
            ),
        )  # fmt: skip
        if not on_ledger.active:
            found.append(
                error(
                    "SUSPENDED",
                    ("本成员已被暂停", "this member is suspended"),
                    (
                        "与其他成员联系；恢复须经表决",
                        "talk to the other members; it takes a vote to be reinstated",
                    ),
                )
            )
    if isinstance(card, Unknown):
        found.append(unexamined(card))
    if found:
        return found
    if isinstance(on_ledger, Unknown):
        return [
            ok("密钥与名片一致（账本未能查询）", "the keys are those of the card; the ledger was not asked")
        ]
    return [ok("密钥齐全，与名片和账本一致", "all keys are there, and are those of card and ledger")]


def _against(
    keys: KeyFacts,
    stated: Member | Unknown,
    reason: str,
    place: tuple[str, str],
    do: tuple[str, str],
) -> list[Finding]:
    if isinstance(stated, Unknown):
        return []
    former = {one.identity_key for one in stated.former if one.identity_until is not None}
    pairs = {
        "account": (keys.account, stated.account),
        # In the first half of an overlap the key before signs, and both count.
        "identity": (keys.identity, keys.identity if keys.identity in former else stated.identity_key),
        "log": (keys.log, stated.log_key),
        "sealing": (keys.sealing, stated.sealing_key),
    }
    different = [name for name, (held, wanted) in pairs.items() if held != wanted]
    if not different:
        return []
    zh, en = ("、".join(_NAMES[name][0] for name in different), ", ".join(_NAMES[n][1] for n in different))
    return [
        error(reason, (f"{zh} 与{place[0]}所列不同", f"{en}: not what {place[1]} names"), do),
    ]
