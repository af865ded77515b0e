"""The record that is measured: 15 fields, about 840 bytes as JSON."""

import msgspec
from heqi.v1 import record_pb2, record_service_pb2

MESSAGE_RECORDS = 500
FIELDS = {
    "title": "虚构路道路改造工程施工第二标段",
    "section_code": "A04-350200-00000123-001-002",
    "description": "路基、路面、排水、照明、绿化及交通安全设施的施工，长度 2.4 公里；详见招标文件第三章。"
    * 2,
    "region_code": "350200",
    "buyer_name": "示例市虚构区住房和城乡建设局",
    "buyer_code": "11990100000000001Q",
    "value_amount": "28000000.00",
    "value_currency": "CNY",
    "status": "active",
    "contract_period_start": "2026-01-05T09:00:00+08:00",
    "contract_period_end": "2026-02-05T09:00:00+08:00",
    "date": "2025-12-28T09:00:00+08:00",
    "platform_code": "11990100000000001Q",
    "language": "zh",
    "documents": "3",
}


def message(
    client: str, sequence: int, count: int = MESSAGE_RECORDS
) -> record_service_pb2.AppendRecordsRequest:
    """One message of an append stream; every record is about another thing."""
    fields = [
        record_pb2.NamedValue(name=name, value=record_pb2.Value(text=value)) for name, value in FIELDS.items()
    ]
    first = (sequence - 1) * count
    records = [
        record_pb2.Record(
            category="trade.award",
            thing=f"ocds-213czf-{client}-{first + n:08d}/awards/1",
            source_system="bench",
            source_version="1",
            occurred="2026-01-05T09:00:00+08:00",
            fields=fields,
            project=f"ocds-213czf-{client}-{first + n:08d}",
        )
        for n in range(count)
    ]
    return record_service_pb2.AppendRecordsRequest(client_id=client, sequence=sequence, records=records)


JSON_BYTES = len(msgspec.json.encode(FIELDS))
