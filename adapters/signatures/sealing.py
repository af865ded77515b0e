"""The `OrganisationSeal` port: CMS signatures as PAdES wants them, by pyHanko.

Source: ETSI EN 319 122-1 5.2 (signing-certificate attribute); EN 319 142-1 6.3 (baseline B-B and B-T).
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from adapters.crypto.organisation_seal import HeldSeal, SealKey
from node.errors import AuthorityUnavailableError, MissingError

_DIGEST = "sha256"


class PyhankoSeal:
    """Seals by what a node keeps beside its keys; asked anew each time, so that a renewed certificate counts."""

    def __init__(self, held: Callable[[], HeldSeal | None]) -> None:
        self._held = held

    def chain(self) -> Sequence[bytes]:
        """See the port."""
        held = self._held()
        return () if held is None else held.chain

    async def seal(self, content: bytes, stamp: Callable[[bytes], Awaitable[bytes]] | None) -> bytes:
        """See the port."""
        from asn1crypto import x509  # noqa: PLC0415  # no parser of the kind is loaded before it is needed
        from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415

        held = self._held()
        if held is None:
            raise MissingError("this node holds no organisation seal: heqi guarantee seal")
        own, *others = (x509.Certificate.load(der) for der in held.chain)
        registry: Any = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        registry.register_multiple(others)
        signing = _signer(held.open_key())(signing_cert=own, cert_registry=registry, embed_roots=False)
        digest = hashlib.sha256(content).digest()
        timestamper = None if stamp is None else _timestamper(stamp)
        found = await signing.async_sign(digest, _DIGEST, use_pades=True, timestamper=timestamper)
        raw: bytes = found.dump()
        return raw


def _signer(key: SealKey) -> Any:
    from pyhanko.sign.signers.pdf_cms import Signer  # noqa: PLC0415

    class _HeldSigner(Signer):
        async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: FBT001, FBT002, ARG002
            if isinstance(key, ec.EllipticCurvePrivateKey):
                return key.sign(data, ec.ECDSA(hashes.SHA256()))
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())

    return _HeldSigner


def _timestamper(stamp: Callable[[bytes], Awaitable[bytes]]) -> Any:
    from asn1crypto import tsp  # noqa: PLC0415
    from pyhanko.sign.timestamps import TimeStamper  # noqa: PLC0415

    class _PortTimestamper(TimeStamper):
        async def async_request_tsa_response(self, req: Any) -> Any:
            try:
                return tsp.TimeStampResp.load(await stamp(req.dump()), strict=True)
            except ValueError as error:
                raise AuthorityUnavailableError("the time stamp cannot be read") from error

    return _PortTimestamper()  # type: ignore[no-untyped-call]
