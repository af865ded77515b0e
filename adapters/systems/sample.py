"""Sample data for a first look: invented trading processes of an invented city, as OCDS 1.1 release packages.

The same seed gives the same bytes. All names say that they are invented; credit codes are well formed (GB
32100) but carry the province code 99, which no province has. One file holds what is wrong on purpose, so that
parking can be seen.
"""

import json
import random
import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from stdnum.cn import uscc

Json = dict[str, Any]

# From the OCDS documentation's fictional publisher: nobody's data has this prefix.
_PREFIX = "ocds-213czf"
# Not a code of org-id.guide: no list there is for GB 32100 credit codes.
_SCHEME = "CN-USCC"
_CHINA = timezone(timedelta(hours=8))
_FIRST_DAY = datetime(2026, 1, 5, 9, 0, tzinfo=_CHINA)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)

_BUYERS = ("示例市虚构区住房和城乡建设局", "示例市虚构县水务局", "示例市假想大学", "示例市样本医院")
_FIRMS = tuple(
    f"{name}{trade}有限公司"
    for trade in ("建设", "市政工程", "水利工程", "信息技术")
    for name in ("虚构", "示例", "假想", "样本", "演示")
)
_WORKS = (
    ("虚构路道路改造工程", "works", 2_800_000_000),
    ("示例河堤防加固工程", "works", 1_460_000_000),
    ("样本小学教学楼工程", "works", 3_975_000_000),
    ("演示医院信息系统采购", "goods", 326_000_000),
    ("假想公园养护服务", "services", 88_500_000),
)
_AMOUNT = re.compile(r'"@([0-9]+\.[0-9]{2})@"')


def write_sample(folder: Path, *, processes: int = 20, seed: int = 2026) -> list[Path]:
    """Write one release package per process, and one with deliberate faults.

    Args:
        folder: is made if missing; files of the same names are overwritten.
        processes: how many trading processes.
        seed: of everything that varies.

    Returns:
        The files written, in order.
    """
    chance = random.Random(seed)  # noqa: S311  # sample data, nothing secret
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(1, processes + 1):
        releases = list(_releases(_Process(chance, number)))
        written.append(_write(folder / f"process-{number:04d}.json", _package(releases)))
    faulty = folder / "with-faults.json"
    faulty.write_text(_FAULTY, encoding="utf-8")
    return [*written, faulty]


def credit_code(number: int) -> str:
    """A well-formed credit code that nobody has.

    Args:
        number: 0 to 99,999,999; different numbers give different codes.
    """
    body = f"{number:08d}"
    rest = (
        11 - sum(int(digit) * weight for digit, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True)) % 11
    )
    # Source: GB 11714: the organisation code inside has a check character of its own.
    organisation = body + {10: "X", 11: "0"}.get(rest, str(rest))
    code = "91" + "990000" + organisation
    return code + str(uscc.calc_check_digit(code))


