"""The table of methods and callers: complete, and enforced for every method and every kind of caller."""

import importlib
import pkgutil

import grpc_health.v1.health_pb2
import grpc_reflection.v1alpha.reflection_pb2
import heqi.v1 as generated
import pytest

from node.api.authority import (
    ANYBODY,
    MEMBER,
    OFFICER,
    OPERATOR,
    RULES,
    SUPERVISOR,
    SYSTEMS,
    WALLET,
    WRITER,
    Party,
)
from node.domain.duties import is_allowed
from node.domain.member import Standing
from node.endpoints import MEMBERS, WALLETS

MEMBER_SERVICES, WALLET_SERVICES = ({one.name for one in table} for table in (MEMBERS, WALLETS))
_OTHERS = (
    grpc_health.v1.health_pb2.DESCRIPTOR,
    grpc_reflection.v1alpha.reflection_pb2.DESCRIPTOR,
)


def _files():
    for module in pkgutil.iter_modules(generated.__path__):
        if module.name.endswith("_pb2"):
            yield importlib.import_module(f"heqi.v1.{module.name}").DESCRIPTOR
    yield from _OTHERS


METHODS = {
    f"/{service.full_name}/{method.name}": service.full_name
    for file in _files()
    for service in file.services_by_name.values()
    for method in service.methods
}


def test_the_descriptors_are_found():
    assert len(METHODS) > 40
    assert {*MEMBER_SERVICES, *WALLET_SERVICES} <= set(METHODS.values())


def test_every_method_of_every_service_stands_in_the_table_and_nothing_else():
    assert set(RULES) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_for_those_whom_its_listener_serves(method):
    service, who = METHODS[method], RULES[method].who
    assert who, "a method that nobody may call has no place in a service"
    if service in WALLET_SERVICES:
        assert who == WALLET
    elif service in MEMBER_SERVICES:
        assert not who & WALLET
        assert who == MEMBER or who in SYSTEMS, "members and own systems share no method"
    else:
        assert who == ANYBODY


def test_the_operator_may_do_whatever_any_system_may_but_sign_for_an_officer():
    without = {method for method, rule in RULES.items() if rule.who & SYSTEMS and OPERATOR not in rule.who}
    assert without == {method for method, rule in RULES.items() if rule.who == OFFICER}
    assert {method.split("/")[1] for method in without} == {"heqi.v1.LegalService"}


def test_only_operators_change_what_others_rely_on():
    changing = ("Issue", "Revoke", "Cast", "Propose", "Release", "Drop", "Refuse", "Assess", "Settle")
    for method, rule in RULES.items():
        if method.rpartition("/")[2].startswith(changing) and rule.who & SYSTEMS:
            assert rule.who == OPERATOR, method


def test_a_supervisor_changes_nothing_and_sees_no_record():
    allowed = {method.rpartition("/")[2] for method, rule in RULES.items() if SUPERVISOR in rule.who}
    assert allowed - {"Check", "List", "Watch", "ServerReflectionInfo"} == {
        "GetNodeStatus", "ListMembers", "ListProposals", "ListCertificates", "ListActs", "ProveAct",
        "GetLogStatus", "ListAlarms", "GetDiagnosis", "ListAuthorities", "ListContracts", "ListKeys",
        "ListErasures", "GetErasure", "ListNotices", "ListDefinitions",
        "ListCalendar",
    }  # fmt: skip


def test_a_writer_reads_no_record():
    allowed = {m for m, rule in RULES.items() if WRITER in rule.who and rule.who != ANYBODY}
    assert {method.rpartition("/")[2] for method in allowed} == {
        "AppendRecords", "GetLastSequence", "ListParkedRecords", "GetNodeStatus", "ListMembers", "Watch",
        "CheckGuarantee", "CheckGuaranteeFile", "TakeGuaranteeFile",
        "CreateLogin", "GetLogin", "WatchLogin", "VerifySignature", "ListAuthorities",
        "ListDefinitions", "ListCalendar", "OpenTender", "ListOpenings", "RevealGuarantees", "ConfirmFee",
    }  # fmt: skip


def test_all_parties_are_in_use():
    used = Party(0)
    for rule in RULES.values():
        used |= rule.who
    assert used == ~Party(0)


def test_members_at_rest_call_nothing_but_what_their_duties_take():
    """Steps of guarantees, and what the opening of an announced tender takes."""
    found = {method.rpartition("/")[2]: rule for method, rule in RULES.items() if rule.duty is not None}
    assert set(found) == {"LodgeGuaranteeStep", "ReleaseShares", "SignIssue"}
    for rule in found.values():
        assert MEMBER in rule.who
        assert all(is_allowed(rule.duty, standing) for standing in Standing)
