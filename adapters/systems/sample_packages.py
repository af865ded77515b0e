"""Complete registration documents of invented companies, for the demo, for tests, and to try things out with.

Every document is as the shipped definition of its category wants it; a change to None leaves a field out.
"""

from node.domain.wallet import PackageRecord

Fields = dict[str, object]


def base_document(legal_name: str, credit_code: str, /, **changes: object) -> PackageRecord:
    """`subject.base`, as thing `base`."""
    fields: Fields = {
        "legal_name": legal_name,
        "legal_category": "1",
        "credit_code": credit_code,
        "legal_role": "投标人",
        "licence_number": "999999000000001",
        "licence_end_date": "2036-12-31",
        "legal_representative": "示例人张三",
        "legal_type": "1",
        "country_region": "CHN",
        "region_code": "999999",
        "registered_capital": "50000000.00",
        "registered_capital_currency": "CNY",
        "bank_account": "0000 1111 2222 3333",
        "contact_name": "示例人李四",
        "contact_phone": "000-00000000",
        "status": "1",
        **changes,
    }
    return PackageRecord("subject.base", "base", _stated(fields))


def qualification_document(
    credit_code: str, number: str = "D199999999", /, **changes: object
) -> PackageRecord:
    """`subject.qualification`; the thing is the certificate's number."""
    fields: Fields = {
        "credit_code": credit_code,
        "qualification_name": "建筑工程施工总承包",
        "qualification_type": "A01001",
        "level": "一级",
        "certificate_number": number,
        "end_date": "2029-06-30",
        **changes,
    }
    return PackageRecord("subject.qualification", number, _stated(fields))


def performance_document(credit_code: str, number: str = "0001", /, **changes: object) -> PackageRecord:
    """`subject.performance`, of one contract."""
    project = f"A01999999{number[-8:]:0>8}"
    fields: Fields = {
        "credit_code": credit_code,
        "tender_project_code": project + "001",
        "tender_project_name": "虚构路道路改造工程",
        "section_code": project + "001001",
        "section_name": "虚构路道路改造工程第一标段",
        "tenderer_code": "11990100000000001Q",
        "tenderer_name": "示例市虚构区住房和城乡建设局",
        "trade_type": "A01",
        "bid_amount": "28000000.00",
        "bid_currency": "CNY",
        "sign_date": "2024-03-01",
        **changes,
    }
    return PackageRecord("subject.performance", number, _stated(fields))


def personnel_document(unit_code: str, number: str = "person-1", /, **changes: object) -> PackageRecord:
    """`subject.personnel`, of an invented person."""
    fields: Fields = {
        "person_name": "示例人王五",
        "id_type": "01",
        "id_number": "999999199001019999",
        "gender": "1",
        "birthdate": "1990-01-01",
        "region_code": "999999",
        "education": "本科",
        "phone": "000-00000001",
        "unit_code": unit_code,
        "unit_name": "虚构建设有限公司",
        "on_job": True,
        "job": "项目经理",
        "technical_title": "高级工程师",
        "work_start_date": "2012-07-01",
        "qualifications": [
            {
                "qualification_name": "一级建造师",
                "qualification_type": "B01001",
                "certificate_number": "J999999",
                "end_date": "2028-12-31",
            }
        ],
        **changes,
    }
    return PackageRecord("subject.personnel", number, _stated(fields))


def _stated(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if value is not None}
