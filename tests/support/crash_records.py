"""Records at rest opened and committed to once more, from the formats alone: no code of the node is used.

keyring  k/<owner>[0x00 <part>]  nonce[12] ‖ AES-256-GCM under the node's data key of the key of a part
data     r/<position>   [owner, "heqi.k1" 0x00 ‖ part ‖ 0x00 ‖ sealed]
                        sealed: nonce[12] ‖ AES-256-GCM under that key of [seed, header, fields]
part                    <category>/<year>-<month> of capture; what is sealed under none is nonce and ciphertext alone
entry                   SHA-256("heqi.entry.v1" ‖ 0x00 ‖ blind ‖ payload)
SHAKE-256("heqi.record.v1" ‖ seed) = blind[32] ‖ salt[18] per field by name ‖ decoy[32] per free slot
"""

import base64
import hashlib
import json
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SLOTS = {
    "trade.tender": 48,
    "trade.bid": 24,
    "subject.base": 32,
    "subject.qualification": 16,
    "subject.attestation": 24,
    "node.act": 16,
}


class Opener:
    """Opens what one node has sealed."""

    def __init__(self, data_key: bytes, keyring: dict[bytes, bytes]) -> None:
        self._wrapping, self._keyring = AESGCM(data_key), keyring

    def record(self, key: bytes, raw: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
        """Header, fields and log entry of the row at `key`."""
        owner, sealed = msgspec.msgpack.decode(raw)
        version, record = msgspec.msgpack.decode(self._open(owner, key, sealed))
        seed, header, fields, _project = record
        header["version"] = version
        if header["owner"] != owner:
            raise ValueError("a record is filed under another owner than it names")
        return header, fields, entry_of(header, fields, seed)

    def parked(self, key: bytes, raw: bytes, member: str) -> dict[str, Any]:
        return msgspec.msgpack.decode(self._open(member, key, raw))

    def _open(self, owner: str, place: bytes, sealed: bytes) -> bytes:
        name = b"k/" + owner.encode()
        if sealed.startswith(b"heqi.k1\0"):
            _, part, sealed = sealed.split(b"\0", 2)
            name += b"\0" + part
        wrapped = self._keyring[name]
        key = self._wrapping.decrypt(wrapped[:12], wrapped[12:], name)
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], place)


def entry_of(header: dict[str, Any], fields: dict[str, Any], seed: bytes) -> bytes:
    names, slots = sorted(fields), SLOTS[header["category"]]
    stream = hashlib.shake_256(b"heqi.record.v1" + seed).digest(
        32 + 18 * len(names) + 32 * (slots - len(names))
    )
    digests = []
    for place, name in enumerate(names):
        salt = _base64url(stream[32 + 18 * place : 50 + 18 * place])
        disclosure = _base64url(_json([salt, name, fields[name]]))
        digests.append(_base64url(hashlib.sha256(disclosure.encode()).digest()))
    decoys = stream[32 + 18 * len(names) :]
    digests += [_base64url(decoys[at : at + 32]) for at in range(0, len(decoys), 32)]
    payload = header | {"fields": {"_sd": sorted(digests)}, "_sd_alg": "sha-256", "type": "heqi.record.v2"}
    return hashlib.sha256(b"heqi.entry.v1\0" + stream[:32] + _json(payload)).digest()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
