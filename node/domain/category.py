"""Record categories: who owns records of a kind, and how many digests each carries.

The number of slots is fixed per category so that optional fields do not show in a record's size; it bounds the
number of fields. Source: the owner rule is 广州公共资源交易区块链 (party-private data belongs to the party, all else
to the centre); the field tables are those of 公共资源交易平台系统数据规范 V2.0.
"""

import enum
from dataclasses import dataclass

from node.errors import RecordFormatError


class OwnerRule(enum.Enum):
    """Who owns records of a category."""

    SUBJECT = "subject"
    CENTRE = "centre"


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of record."""

    name: str
    chinese: str
    owner: OwnerRule
    slots: int
    """Digests in every record of this category, decoys included."""
    is_own: bool = False
    """Whether only the node itself writes such records: no system and no wallet can append them."""
    personal: frozenset[str] = frozenset()
    """Fields about a natural person: a reader needs that person's own consent too (PIPL art. 23)."""
    sensitive: frozenset[str] = frozenset()
    """Those of `personal` that need a consent apart from any other (PIPL art. 28 and 29)."""
    sealed: frozenset[str] = frozenset()
    """Fields that nobody reads before opening; they answer like fields that are not there."""


_CATEGORIES = {
    category.name: category
    for category in (
        Category("subject.base", "主体基本信息", OwnerRule.SUBJECT, 32),
        Category("subject.qualification", "资质", OwnerRule.SUBJECT, 16),
        Category("subject.performance", "业绩", OwnerRule.SUBJECT, 24),
        Category(
            "subject.personnel",
            "人员",
            OwnerRule.SUBJECT,
            32,
            personal=frozenset(
                {
                    "person_name",
                    "gender",
                    "birthdate",
                    "education",
                    "phone",
                    "region_code",
                    "id_type",
                    "id_number",
                    "bank_account",
                    "biometric",
                    "track",
                }
            ),
            sensitive=frozenset({"id_number", "bank_account", "biometric", "track"}),
        ),
        Category("subject.credit", "信用", OwnerRule.SUBJECT, 24),
        Category("subject.attestation", "核验记录", OwnerRule.SUBJECT, 24, is_own=True),
        Category(
            "subject.dispute",
            "异议",
            OwnerRule.SUBJECT,
            16,
            is_own=True,
            # What a person states about itself leaves under that person's consent only.
            personal=frozenset({"person_statement"}),
        ),
        Category("trade.party", "交易参与方", OwnerRule.CENTRE, 24),
        Category("trade.planning", "招标计划", OwnerRule.CENTRE, 24),
        Category("trade.tender", "招标项目", OwnerRule.CENTRE, 48),
        Category("trade.bid", "投标", OwnerRule.CENTRE, 24),
        Category("trade.award", "中标结果", OwnerRule.CENTRE, 32),
        Category("trade.contract", "合同", OwnerRule.CENTRE, 32),
        Category("trade.performance", "履约", OwnerRule.CENTRE, 32),
        Category("access.read", "授权使用记录", OwnerRule.SUBJECT, 16, is_own=True),
        Category("node.act", "节点操作记录", OwnerRule.CENTRE, 16, is_own=True),
    )
}


def category(name: str) -> Category:
    """The category by that name.

    Raises:
        RecordFormatError: there is none.
    """
    found = _CATEGORIES.get(name)
    if found is None:
        raise RecordFormatError(f"unknown category {name!r}; known are {', '.join(_CATEGORIES)}")
    return found


def categories() -> tuple[Category, ...]:
    """All categories, in order of definition."""
    return tuple(_CATEGORIES.values())
