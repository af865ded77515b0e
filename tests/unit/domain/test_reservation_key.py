"""One-time keys of reservations: what they sign, what only looks like it, and that cover looks the same."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.ledger.calls import reservation_rows
from node.domain.ledger_ids import Eip712Domain
from node.domain.reservation_key import (
    KEY_MATERIAL_BYTES,
    cover_key,
    is_reservation_signed,
    reservation_key,
)
from node.domain.sealing import SignedReservation

PLACE = Eip712Domain(7, b"\3" * 20, b"\4" * 32)
WORDS = st.binary(min_size=32, max_size=32)
BINDINGS = WORDS.filter(any)
CODES = st.text("abcXYZ019-_", min_size=1, max_size=43)


@given(CODES, st.integers(0, 15), BINDINGS)
def test_a_key_of_a_code_binds_its_nullifier_always_by_the_same_bytes(
    code: str, generation: int, binding: bytes
) -> None:
    one = reservation_key(code, generation).sign(PLACE, binding)
    assert is_reservation_signed(PLACE, one)
    assert reservation_key(code, generation).sign(PLACE, binding) == one


@given(CODES, CODES, st.integers(0, 15), st.integers(0, 15))
def test_nullifiers_are_one_for_each_code_and_count(one: str, other: str, at: int, there: int) -> None:
    is_same = (one, at) == (other, there)
    assert (reservation_key(one, at).nullifier == reservation_key(other, there).nullifier) == is_same


@given(BINDINGS, st.data())
def test_no_altered_byte_is_signed(binding: bytes, data: st.DataObject) -> None:
    one = reservation_key("code", 0).sign(PLACE, binding)
    name = data.draw(st.sampled_from(["nullifier", "binding", "signature"]))
    raw = bytearray(getattr(one, name))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert not is_reservation_signed(PLACE, replace(one, **{name: bytes(raw)}))


@given(WORDS, WORDS, st.binary(max_size=80))
def test_rubbish_is_refused_and_raises_nothing(nullifier: bytes, binding: bytes, signature: bytes) -> None:
    assert not is_reservation_signed(PLACE, SignedReservation(nullifier, binding, signature))
    assert not is_reservation_signed(PLACE, SignedReservation(bytes(32), binding, bytes(64)))


@given(st.binary(min_size=KEY_MATERIAL_BYTES, max_size=KEY_MATERIAL_BYTES), BINDINGS)
def test_cover_has_the_form_and_the_size_of_what_it_covers(material: bytes, binding: bytes) -> None:
    real, cover = reservation_key("code", 0).sign(PLACE, binding), cover_key(material).sign(PLACE, binding)
    for one in (real, cover):
        assert is_reservation_signed(PLACE, one)
        assert one.nullifier[:12] == bytes(12)
        assert [len(word) for word in reservation_rows([one])[0]] == [32] * 4
