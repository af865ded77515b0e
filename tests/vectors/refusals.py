"""JSON, notes and documents that a verifier must refuse, each with the reason."""

import base64
import hashlib
import hmac
from collections.abc import Iterator

from node.domain.encoding import canonical_json, to_base64url
from tests.vectors import story
from tests.vectors.keys import fixed_bytes, log_key, p256
from tests.vectors.signing import der_signature, jws, jws_of, members
from tests.vectors.world import READER, WALLET

JSON = (
    ("space", b'{"a": 1}'),
    ("line break at the end", b'{"a":1}\n'),
    ("keys out of order", b'{"b":1,"a":2}'),
    ("key twice", b'{"a":1,"a":1}'),
    ("escape that is not needed", b'{"a":"\\u0041"}'),
    ("escaped solidus", b'{"a":"\\/"}'),
    ("upper-case escape", b'{"a":"\\u001F"}'),
    ("float", b'{"a":1.5}'),
    ("float that is whole", b'{"a":1.0}'),
    ("exponent", b'{"a":1e3}'),
    ("minus zero", b'{"a":-0}'),
    ("leading zero", b'{"a":01}'),
    ("integer of 2^53", b'{"a":9007199254740992}'),
    ("integer of 2^64", b'{"a":18446744073709551616}'),
    ("NaN", b'{"a":NaN}'),
    ("key that is not ASCII", '{"键":1}'.encode()),
    ("lone surrogate", b'{"a":"\\ud800"}'),
    ("not UTF-8", b'{"a":"\xff"}'),
    ("byte order mark", b"\xef\xbb\xbf{}"),
    ("33 levels", b"[" * 34 + b"]" * 34),
    ("two values", b"{}{}"),
    ("nothing", b""),
)
BASE64URL = ("YQ==", "YR", "Y", "+/8", "YW\n", " YWI", "YWJ合")


def notes(note: str) -> Iterator[tuple[str, str]]:
    """Notes that are no checkpoint of `note`'s log."""
    text, _, tail = note.partition("\n\n")
    origin, size, root = text.split("\n")
    other = log_key(f"{READER} log")
    yield "another size, signature unchanged", note.replace(f"\n{size}\n", f"\n{int(size) + 1}\n")
    yield "no signature", f"{text}\n"
    yield "empty signature block", f"{text}\n\n"
    yield "signature line without a line break", note[:-1]
    yield "hyphen for the em dash", note.replace("—", "-")
    yield "stray bits in the signature", note.replace(tail, _with_stray_bits(tail[:-1]) + "\n")
    yield "extension line", f"{text}\nextension\n\n{tail}"
    yield "size with a leading zero", note.replace(f"\n{size}\n", f"\n0{size}\n")
    yield "root of 31 bytes", note.replace(root, base64.b64encode(bytes(31)).decode())
    yield "root that is not ASCII", note.replace(root, "根" + root)
    yield "another kind of origin", note.replace(origin, "example.com/log")
    yield "line ends with carriage return", note.replace("\n", "\r\n")
    signature = fixed_bytes("foreign signature", 64)
    foreign = f"— {origin} {base64.b64encode(b'hash' + signature).decode()}\n"
    yield "signed by another key only", f"{text}\n\n{foreign}"
    signed = other.sign(f"{text}\n".encode())
    hash_of_right_key = base64.b64decode(tail.split(" ")[2])[:4]
    false = base64.b64encode(hash_of_right_key + signed).decode()
    yield "another key's signature under this key's hash", f"{text}\n\n— {origin} {false}\n"


def tokens(grant_token: str) -> Iterator[tuple[str, str]]:
    """JWS that are not the grant by the wallet's key."""
    payload = canonical_json(members(story.grant()))
    header: dict[str, object] = {"alg": "ES256", "typ": "heqi-grant+jwt"}
    yield "another type", jws({**header, "typ": "heqi-read-request+jwt"}, payload)
    yield "no type", jws({"alg": "ES256"}, payload)
    yield "unsigned", _signing_input({**header, "alg": "none"}, payload) + "."
    yield "HS256 with the public key", _hs256({**header, "alg": "HS256"}, payload)
    yield "further header member", jws({**header, "kid": "wallet"}, payload)
    yield "crit", jws({**header, "crit": ["exp"]}, payload)
    yield "payload that is not encoded", jws({**header, "b64": False, "crit": ["b64"]}, payload)
    yield "header that is not canonical", jws_of(b'{"typ":"heqi-grant+jwt","alg":"ES256"}', payload)
    yield "payload with a space", jws(header, payload.replace(b'":', b'": ', 1))
    yield "member twice", jws(header, payload[:-1] + b',"uses":2}')
    yield "unknown member", jws(header, canonical_json({**members(story.grant()), "sub": "x"}))
    lacking = {name: value for name, value in members(story.grant()).items() if name != "uses"}
    yield "member lacking", jws(header, canonical_json(lacking))
    yield "float", jws(header, payload.replace(b'"uses":2', b'"uses":2.0'))
    yield "text for a number", jws(header, payload.replace(b'"uses":2', b'"uses":"2"'))
    yield "negative time", jws(header, canonical_json({**members(story.grant()), "nbf": -1}))
    yield "signed by another key", jws(header, payload, p256("centre-a identity"))
    signing_input = grant_token.rpartition(".")[0]
    yield "signature in DER", f"{signing_input}.{to_base64url(der_signature(signing_input))}"
    yield "signature lacking", f"{signing_input}."
    yield "padding", grant_token + "="
    yield "four parts", grant_token + ".e30"
    yield "signature of zeros", f"{signing_input}.{to_base64url(bytes(64))}"


def _hs256(header: dict[str, object], payload: bytes) -> str:
    """The old trick: the verifier's public key as the secret of a MAC."""
    signing_input = _signing_input(header, payload)
    mac = hmac.new(WALLET.public, signing_input.encode(), hashlib.sha256).digest()
    return f"{signing_input}.{to_base64url(mac)}"


def _signing_input(header: dict[str, object], payload: bytes) -> str:
    return f"{to_base64url(canonical_json(header))}.{to_base64url(payload)}"


def _with_stray_bits(signature_line: str) -> str:
    """The same bytes in base64 that a lenient decoder takes: bits that encode nothing are set."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body, last = signature_line[:-2], signature_line[-2]
    return body + alphabet[alphabet.index(last) + 1] + "="
