"""What a trial authority says about revocations: an OCSP responder and a list, over HTTP on loopback for trials.

with serve({"/ocsp": responder.answer, "/ca.crl": lambda _: responder.revocation_list()}) as address:
...  # address + "/ocsp"
"""

import datetime
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from adapters.crypto.trial_ca import TrialCertificate

_KINDS = {
    "application/ocsp-request": "application/ocsp-response",
    "application/timestamp-query": "application/timestamp-reply",
}
_MAX_REQUEST_BYTES = 64 * 1024

Handler = Callable[[bytes], bytes]


class TrialResponder:
    """Knows what one trial authority has revoked, and says so."""

    def __init__(
        self,
        authority: TrialCertificate,
        *,
        signer: TrialCertificate | None = None,
        now: Callable[[], float] = time.time,
        valid_seconds: int = 3600,
        echoes_nonces: bool = True,
    ) -> None:
        """Args:
        authority: whose certificates it speaks of.
        signer: who signs OCSP answers; the authority itself if None.
        now: seconds since 1970 UTC.
        valid_seconds: from thisUpdate to nextUpdate.
        echoes_nonces: repeat the nonce of the question.
        """
        self._authority, self._signer, self._now = authority, signer or authority, now
        self._valid, self._echoes = datetime.timedelta(seconds=valid_seconds), echoes_nonces
        self._revoked: dict[int, datetime.datetime] = {}
        self.questions = 0
        """How many were answered."""

    def revoke(self, certificate: x509.Certificate, at: float | None = None) -> None:
        """Revoke a certificate, now or as of a moment."""
        self._revoked[certificate.serial_number] = _moment(self._now() if at is None else at)

    def answer(self, request: bytes) -> bytes:
        """The OCSP answer to a question, DER.

        Raises:
            ValueError: it is none.
        """
        self.questions += 1
        asked = ocsp.load_der_ocsp_request(request)
        now, revoked = _moment(self._now()), self._revoked.get(asked.serial_number)
        builder = (
            ocsp.OCSPResponseBuilder()
            .add_response_by_hash(
                asked.issuer_name_hash,
                asked.issuer_key_hash,
                asked.serial_number,
                asked.hash_algorithm,
                ocsp.OCSPCertStatus.GOOD if revoked is None else ocsp.OCSPCertStatus.REVOKED,
                now,
                now + self._valid,
                revoked,
                None,
            )
            .responder_id(ocsp.OCSPResponderEncoding.HASH, self._signer.certificate)
        )
        if self._signer is not self._authority:
            builder = builder.certificates([self._signer.certificate])
        if self._echoes:
            nonce = asked.extensions.get_extension_for_class(x509.OCSPNonce)
            builder = builder.add_extension(nonce.value, critical=False)
        return builder.sign(self._signer.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def revocation_list(self) -> bytes:
        """The list as of now, DER."""
        now = _moment(self._now())
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._authority.certificate.subject)
            .last_update(now)
            .next_update(now + self._valid)
        )
        for serial, at in self._revoked.items():
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


@contextmanager
def serve(handlers: Mapping[str, Handler]) -> Iterator[str]:
    """Serve what handlers say on a free port of loopback; yields `http://127.0.0.1:port`.

    Args:
        handlers: by path; each is given the body, which is empty for GET.
    """

    class _Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(b"")

        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length", 0)), _MAX_REQUEST_BYTES)
            self._reply(self.rfile.read(length))

        def log_message(self, *_: object) -> None:
            """A trial authority keeps no log."""

        def _reply(self, body: bytes) -> None:
            handler = handlers.get(self.path)
            try:
                content = handler(body) if handler else None
            except ValueError:
                content = None
            self.send_response(404 if content is None else 200)
            kind = _KINDS.get(self.headers.get("Content-Type", ""), "application/pkix-crl")
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _moment(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
