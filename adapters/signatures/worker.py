"""Reads one file, in a process of its own: hostile bytes meet their parsers without keys and within limits."""

import os

from adapters.signatures.cms import Trust, read_cms
from adapters.signatures.job import Job
from adapters.signatures.jws import read_jws
from adapters.signatures.pdf import read_pdf
from node.domain.signed_file import Finding, Format, format_of
from node.errors import InvalidError

_READ_AHEAD = 1024


def read(job: Job, content: int) -> list[Finding]:
    """The signatures of the open file `content`.

    Raises:
        InvalidError: the file is none of its form.
    """
    with os.fdopen(content, "rb") as file:
        file.seek(0)
        raw = file.read()
    trust = Trust(job.roots, job.at)
    match job.form or format_of((job.signature or raw)[:_READ_AHEAD]):
        case Format.PDF:
            if job.signature:
                raise InvalidError("a PDF carries its signatures; a detached one belongs to CMS or JWS")
            return read_pdf(raw, trust)
        case Format.JWS:
            return read_jws(raw, job.signature)
        case Format.CMS:
            return read_cms(raw, job.signature, trust)
