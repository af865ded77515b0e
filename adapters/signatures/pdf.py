"""Signatures in a PDF by pyHanko: digests over byte ranges, and what was done to the file after each signature.

A later revision may add signatures, timestamps and what proves them for the long term, and nothing else: not even
form fields may be filled in, because a price in a form field is part of an offer. Everything that pyHanko's rules
do not clear counts as a change, which is how shadow attacks (Mainka et al., NDSS 2021) and overlays are found.

Source: ISO 32000-2, 12.8; ETSI EN 319 142-1.
"""

import io

from msgspec.structs import replace
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    DocInfoRule,
    DSSCompareRule,
    FormUpdatingRule,
    MetadataUpdateRule,
    ModificationLevel,
    ObjectStreamRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    StandardDiffPolicy,
    SuspiciousModification,
    XrefStreamRule,
)
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel

from adapters.signatures.cms import MALFORMED, MAX_SIGNERS, Trust, read_signer
from node.domain.signed_file import Finding, Problem
from node.errors import InvalidError

_SUPPORTED = ("/adbe.pkcs7.detached", "/ETSI.CAdES.detached")
_TIMESTAMP = "/DocTimeStamp"
_TAIL_BYTES = 64
_LTA = ModificationLevel.LTA_UPDATES
# pyHanko's own policy without its rule for form fields.
ONLY_SIGNATURES = StandardDiffPolicy(
    global_rules=[
        CatalogModificationRule(),
        *(rule().as_qualified(_LTA) for rule in (DocInfoRule, XrefStreamRule, ObjectStreamRule)),
        *(rule().as_qualified(_LTA) for rule in (DSSCompareRule, MetadataUpdateRule)),
    ],
    form_rule=FormUpdatingRule(field_rules=[SigFieldCreationRule(), SigFieldModificationRule()]),
)


def read_pdf(content: bytes, trust: Trust) -> list[Finding]:
    """All filled signature fields of a PDF, document timestamps excepted.

    Raises:
        InvalidError: it is no PDF that can be read in the strict sense, or it is encrypted.
    """
    try:
        reader = PdfFileReader(io.BytesIO(content), strict=True)
        if reader.encrypted:
            raise InvalidError("the PDF is encrypted: decrypt it first")
        fields = list(enumerate_sig_fields(reader, filled_status=True))
    except (PdfError, *MALFORMED) as error:
        raise InvalidError(f"the PDF cannot be read: {str(error)[:200]}") from error
    if len(fields) > MAX_SIGNERS:
        raise InvalidError(f"at most {MAX_SIGNERS} signatures in a PDF")
    found = (_read_field(reader, str(name), field, trust) for name, _, field in fields)
    return [finding for finding in found if finding is not None]


def _read_field(
    reader: PdfFileReader, name: str, field: generic.DictionaryObject, trust: Trust
) -> Finding | None:
    known = Finding(name=name[:200])
    try:
        value = field.get_object()["/V"]
        if value.get("/Type") == _TIMESTAMP:
            return None
        if value.get("/SubFilter") not in _SUPPORTED:
            kind = str(value.get("/SubFilter"))[:40]
            return replace(
                known, problem=Problem.UNSUPPORTED, detail=f"signatures of kind {kind} are not checked"
            )
        return _read_signature(EmbeddedPdfSignature(reader, field, name), known, trust)
    except (PdfError, SignatureValidationError, *MALFORMED) as error:
        return replace(known, problem=Problem.UNREADABLE, detail=str(error)[:200])


def _read_signature(signature: EmbeddedPdfSignature, known: Finding, trust: Trust) -> Finding:
    signature.compute_integrity_info(diff_policy=ONLY_SIGNATURES)
    known = replace(
        known,
        covers_whole=signature.coverage is SignatureCoverageLevel.ENTIRE_FILE and _is_contiguous(signature),
    )
    found = read_signer(signature.signed_data, "data", signature.compute_digest, trust, known)
    if found.claimed is None and signature.self_reported_timestamp is not None:
        found = replace(found, claimed=int(signature.self_reported_timestamp.timestamp()))
    if found.problem is not Problem.NONE:
        return found
    if not _is_contiguous(signature) or signature.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        detail = "the signature leaves out a part of the document"
        return replace(found, problem=Problem.PARTLY_COVERED, detail=detail)
    if not found.covers_whole and not _ends_cleanly(signature.reader):
        detail = "something stands behind the end of the file"
        return replace(found, problem=Problem.CHANGED_AFTER_SIGNING, detail=detail)
    changes = signature.diff_result
    if isinstance(changes, SuspiciousModification):
        return replace(found, problem=Problem.CHANGED_AFTER_SIGNING, detail=str(changes)[:200])
    if changes is None or changes.modification_level > ModificationLevel.FORM_FILLING:
        return replace(found, problem=Problem.CHANGED_AFTER_SIGNING, detail="more than signatures was added")
    return found


def _is_contiguous(signature: EmbeddedPdfSignature) -> bool:
    """Whether the signed bytes are the file from its start but for the signature itself.

    pyHanko compares lengths only where the signature reaches the end of the file.
    """
    start, before, after, _ = signature.byte_range if len(signature.byte_range) == 4 else (-1, 0, 0, 0)
    return bool(start == 0 and after == before + 2 * len(signature.pkcs7_content) + 2)


def _ends_cleanly(reader: PdfFileReader) -> bool:
    """Whether the file ends with its last revision.

    What follows is in no revision, so no rule sees it; but a reader that mends broken files might.
    """
    stream = reader.stream
    stream.seek(-min(stream.seek(0, io.SEEK_END), _TAIL_BYTES), io.SEEK_END)
    return bool(stream.read().rstrip(b"\r\n \t\0").endswith(b"%%EOF"))
