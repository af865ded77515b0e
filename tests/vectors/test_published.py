"""Vectors that others published, checked with our code. Sources stand beside each in `published.json`."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from node.domain import checkpoint, merkle, signature
from node.domain.encoding import from_base64url, to_base64url
from tests.vectors.keys import P256TestKey

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", PUBLISHED["signed_notes"], ids=lambda case: case["source"])
def test_signed_note(case):
    name, key_hash, encoded = case["verifier_key"].split("+", 2)
    kind, key = base64.b64decode(encoded)[:1], base64.b64decode(encoded)[1:]
    assert kind == checkpoint.ED25519_TYPE
    assert checkpoint.key_hash(name, kind, key).hex() == key_hash
    text, [(signer, signed)] = checkpoint.split_note(case["note"])
    assert (signer, signed[:4].hex()) == (name, key_hash)
    signature.verify_ed25519(key, text.encode(), signed[4:])


def test_merkle_roots():
    leaves = [merkle.leaf_hash(bytes.fromhex(entry)) for entry in PUBLISHED["merkle"]["entries"]]
    nodes: dict[tuple[int, int], bytes] = {}

    def read(level, index):
        return nodes[level, index]

    for level, index, value in merkle.grow(0, leaves, read):
        nodes[level, index] = value
    roots = [merkle.root_hash(size, read).hex() for size in range(len(leaves) + 1)]
    assert roots == PUBLISHED["merkle"]["roots"]


def test_disclosure_digest():
    case = PUBLISHED["disclosure"]
    assert to_base64url(hashlib.sha256(case["disclosure"].encode()).digest()) == case["digest"]


def test_es256():
    case = PUBLISHED["es256"]
    signing_input, _, signed = case["token"].rpartition(".")
    key = from_base64url(case["x"]) + from_base64url(case["y"])
    signature.verify_p256(key, signing_input.encode(), from_base64url(signed))


def test_deterministic_es256_of_the_generator():
    case = PUBLISHED["deterministic_es256"]
    key = P256TestKey(int(case["private"], 16))
    assert key.sign(case["message"].encode()).hex() == case["signature"]
    signature.verify_p256(key.public, case["message"].encode(), bytes.fromhex(case["signature"]))


def test_ed25519():
    case = PUBLISHED["ed25519"]
    signature.verify_ed25519(*(bytes.fromhex(case[part]) for part in ("public", "message", "signature")))
