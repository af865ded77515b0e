"""What a mandate allows, over all grants; and what is no mandate."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.document import sign_document
from node.domain.grant import Grant, Scope
from node.domain.mandate import (
    MAX_TERM_SECONDS,
    Mandate,
    Power,
    authority_of,
    check_grant_within,
    check_mandate,
    check_power,
    open_mandate,
)
from node.errors import (
    DeniedError,
    DocumentFormatError,
    GrantExpiredError,
    GrantScopeError,
    SignatureError,
    UnknownCallerError,
)
from tests.vectors import mandate_vectors
from tests.vectors.world import ALLIANCE, NOW, SUBJECT, WALLET

FIELDS = ("bank_account", "credit_code", "legal_name")
MANDATE = msgspec.structs.replace(
    mandate_vectors.mandate(), scope=(Scope("subject.base", FIELDS, 2), Scope("subject.credit", ("x",)))
)
GRANT = msgspec.structs.replace(mandate_vectors.grant(), scope=(Scope("subject.base", FIELDS, 2),))

scopes = st.lists(
    st.builds(
        Scope,
        st.sampled_from(["subject.base", "subject.credit", "subject.qualification"]),
        st.sets(st.sampled_from([*FIELDS, "x", "y"]), min_size=1).map(lambda names: tuple(sorted(names))),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=2,
    unique_by=lambda part: part.category,
).map(lambda parts: tuple(sorted(parts, key=lambda part: part.category)))


@given(
    scopes,
    st.integers(1, 9),
    st.sampled_from([MANDATE.receivers[0], "shanghai"]),
    st.sampled_from([-400, 0, 100]),
    st.sampled_from([-1, 0, 1]),
)
def test_a_grant_is_within_a_mandate_exactly_if_it_asks_for_nothing_more(
    scope: tuple[Scope, ...], uses: int, receiver: str, begins: int, ends: int
) -> None:
    grant = msgspec.structs.replace(
        GRANT, scope=scope, uses=uses, aud=(receiver,), nbf=MANDATE.nbf + begins, exp=MANDATE.exp + ends
    )
    most = {part.category: part for part in MANDATE.scope}
    may = (
        uses <= MANDATE.uses
        and receiver in MANDATE.receivers
        and begins >= -300
        and ends <= 0
        and all(
            part.category in most
            and set(part.fields) <= set(most[part.category].fields)
            and part.least_version >= most[part.category].least_version
            for part in scope
        )
    )
    if may:
        check_grant_within(grant, MANDATE)
    else:
        with pytest.raises((GrantScopeError, GrantExpiredError)):
            check_grant_within(grant, MANDATE)


@given(
    st.sets(st.sampled_from(sorted(Power, key=lambda one: one.value))),
    st.sampled_from(Power),
    st.integers(-400, 400),
)
def test_a_power_counts_exactly_if_it_is_named_and_in_its_term(
    named: set[Power], wanted: Power, offset: int
) -> None:
    mandate = msgspec.structs.replace(MANDATE, powers=tuple(sorted(one.value for one in named)))
    for at, is_in_term in ((MANDATE.nbf + offset, offset >= -300), (MANDATE.exp + offset, offset < 0)):
        try:
            check_power(mandate, wanted, subject=SUBJECT, alliance=ALLIANCE, at=at)
            allowed = True
        except DeniedError:
            allowed = False
        assert allowed == (wanted in named and is_in_term)


def test_a_mandate_is_for_its_subject_and_alliance() -> None:
    for subject, alliance in (("ab" * 32, ALLIANCE), (SUBJECT, "ab" * 32)):
        with pytest.raises(UnknownCallerError):
            check_power(MANDATE, Power.GRANT, subject=subject, alliance=alliance, at=NOW)
    for change in ({"iss": "ab" * 32}, {"alliance": "ab" * 32}, {"key": "ab" * 64}):
        with pytest.raises(UnknownCallerError):
            check_grant_within(msgspec.structs.replace(GRANT, **change), MANDATE)


BAD: list[dict[str, Any]] = [
    {"form": "friend"},
    {"form": "agency"},
    {"form": "branch"},
    {"form": "joint-bid"},
    {"powers": ()},
    {"powers": ("look", "grant")},
    {"powers": ("everything",)},
    {"powers": ("look",)},
    {"scope": ()},
    {"scope": (Scope("trade.bid", ("x",)),)},
    {"uses": 0},
    {"receivers": ("b", "a")},
    {"receivers": tuple(f"m{n:03}" for n in range(65))},
    {"purposes": ("x", "x")},
    {"agent": "ab" * 32},
    {"agent_key": ""},
    {"agent_key": MANDATE.key},
    {"agent_name": "a\nb"},
    {"agreement": "ab" * 32},
    {"principal_code": "91110000600037341L"},
    {"exp": MANDATE.nbf},
    {"exp": MANDATE.nbf + MAX_TERM_SECONDS + 1},
    {"register_before": MANDATE.iat - 1},
    {"register_before": MANDATE.exp + 1},
]


@pytest.mark.parametrize("changes", BAD, ids=str)
def test_what_breaks_a_rule_is_no_mandate(changes: dict[str, Any]) -> None:
    check_mandate(MANDATE)
    bad = msgspec.structs.replace(MANDATE, **changes)
    with pytest.raises(DocumentFormatError):
        check_mandate(bad)
    with pytest.raises(DocumentFormatError):
        open_mandate(sign_document(bad, WALLET.sign))


@pytest.mark.parametrize("codes", [("", ""), ("91110000600037341L",) * 2, ("91110000600037341L", "x")])
def test_a_branch_and_its_parent_have_codes_of_their_own(codes: tuple[str, str]) -> None:
    good = mandate_vectors.confirmation()
    check_mandate(good)
    with pytest.raises(DocumentFormatError):
        check_mandate(msgspec.structs.replace(good, principal_code=codes[0], agent_code=codes[1]))


def test_whose_authority_a_grant_rests_on() -> None:
    own = authority_of(
        sign_document(msgspec.structs.replace(GRANT, mandate="", key=WALLET.public.hex()), WALLET.sign)
    )
    assert (own.key, own.mandate) == (WALLET.public.hex(), None)
    under = authority_of(mandate_vectors.grant_token())
    assert under.key == WALLET.public.hex()
    assert isinstance(under.mandate, Mandate)
    assert len(under.mandate_id(bytes.fromhex(ALLIANCE))) == 32


def test_a_mandate_by_another_key_than_it_names_is_none() -> None:
    forged = sign_document(MANDATE, mandate_vectors.attorney().sign)
    with pytest.raises(SignatureError):
        open_mandate(forged)
    grant = msgspec.structs.replace(GRANT, mandate=forged)
    with pytest.raises(SignatureError):
        authority_of(sign_document(grant, mandate_vectors.attorney().sign))


def test_a_grant_without_a_mandate_is_written_as_before() -> None:
    plain = msgspec.structs.replace(GRANT, mandate="")
    assert "mandate" not in msgspec.to_builtins(plain)
    assert isinstance(plain, Grant)
