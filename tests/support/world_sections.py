"""A section's records as a trading system hands them in: section, bids, opening, award, contract, payments."""

from typing import Any, Protocol

from node.domain.encoding import to_rfc3339
from node.wiring import Services
from tests.support.world_records import incoming

SECTION = "GC-2026-001-1"


class HasServices(Protocol):
    """A node of a world or of a network."""

    @property
    def services(self) -> Services: ...


class SectionRecords:
    """Hands records of one section in at a centre, one message each; a thing handed in again is a new version."""

    def __init__(self, centre: HasServices, section: str = SECTION, client: str = "etrading") -> None:
        self.centre, self.section, self.client = centre, section, client

    def add(self, category: str, thing: str, **fields: Any) -> int:
        """One record; its position."""
        about = {"category": category, "fields": _frozen({"section_code": self.section, **fields})}
        sequence = self.centre.services.records.last_sequence(self.client) + 1
        accepted = self.centre.services.records.append(
            self.client, sequence, [incoming(f"{self.section}:{thing}", **about)]
        )
        assert accepted.parked == 0, [row.message for _, row in self.centre.services.parking.rows()]
        return accepted.first

    def planned(self, estimate: str = "5000000.00", **fields: Any) -> int:
        """502."""
        return self.add(
            "trade.section",
            "section",
            tender_project_code="GC-2026-001",
            section_name="虚构路道路改造工程一标段",
            estimate_amount=estimate,
            estimate_currency="CNY",
            **fields,
        )

    def tendered(self, entity: str, thing: str = "tender", **fields: Any) -> int:
        """500."""
        return self.add("trade.tender", thing, procuring_entity_name=entity, **fields)

    def bid(self, code: str, name: str, **fields: Any) -> int:
        """507."""
        values = {"status": "valid", "tenderers": [{"id": f"CN-USCC-{code}", "name": name}], **fields}
        return self.add("trade.bid", f"bid/{code or name}", **values)

    def opened(self, seconds: float, count: int = 1) -> int:
        """506."""
        return self.add(
            "trade.opening",
            "opening",
            opening_time=to_rfc3339(seconds),
            bidder_count=count,
        )

    def contracted(self, code: str, name: str, signed: str, thing: str = "contract", **fields: Any) -> int:
        """512."""
        values = {
            "status": "active",
            "date_signed": signed,
            "value_amount": "4800000.00",
            "value_currency": "CNY",
            "buyer_name": "虚构区住房和城乡建设局",
            "suppliers": [{"id": f"CN-USCC-{code}", "name": name}],
            **fields,
        }
        return self.add("trade.contract", thing, **values)

    def performed(self, thing: str = "performance", **fields: Any) -> int:
        """522."""
        return self.add("trade.performance", thing, **fields)


def _frozen(value: Any) -> Any:
    """As a draft takes it: lists are tuples."""
    if isinstance(value, dict):
        return {key: _frozen(one) for key, one in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
