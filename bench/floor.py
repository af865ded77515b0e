"""The floor: exactly the native calls that the format needs for a record, and nothing else.

Decode the message and read its fields; SHAKE-256 of the seed; a disclosure and its digest per field, decoys up to
the category's slots; canonical payload; entry; AES-256-GCM; keyed digests of thing and project; the thing's last
version; one synced LevelDB batch per message with the record and its index keys. No checks, no classes, no errors:
nobody could run this, but nothing in Python can do the format's work with less.
"""

import hashlib
import hmac
import os
from binascii import b2a_base64
from pathlib import Path

import msgspec
import orjson
import plyvel
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from heqi.v1.record_service_pb2 import AppendRecordsRequest

SLOTS = 32  # of trade.award
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def append(messages: list[bytes], folder: Path) -> int:
    """Append serialised messages; returns the number of records."""
    database = plyvel.DB(
        str(folder),
        create_if_missing=True,
        write_buffer_size=32 << 20,
        bloom_filter_bits=10,
        compression=None,
    )
    cipher, position = AESGCM(os.urandom(32)), 0
    dumps, sha256, shake, pack = orjson.dumps, hashlib.sha256, hashlib.shake_256, msgspec.msgpack.encode
    digest, one, captured = hmac.digest, (1).to_bytes(8, "big"), (1_767_571_200_000).to_bytes(8, "big")
    for raw in messages:
        request = AppendRecordsRequest.FromString(raw)
        batch = database.write_batch(transaction=True, sync=True)
        random = os.urandom(44 * len(request.records))
        for place, record in enumerate(request.records):
            fields = {field.name: field.value.text for field in record.fields}
            seed, nonce = random[place * 44 : place * 44 + 32], random[place * 44 + 32 : place * 44 + 44]
            names = sorted(fields)
            end = 32 + 18 * len(names)
            stream = shake(b"heqi.record.v1" + seed).digest(end + 32 * (SLOTS - len(names)))
            salts = b2a_base64(stream[32:end], newline=False).translate(_URL_SAFE).decode()
            digests = []
            for n, name in enumerate(names):
                opened = dumps([salts[n * 24 : n * 24 + 24], name, fields[name]])
                encoded = b2a_base64(opened, newline=False).translate(_URL_SAFE).rstrip(b"=")
                digests.append(sha256(encoded).digest())
            digests += [stream[at : at + 32] for at in range(end, len(stream), 32)]
            text = b2a_base64(b"\0".join([*digests, b""]), newline=False).translate(_URL_SAFE).decode()
            header = {
                "alliance": "0" * 64,
                "captured": "2026-01-05T09:00:00.000Z",
                "category": record.category,
                "clock": "system",
                "member": "centre-a",
                "occurred": record.occurred,
                "owner": "centre-a",
                "source_system": record.source_system,
                "source_version": record.source_version,
                "thing": record.thing,
                "version": 1,
            }
            payload = dumps(
                header
                | {
                    "_sd_alg": "sha-256",
                    "fields": {"_sd": sorted(text[at : at + 43] for at in range(0, len(text), 44))},
                    "type": "heqi.record.v1",
                },
                option=orjson.OPT_SORT_KEYS,
            )
            entry = sha256(b"heqi.entry.v1\0" + stream[:32] + payload).digest()
            sha256(b"\0" + entry).digest()
            key = position.to_bytes(8, "big")
            thing = digest(b"k" * 32, f"centre-a\0{record.category}\0{record.thing}".encode(), "sha256")[:16]
            project = digest(b"k" * 32, record.project.encode(), "sha256")[:16]
            category = record.category.encode() + b"\0"
            batch.put(b"r/" + key, nonce + cipher.encrypt(nonce, pack((seed, header, fields)), b"r/" + key))
            database.get(b"vn/" + thing)
            batch.put(b"vn/" + thing, one)
            batch.put(b"rc/" + category + captured + key, b"")
            batch.put(b"rp/" + project + captured + key, category)
            batch.put(b"e/" + key, entry)
            position += 1
        batch.put(b"m/position", position.to_bytes(8, "big"))
        batch.write()
    database.close()
    return position
