import hashlib
import json

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from node.domain.descriptor import (
    CONTRACTS,
    AllianceFile,
    descriptor_digest,
    founders_of,
    known_members,
    open_alliance_file,
    open_card,
    parse_alliance_file,
)
from node.domain.document import sign_document
from node.domain.encoding import canonical_json
from node.domain.member import Member, Role
from node.errors import DescriptorError
from tests.unit.domain.mutation import refuses_or_returns, spoilt_bytes, spoilt_json, spoilt_text
from tests.vectors import authority, world
from tests.vectors.keys import log_key, p256
from tests.vectors.signing import jws, members
from tests.vectors.world import CENTRES, HOME, NOW, READER, THIRD, card, card_token, identity

RAW, DESCRIPTOR = world.alliance_file(), world.descriptor()
PLAIN = json.loads(RAW)
CARD_HEADER = {"alg": "ES256", "typ": "heqi-member-card+jwt"}


def signed(descriptor, *by):
    """An alliance file of this descriptor, signed by these founders' own keys."""
    signatures = {member: world.descriptor_signature(member, descriptor) for member in by or CENTRES}
    return world.readable(AllianceFile(descriptor, signatures))


def newcomer(name="centre-d", key=None, **changes):
    """Card of somebody admitted later."""
    key = key or p256(f"{name} identity")
    changed = replace(card(HOME), iss=name, identity_key=key.public.hex(), **changes)
    return sign_document(changed, key.sign)


def test_card_opens_to_its_member():
    assert open_card(card_token(HOME)) == Member(
        name=HOME,
        roles=Role.CENTRE,
        account=bytes.fromhex(card(HOME).account),
        identity_key=identity(HOME).public,
        log_key=log_key(f"{HOME} log").public,
        sealing_key=bytes.fromhex(card(HOME).sealing_key),
        endpoint="centre-a.example:7401",
        wallet_endpoint="centre-a.example:7402",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "Centre"},
        {"iss": "a" * 32},
        {"roles": 0},
        {"roles": 8},
        {"roles": -1},
        {"account": "00" * 19},
        {"log_key": "00" * 32 + "\n"},
        {"sealing_key": "zz" * 32},
        {"identity_key": "00" * 64},
        {"endpoint": "a b"},
        {"endpoint": "a\n"},
        {"endpoint": "x" * 256},
        {"wallet_endpoint": "\x1b[2J"},
        {"alliance": world.ALLIANCE},
        {"iat": -1},
        {"remark": "x"},
    ],
)
def test_card_with_a_malformed_member_is_refused(changes):
    payload = canonical_json({**members(card(HOME)), **changes})
    with pytest.raises(DescriptorError, match="card"):
        open_card(jws(CARD_HEADER, payload, identity(HOME)))


def test_card_signed_by_another_key_than_it_names_is_refused():
    with pytest.raises(DescriptorError):
        open_card(sign_document(card(HOME), identity(READER).sign))


@given(st.text() | spoilt_text(card_token(HOME)))
def test_text_is_a_card_or_refused(text):
    opened = refuses_or_returns(lambda: open_card(text), DescriptorError)
    assert opened is None or text == card_token(HOME)


@given(spoilt_json(members(card(HOME))))
def test_signed_nonsense_is_no_card(payload):
    token = jws(CARD_HEADER, canonical_json(payload), identity(HOME))
    refuses_or_returns(lambda: open_card(token), DescriptorError)


def test_file_that_all_founders_signed_opens():
    assert open_alliance_file(RAW) == DESCRIPTOR
    assert list(founders_of(DESCRIPTOR)) == list(CENTRES)


def test_layout_of_the_file_does_not_matter():
    for layout in (
        json.dumps(PLAIN),
        json.dumps(PLAIN, indent=8, sort_keys=True),
        json.dumps(PLAIN) + "\r\n",
    ):
        assert open_alliance_file(layout.encode()) == DESCRIPTOR


def test_digest_is_over_the_canonical_form():
    plain = json.loads(RAW)["descriptor"]
    assert descriptor_digest(DESCRIPTOR) == hashlib.sha256(rfc8785.dumps(plain)).hexdigest()


def test_file_without_a_founders_signature_is_refused():
    with pytest.raises(DescriptorError, match=f"not yet signed by {READER}"):
        open_alliance_file(signed(DESCRIPTOR, HOME, THIRD))


def test_signature_of_somebody_else_on_the_file_is_refused():
    file = parse_alliance_file(RAW)
    extra = {**file.signatures, "centre-x": file.signatures[HOME]}
    with pytest.raises(DescriptorError, match="no founder"):
        open_alliance_file(world.readable(replace(file, signatures=extra)))


def test_one_founder_cannot_sign_for_another():
    file = parse_alliance_file(RAW)
    for stolen in (file.signatures[HOME], world.card_token(READER)):
        with pytest.raises(DescriptorError, match=f"signature of {READER}"):
            open_alliance_file(world.readable(replace(file, signatures={**file.signatures, READER: stolen})))