class _Process:
    """One trading process while it is made up."""

    def __init__(self, chance: random.Random, number: int) -> None:
        self.number = number
        self.title = f"{_WORKS[number % len(_WORKS)][0]}(第{number}号)"
        self.day = _FIRST_DAY + timedelta(days=3 * number)
        self.months = chance.randint(3, 18)
        estimate = _WORKS[number % len(_WORKS)][2]
        self.ceiling = estimate + chance.randrange(estimate // 4)
        buyer = number % len(_BUYERS)
        self.buyer = _organisation(_BUYERS[buyer], 10_000_000 + buyer)
        firms = chance.sample(range(len(_FIRMS)), chance.randint(3, 6))
        self.bidders = [_organisation(_FIRMS[firm], 20_000_000 + firm) for firm in firms]
        self.prices = [self.ceiling * chance.randrange(880, 999) // 1000 for _ in firms]
        best = min(range(len(firms)), key=self.prices.__getitem__)
        self.winner, self.price = self.bidders[best], self.prices[best]

    def date(self, after_days: int) -> str:
        return (self.day + timedelta(days=after_days)).isoformat()

    def release(self, after_days: int, tag: str, *parties: Json, **sections: object) -> Json:
        contact = {"name": "测试员", "telephone": "000-0000"}
        owner = {**self.buyer, "roles": ["buyer", "procuringEntity"], "contactPoint": contact}
        return {
            "ocid": f"{_PREFIX}-sample-{self.number:06d}",
            "id": f"{self.number:06d}-{after_days:03d}",
            "date": self.date(after_days),
            "tag": [tag],
            "initiationType": "tender",
            "language": "zh",
            "parties": [owner, *parties],
            "buyer": _reference(self.buyer),
            **sections,
        }

    def tender(self, deadline: int, **rest: object) -> Json:
        work, category, _ = _WORKS[self.number % len(_WORKS)]
        return {
            "id": f"SL-{self.number:06d}-01",
            "title": self.title,
            "status": "active",
            "procuringEntity": _reference(self.buyer),
            "procurementMethod": "open",
            "mainProcurementCategory": category,
            "value": _money(self.ceiling),
            "tenderPeriod": {"startDate": self.date(30), "endDate": self.date(deadline)},
            "items": [{"id": "1", "description": work, "quantity": 1, "unit": {"name": "项"}}],
            **rest,
        }

    def bids(self, opening: int) -> Json:
        details = [
            {
                "id": f"TB-{number:02d}",
                "date": self.date(opening),
                "status": "valid",
                "tenderers": [_reference(bidder)],
                "value": _money(price),
            }
            for number, (bidder, price) in enumerate(zip(self.bidders, self.prices, strict=True), 1)
        ]
        return {"details": details}

    def award(self, after_days: int) -> Json:
        return {
            "id": f"ZB-{self.number:06d}",
            "title": self.title,
            "status": "active",
            "date": self.date(after_days),
            "value": _money(self.price),
            "suppliers": [_reference(self.winner)],
        }

    def contract(self, signed: int, **rest: object) -> Json:
        return {
            "id": f"HT-{self.number:06d}",
            "awardID": f"ZB-{self.number:06d}",
            "title": self.title,
            "status": "active",
            "value": _money(self.price),
            "dateSigned": self.date(signed),
            "period": {"startDate": self.date(90), "endDate": self.date(90 + 30 * self.months)},
            **rest,
        }


def _releases(process: _Process) -> Iterator[Json]:
    budget = {"description": "示例市财政资金", "amount": _money(process.ceiling)}
    yield process.release(0, "planning", planning={"rationale": f"{process.title}招标计划", "budget": budget})
    yield process.release(30, "tender", tender=process.tender(51))
    if process.number % 4 == 0:
        # An answer to a question moved the deadline: the second version of one tender.
        yield process.release(45, "tenderAmendment", tender=process.tender(58))
    # Bids appear only once they are opened.
    tenderers = [{**bidder, "roles": ["tenderer"]} for bidder in process.bidders]
    opened = process.tender(58, status="complete", numberOfTenderers=len(tenderers))
    yield process.release(58, "tenderUpdate", *tenderers, tender=opened, bids=process.bids(58))
    supplier = {**process.winner, "roles": ["tenderer", "supplier"]}
    yield process.release(63, "award", supplier, awards=[process.award(63)])
    yield process.release(80, "contract", contracts=[process.contract(80)])
    # The contract itself is said again and has not changed: no new version of it.
    paid = {"id": "1", "date": process.date(110), "value": _money(process.price // 10)}
    performed = process.contract(80, implementation={"transactions": [paid]})
    yield process.release(110, "implementation", contracts=[performed])


def _organisation(name: str, number: int) -> Json:
    code = credit_code(number)
    identifier = {"scheme": _SCHEME, "id": code, "legalName": name}
    return {"id": f"{_SCHEME}-{code}", "name": name, "identifier": identifier}


def _reference(organisation: Json) -> Json:
    return {"id": organisation["id"], "name": organisation["name"]}


def _money(fen: int) -> Json:
    # Marked, because `json` writes decimals as floats only, and those do not keep the fen.
    return {"amount": f"@{fen // 100}.{fen % 100:02d}@", "currency": "CNY"}


def _package(releases: list[Json]) -> Json:
    return {
        "uri": f"https://sample.invalid/{releases[0]['ocid']}.json",
        "version": "1.1",
        "publishedDate": releases[-1]["date"],
        "publisher": {"name": "示例市公共资源交易中心"},
        "releases": releases,
    }


def _write(path: Path, package: Json) -> Path:
    text = json.dumps(package, ensure_ascii=False, indent=1)
    path.write_text(_AMOUNT.sub(r"\1", text) + "\n", encoding="utf-8")
    return path


# Written by hand: no JSON library would write some of this. Each fault costs the piece it is in; the tender
# of the first release and the second award are sound.
_FAULTY = """\
{"uri": "https://sample.invalid/with-faults.json", "version": "1.1",
 "publisher": {"name": "示例市公共资源交易中心"},
 "releases": [
  {"ocid": "ocds-213czf-sample-900001", "id": "900001-1",
   "date": "2026-03-02T09:00:00+08:00", "tag": ["award"],
   "tender": {"id": "SL-900001-01", "title": "含有错误的示例项目", "status": "complete"},
   "awards": [
    {"id": "ZB-900001", "title": "金额不是数", "value": {"amount": NaN, "currency": "CNY"}},
    {"id": "ZB-900002", "title": "没有错误", "value": {"amount": 1.5e6, "currency": "CNY"}},
    {"id": "ZB-900003", "title": "两个状态", "status": "active", "status": "cancelled"},
    {"id": "ZB-900004", "title": "没有这一天", "date": "2026-02-30"},
    {"title": "没有编号"}]},
  {"id": "900002-1", "date": "2026-03-02T09:00:00+08:00", "tag": ["tender"],
   "tender": {"id": "SL-900002-01", "title": "没有 ocid"}}
 ]}
"""
