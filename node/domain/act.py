"""What is done with a node's privileges: the words under which it is recorded, docs/formats/record.md `node.act`."""

import enum

ACT_CATEGORY = "node.act"


class ActKind(enum.Enum):
    """Privileged acts; the value is the stable word in the record, the second part what people read."""

    ACCESS_ISSUED = ("access.issued", "签发接入证书 | a system's certificate was issued")
    ACCESS_REVOKED = ("access.revoked", "吊销接入证书 | a system's certificate was revoked")
    ADMISSION_PROPOSED = ("admission.proposed", "提议接纳成员 | a member was proposed")
    STANDING_PROPOSED = ("standing.proposed", "提议暂停或恢复成员 | a suspension or its end was proposed")
    ROLES_PROPOSED = ("roles.proposed", "提议变更成员职能 | other roles of a member were proposed")
    CONTRACT_PROPOSED = ("contract.proposed", "提议更换合约 | another contract was proposed")
    VERIFIER_PROPOSED = (
        "verifier.proposed",
        "提议变更签名验证器 | a signature verifier was proposed, or its end",
    )
    TRUST_PROPOSED = ("trust.proposed", "提议变更互认证书机构 | an entry of the trust list was proposed")
    DEFINITION_PROPOSED = (
        "definition.proposed",
        "提议变更目录定义 | a definition of a record category was proposed",
    )
    CALENDAR_PROPOSED = ("calendar.proposed", "提议工作日历 | the working days of a year were proposed")
    STANDING_STEP = ("standing.step", "联盟身份操作 | a step about a member's standing was taken")
    VOTE_CAST = ("vote.cast", "投票 | this member voted")
    ENDPOINTS_CHANGED = ("endpoints.changed", "变更节点地址 | new addresses of this node were announced")
    KEYS_CHANGED = ("keys.changed", "更换密钥 | new keys of this node were made and announced")
    RECORD_RELEASED = ("record.released", "再试搁置记录 | a parked record was tried again")
    RECORD_DROPPED = ("record.dropped", "放弃搁置记录 | a parked record was given up")
    OUTBOX_RELEASED = ("outbox.released", "再试搁置交易 | a parked transaction was tried again")
    OUTBOX_DROPPED = ("outbox.dropped", "放弃搁置交易 | a parked transaction was given up")
    DATA_REQUESTED = ("data.requested", "申请他中心数据 | access to a subject's data was asked for")
    DATA_READ = ("data.read", "读取他中心数据 | a subject's data was read at another centre")
    REGISTRATIONS_LOADED = (
        "registrations.loaded",
        "成批导入既有注册 | existing registrations were begun to be loaded from a source",
    )
    LEGAL_REQUESTED = ("legal.requested", "依法查询：提出 | a read on a legal basis was asked for")
    LEGAL_COUNTERSIGNED = ("legal.countersigned", "依法查询：复核 | the second officer signed such a request")
    LEGAL_READ = ("legal.read", "依法查询：读取 | a subject's data was read on a legal basis")
    ALARM_SETTLED = ("alarm.settled", "了结日志警报 | an alarm about a member's log was dealt with")
    RECORD_ATTESTED = ("record.attested", "核验主体材料 | a subject's document was attested by an operator")
    REGISTRY_ASKED = ("registry.asked", "查询登记机关 | the company register was asked by an operator")
    ERASURE_ORDERED = (
        "erasure.ordered",
        "代主体删除数据 | a subject's data was ordered erased, without its wallet",
    )
    DATA_ERASED = ("data.erased", "数据已删除 | data was erased, and a receipt signed")
    ERASURES_ACCEPTED = (
        "erasures.accepted",
        "确认删除清单完整 | the operator answered for the list of erasures",
    )
    BANK_ORDER_RETRIED = (
        "bank-order.retried",
        "再试核心系统指令 | a parked order to the core bank was tried again",
    )
    BANK_ORDER_DROPPED = (
        "bank-order.dropped",
        "放弃核心系统指令 | a parked order to the core bank was given up",
    )
    PAYMENT_RELEASED = (
        "payment.released",
        "放款 | the payment of a claim was released to the core bank",
    )
    PAYMENT_CLOSED = (
        "payment.closed",
        "了结无法登记的付款 | a payment that cannot be stated on the ledger was dealt with",
    )
    SYSTEM_CALL_RETRIED = (
        "system-call.retried",
        "再试保函系统推送 | a parked call to the guarantee system was tried again",
    )
    SYSTEM_CALL_DROPPED = (
        "system-call.dropped",
        "放弃保函系统推送 | a parked call to the guarantee system was given up",
    )
    SYSTEM_FILE_TAKEN = (
        "system-file.taken",
        "收存保函系统文件 | the guarantee system's own file of a guarantee was taken",
    )
    RULES_LOADED = ("rules.loaded", "载入秒出规则 | the rules for instant guarantees were loaded")
    LINE_CHANGED = (
        "line.changed",
        "授信额度变更 | a credit line was granted, lowered, frozen, thawed or ended",
    )
    OUTSIDE_LINE = (
        "guarantee.outside-line",
        "额度外开立 | a guarantee was issued outside of the credit line",
    )
    CONSENT_WITHDRAWN = ("consent.withdrawn", "代录撤回同意 | a person's withdrawal of consent was recorded")
    DISPUTE_SETTLED = ("dispute.settled", "答复异议 | a dispute about a record was answered")
    ARCHIVE_EXPORTED = (
        "archive.exported",
        "导出节点档案 | all that this node holds was exported as an archive",
    )
    ARCHIVE_IMPORTED = ("archive.imported", "导入前任节点档案 | the archive of another node was imported")
    GUARANTEE_SEALED = ("guarantee.sealed", "开立密文保函 | a sealed guarantee was issued")
    OPENING_ANNOUNCED = ("opening.announced", "公告开标时间 | the moment of an opening was committed to")
    OPENING_POSTPONED = ("opening.postponed", "推迟开标 | an opening was put off")
    TENDER_OPENED = ("opening.opened", "开标 | an announced tender was opened")
    SHARES_RELEASED = (
        "shares.released",
        "交出开标密钥份额 | shares of an opened tender were given to its centre",
    )
    CONFIG_LOADED = ("config.loaded", "载入配置 | the node started with another configuration than before")

    def __init__(self, word: str, summary: str) -> None:
        self.word, self.summary = word, summary
