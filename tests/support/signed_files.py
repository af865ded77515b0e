"""Files signed as bidders and attackers sign them: CMS by `cryptography`, PDF by pyHanko, JWS by PyJWT."""

import asyncio
import base64
import datetime
import functools
import io
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import pkcs7
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.content import RawContent
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from tests.vectors.authority import Issued, issue, name, root, rsa_key, usage

CONTENT = "投标函：总价 12800000.00 元".encode()


def cms(
    signer: Issued,
    content: bytes = CONTENT,
    *,
    detached: bool = False,
    armoured: bool = False,
    attributes: bool = True,
    pss: bool = False,
) -> bytes:
    """CMS by another library than the one that reads it."""
    options = [pkcs7.PKCS7Options.Binary]
    options += [pkcs7.PKCS7Options.DetachedSignature] if detached else []
    options += [] if attributes else [pkcs7.PKCS7Options.NoAttributes]
    form = serialization.Encoding.PEM if armoured else serialization.Encoding.DER
    rsa_padding = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else None
    return (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(content)
        .add_signer(signer.certificate, signer.key, hashes.SHA256(), rsa_padding=rsa_padding)
        .sign(form, options)
    )


def jws(
    signer: Issued, content: bytes = CONTENT, *, algorithm: str = "ES256", detached: bool = False
) -> bytes:
    x5c = [base64.b64encode(signer.der).decode()]
    token = jwt.PyJWS().encode(content, signer.key, algorithm=algorithm, headers={"x5c": x5c})
    header, _, signature = token.split(".")
    return (f"{header}..{signature}" if detached else token).encode()


@functools.cache
def blank_pdf() -> bytes:
    """One page that offers a price."""
    writer = PdfFileWriter()
    content = RawContent(b"BT 72 700 Td (12800000.00) Tj ET", BoxConstraints(612, 792))
    stream = generic.StreamObject(stream_data=content.render())
    page = PageObject(writer.add_object(stream), (0, 0, 612, 792))
    writer.insert_page(page)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def pdf_signer(signer: Issued) -> signers.SimpleSigner:
    return signers.SimpleSigner(
        signing_cert=asn1_x509.Certificate.load(signer.der),
        signing_key=asn1_keys.PrivateKeyInfo.load(private_bytes(signer)),
        cert_registry=SimpleCertificateStore(),
    )


def private_bytes(signer: Issued) -> bytes:
    return signer.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def sign_pdf(
    signer: Issued,
    raw: bytes | None = None,
    *,
    field: str = "Bid",
    digest: str = "sha256",
    stamped: bool = False,
) -> bytes:
    """A signature in an incremental update of its own."""
    writer = IncrementalPdfFileWriter(io.BytesIO(raw or blank_pdf()))
    metadata = signers.PdfSignatureMetadata(field_name=field, md_algorithm=digest)
    signing = signers.PdfSigner(
        metadata,
        pdf_signer(signer),
        timestamper=stamper() if stamped else None,
        new_field_spec=SigFieldSpec(field),
    )
    return _apart(signing.async_sign_pdf(writer, in_place=False)).getvalue()


@functools.cache
def stamper(
    at: datetime.datetime | None = None, *, recognised: bool = True, is_authority: bool = True
) -> DummyTimeStamper:
    """A timestamp authority under the recognised root or another one; or somebody who is no such authority."""
    purpose = (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING]), True)
    tsa = issue(
        name("timestamps"),
        rsa_key(2048),
        root() if recognised else root("Nobody's root"),
        key_usage=usage("digital_signature"),
        constraints=None,
        more=[purpose] if is_authority else [],
    )
    return DummyTimeStamper(
        asn1_x509.Certificate.load(tsa.der),
        asn1_keys.PrivateKeyInfo.load(private_bytes(tsa)),
        fixed_dt=at,
    )


def cms_stamped(signer: Issued, at: datetime.datetime, **authority: bool) -> bytes:
    """CMS with a timestamp; `authority` as for `stamper`."""
    return _by_pyhanko(signer, "sha256", timestamper=stamper(at, **authority))


def cms_by_pyhanko(signer: Issued, *, at: datetime.datetime, digest: str = "sha256") -> bytes:
    """CMS with the attributes of CAdES, the time that the signer claims among them."""
    return _by_pyhanko(signer, digest, signed_attr_settings=PdfCMSSignedAttributes(signing_time=at))


def _by_pyhanko(signer: Issued, digest: str, **settings: Any) -> bytes:
    signing = pdf_signer(signer).async_sign_general_data(CONTENT, digest, detached=False, **settings)
    raw: bytes = _apart(signing).dump()
    return raw


def _apart(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end, also where another event loop runs already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()
