"""Time stamps: an authority's word that a signature existed by a moment. Asked for and checked by `rfc3161-client`.

Source: RFC 3161 (request, token), RFC 5816; 电子签名法 art. 5 (time as part of reliable keeping).
"""

import hashlib

from rfc3161_client import (
    TimestampRequestBuilder,
    TimeStampResponse,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.base import HashAlgorithm
from rfc3161_client.errors import VerificationError as FalseStamp

from node.domain.trust import UNREADABLE, TrustAnchor, TrustList
from node.errors import TimestampError

MAX_TIMESTAMP_BYTES = 64 * 1024


def build_timestamp_request(token: str) -> bytes:
    """DER of the request for a stamp on a signed document, signature included; the nonce is the library's."""
    builder = TimestampRequestBuilder().data(token.encode()).hash_algorithm(HashAlgorithm.SHA256)
    return builder.nonce(nonce=True).cert_request(cert_request=True).build().as_bytes()


def check_timestamp(raw: bytes, token: str, trust: TrustList) -> int:
    """Check a stamp on a document.

    Args:
        raw: DER of the authority's whole answer.
        token: the compact JWS that it must be about, all of it.
        trust: whose stamps count.

    Returns:
        The moment by which the document existed, seconds since 1970 UTC.

    Raises:
        TimestampError: it is no stamp, of other data, or by none of the recognised authorities.
    """
    if len(raw) > MAX_TIMESTAMP_BYTES:
        raise TimestampError(f"a time stamp has at most {MAX_TIMESTAMP_BYTES} bytes")
    try:
        answer = decode_timestamp_response(raw)
        stamped = int(answer.tst_info.gen_time.timestamp())
    except (*UNREADABLE, OverflowError) as error:
        raise TimestampError(f"the time stamp cannot be read: {error}") from error
    anchors = [one for one in trust.anchors if one.serves == "timestamps" and not one.is_suspended(stamped)]
    if not any(_is_by(answer, token, trust, anchor) for anchor in anchors):
        raise TimestampError("the time stamp is not on this document by an authority recognised at that time")
    return stamped


def _is_by(answer: TimeStampResponse, token: str, trust: TrustList, anchor: TrustAnchor) -> bool:
    verifier = VerifierBuilder(roots=[trust.certificate(anchor)]).build()
    try:
        return verifier.verify(answer, hashlib.sha256(token.encode()).digest())
    except (FalseStamp, *UNREADABLE):
        return False
