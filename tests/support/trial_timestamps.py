"""A time-stamp authority for trials, RFC 3161: what a real one would answer, at any moment a test likes.

The tokens are written with `asn1crypto`, another library than the one that checks them.
"""

import datetime
import hashlib
import time

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from adapters.crypto.trial_ca import TrialCertificate, issue_service, make_root

POLICY = "1.2.3.4.1"


class TrialTimestamps:
    """Stamps what it is asked to."""

    def __init__(self, now=time.time, purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING):
        self.root: TrialCertificate = make_root("试用时间戳机构 Trial TSA")
        self._unit = issue_service(self.root, "Trial TSA unit", purpose)
        self._now = now

    def answer(self, request: bytes) -> bytes:
        """The answer to a request, DER."""
        asked = tsp.TimeStampReq.load(request, strict=True)
        moment = datetime.datetime.fromtimestamp(int(self._now()), datetime.UTC)
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": POLICY,
                "message_imprint": asked["message_imprint"],
                "serial_number": x509.random_serial_number(),
                "gen_time": moment,
                "nonce": asked["nonce"],
            }
        ).dump()
        certificate = asn1_x509.Certificate.load(self._unit.der)
        signed = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(info).digest()]}),
                cms.CMSAttribute(
                    {
                        "type": "signing_certificate_v2",
                        "values": [
                            tsp.SigningCertificateV2(
                                {"certs": [{"cert_hash": hashlib.sha256(self._unit.der).digest()}]}
                            )
                        ],
                    }
                ),
            ]
        )
        signature = self._unit.key.sign(signed.dump(), ec.ECDSA(hashes.SHA256()))
        token = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
                "encap_content_info": {
                    "content_type": "tst_info",
                    "content": core.ParsableOctetString(info),
                },
                "certificates": [certificate, asn1_x509.Certificate.load(self.root.der)],
                "signer_infos": [
                    {
                        "version": "v1",
                        "sid": cms.SignerIdentifier(
                            "issuer_and_serial_number",
                            {"issuer": certificate.issuer, "serial_number": certificate.serial_number},
                        ),
                        "digest_algorithm": {"algorithm": "sha256"},
                        "signed_attrs": signed,
                        "signature_algorithm": {"algorithm": "sha256_ecdsa"},
                        "signature": signature,
                    }
                ],
            }
        )
        return tsp.TimeStampResp(
            {
                "status": {"status": "granted"},
                "time_stamp_token": cms.ContentInfo({"content_type": "signed_data", "content": token}),
            }
        ).dump()
