import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.member import (
    Member,
    Role,
    check_member_name,
    member_name_from_bytes32,
    member_name_to_bytes32,
)
from node.errors import CodeFormatError

SOUND = {
    "name": "centre-a",
    "roles": Role.CENTRE,
    "account": bytes(20),
    "identity_key": bytes(64),
    "log_key": bytes(32),
    "sealing_key": bytes(32),
    "endpoint": "a:1",
    "wallet_endpoint": "a:2",
}


@given(st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True))
def test_name_survives_the_ledger(name):
    raw = member_name_to_bytes32(name)
    assert len(raw) == 32
    assert member_name_from_bytes32(raw) == name


@pytest.mark.parametrize("name", ["", "1a", "-a", "A", "a_b", "a b", "a\n", "é", "a" * 32, "a\0"])
def test_name_of_another_form_is_refused(name):
    with pytest.raises(CodeFormatError):
        check_member_name(name)


@pytest.mark.parametrize(
    "raw",
    [b"", bytes(32), b"a\0b".ljust(32, b"\0"), b"a".ljust(31, b"\0"), b"a".ljust(33, b"\0"), b"\xff" * 32],
)
def test_bytes_that_are_no_padded_name_are_refused(raw):
    with pytest.raises(CodeFormatError):
        member_name_from_bytes32(raw)


@given(st.binary(max_size=40))
def test_bytes_from_the_ledger_give_a_name_or_a_refusal(raw):
    try:
        name = member_name_from_bytes32(raw)
    except CodeFormatError:
        return
    assert member_name_to_bytes32(name) == raw


@pytest.mark.parametrize("field", ["account", "identity_key", "log_key", "sealing_key"])
def test_key_of_another_length_is_refused(field):
    assert Member(**SOUND)
    with pytest.raises(CodeFormatError, match=field):
        Member(**{**SOUND, field: SOUND[field] + b"\0"})