@pytest.mark.parametrize("changes", [{"iss": HOME}, {"descriptor": "00" * 32}, {"alliance": "00" * 32}])
def test_signature_over_something_else_is_refused(changes):
    file = parse_alliance_file(RAW)
    says = {
        "alliance": world.ALLIANCE,
        "iat": NOW,
        "jti": "A" * 22,
        "iss": READER,
        "descriptor": descriptor_digest(DESCRIPTOR),
    }
    header = {"alg": "ES256", "typ": "heqi-alliance+jwt"}
    for payload, is_right in ((says, True), ({**says, **changes}, False)):
        token = jws(header, canonical_json(payload), identity(READER))
        raw = world.readable(replace(file, signatures={**file.signatures, READER: token}))
        if is_right:
            assert open_alliance_file(raw)
        else:
            with pytest.raises(DescriptorError, match="another descriptor"):
                open_alliance_file(raw)


OTHER_VALUES = {
    "type": "heqi.alliance.v1",
    "alliance": "00" * 32,
    "name": "其他联盟",
    "created": NOW + 1,
    "chain_id": 1,
    "genesis_hash": "00" * 32,
    "deployed_block": 2,
    "contracts": {name: {"address": "00" * 20, "code_hash": "00" * 32} for name in CONTRACTS},
    "founders": [card_token(HOME)],
    "trust_anchors": [],
}


@pytest.mark.parametrize("member", msgspec.to_builtins(DESCRIPTOR))
def test_no_part_of_the_descriptor_changes_under_its_signatures(member):
    plain = {**PLAIN, "descriptor": {**PLAIN["descriptor"], member: OTHER_VALUES[member]}}
    with pytest.raises(DescriptorError):
        open_alliance_file(json.dumps(plain).encode())


@pytest.mark.parametrize(
    "changes",
    [
        {"chain_id": 0},
        {"chain_id": -1},
        {"created": -1},
        {"deployed_block": -1},
        {"contracts": {name: c for name, c in DESCRIPTOR.contracts.items() if name != "Grants"}},
        {"contracts": {**DESCRIPTOR.contracts, "合约": DESCRIPTOR.contracts["Grants"]}},
        {"contracts": {**DESCRIPTOR.contracts, "a b": DESCRIPTOR.contracts["Grants"]}},
        {"alliance": "AB" * 32},
        {"genesis_hash": "0x" + "00" * 31},
        {"founders": ()},
        {"founders": DESCRIPTOR.founders[::-1]},
        {"founders": (*DESCRIPTOR.founders, DESCRIPTOR.founders[-1])},
        {"founders": (*DESCRIPTOR.founders, "card")},
        {"trust_anchors": (replace(authority.anchor(), certificate="x"),)},
        {"trust_anchors": (authority.anchor(authority.bidder()),)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_malformed_descriptor_is_refused_though_all_signed_it(changes):
    with pytest.raises(DescriptorError):
        open_alliance_file(signed(replace(DESCRIPTOR, **changes)))


def test_contracts_of_a_later_version_are_allowed():
    more = replace(
        DESCRIPTOR, contracts={**DESCRIPTOR.contracts, "Guarantees": DESCRIPTOR.contracts["Grants"]}
    )
    assert open_alliance_file(signed(more)).contracts.keys() == CONTRACTS | {"Guarantees"}


@pytest.mark.parametrize(
    "raw",
    [
        RAW.replace(b'"chain_id": 20260301', b'"chain_id": 20260301.0'),
        RAW.replace(b'"chain_id": 20260301', b'"chain_id": 1' + b"0" * 40),
        RAW.replace(b'"chain_id": 20260301', b'"chain_id": 1, "chain_id": 20260301'),
        RAW.replace(b'"type"', b'"remark": 1, "type"', 1),
        b"[" * 100_000,
        b"null",
        b"",
    ],
)
def test_file_with_two_meanings_is_refused(raw):
    assert raw != RAW
    with pytest.raises(DescriptorError):
        open_alliance_file(raw)


@given(st.binary() | spoilt_bytes(RAW))
def test_bytes_are_the_descriptor_or_refused(raw):
    opened = refuses_or_returns(lambda: open_alliance_file(raw), DescriptorError)
    assert opened is None or opened == DESCRIPTOR


@given(spoilt_json(PLAIN))
def test_changed_file_is_the_same_descriptor_or_refused(plain):
    opened = refuses_or_returns(lambda: open_alliance_file(json.dumps(plain).encode()), DescriptorError)
    assert opened is None or opened == DESCRIPTOR


def test_members_admitted_later_are_known_by_their_cards():
    known = known_members(DESCRIPTOR, [newcomer(), newcomer()])
    assert list(known) == [*CENTRES, "centre-d"]
    assert known["centre-d"] == open_card(newcomer())


def test_card_cannot_replace_a_founder_or_another_card():
    with pytest.raises(DescriptorError, match="other keys"):
        known_members(DESCRIPTOR, [newcomer(HOME, p256("thief"))])
    with pytest.raises(DescriptorError, match="other keys"):
        known_members(DESCRIPTOR, [newcomer(HOME, identity(HOME), log_key="11" * 32)])
    with pytest.raises(DescriptorError, match="other keys"):
        known_members(DESCRIPTOR, [newcomer(), newcomer(key=p256("thief"))])


def test_founders_own_card_changes_nothing():
    moved = newcomer(HOME, identity(HOME), endpoint="elsewhere:1")
    assert known_members(DESCRIPTOR, [card_token(HOME), moved]) == founders_of(DESCRIPTOR)
