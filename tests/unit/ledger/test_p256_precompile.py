"""EIP-7951 at 0x100."""

import hashlib
import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from adapters.ledger.p256 import is_p256_signature
from tests.support.embedded_chains import Bench
from tests.support.ledgers import P256_ORDER

# Source: RFC 6979 A.2.5, P-256, SHA-256, message "sample"
KEY_X = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
KEY_Y = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
SIGNATURE_R = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
SIGNATURE_S = "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
VALID = hashlib.sha256(b"sample").digest() + bytes.fromhex(SIGNATURE_R + SIGNATURE_S + KEY_X + KEY_Y)


def random_input() -> bytes:
    key, message = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(20)
    r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    numbers = key.public_key().public_numbers()
    return hashlib.sha256(message).digest() + b"".join(
        number.to_bytes(32, "big") for number in (r, s, numbers.x, numbers.y)
    )


def test_published_and_random_signatures_pass() -> None:
    assert is_p256_signature(VALID)
    assert all(is_p256_signature(random_input()) for _ in range(20))


def test_s_passes_in_both_halves() -> None:
    s = int.from_bytes(VALID[64:96], "big")
    assert is_p256_signature(VALID[:64] + (P256_ORDER - s).to_bytes(32, "big") + VALID[96:])


@pytest.mark.parametrize("at", range(0, 160, 7))
def test_any_changed_bit_is_refused(at: int) -> None:
    changed = bytearray(VALID)
    changed[at] ^= 1
    assert not is_p256_signature(bytes(changed))


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        VALID[:-1],
        VALID + b"\0",
        VALID[:32] + bytes(32) + VALID[64:],
        VALID[:64] + bytes(32) + VALID[96:],
        VALID[:32] + P256_ORDER.to_bytes(32, "big") + VALID[64:],
        VALID[:96] + bytes(64),
        VALID[:96] + b"\xff" * 64,
    ],
)
def test_malformed_input_is_no_signature(malformed: bytes) -> None:
    assert not is_p256_signature(malformed)


def test_the_precompile_answers_one_or_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    call = {"to": "0x" + "00" * 18 + "0100"}
    assert int(bench.call("eth_call", call | {"data": "0x" + VALID.hex()}), 16) == 1
    for wrong in (VALID[:-1], bytes(160), b""):
        assert bench.call("eth_call", call | {"data": "0x" + wrong.hex()}) == "0x"


def test_the_precompile_costs_6900_gas(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    call = {"to": "0x" + "00" * 18 + "0100", "data": "0x" + VALID.hex()}
    calldata = sum(16 if byte else 4 for byte in VALID)
    enough = 21_000 + calldata + 6_900
    assert int(bench.call("eth_call", call | {"gas": hex(enough)}), 16) == 1
    with pytest.raises(Exception, match="OutOfGas"):
        bench.call("eth_call", call | {"gas": hex(enough - 1)})
