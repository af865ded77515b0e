"""Recognising bidders' certificates: the trust list in force, what authorities say about revocations, and proofs.

Nothing is asked inside a unit of work: `warm` and `prove` go to the authorities first and keep what they say until
it is no longer news; `check` then decides from what is kept. Only addresses from the voted list are asked, never
one from a certificate, and only about certificates whose path and signature hold.
"""

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from node.domain.certificate import CertificateIdentity
from node.domain.certified import chain_of
from node.domain.delegation import Delegation, open_delegation
from node.domain.encoding import to_base64url
from node.domain.status import (
    NONCE_BYTES,
    SALT_BYTES,
    Status,
    binding_nonce,
    build_ocsp_request,
    open_crl,
    open_ocsp,
)
from node.domain.timestamp import build_timestamp_request, check_timestamp
from node.domain.trust import TrustAnchor, TrustList, parse_anchor
from node.domain.validity import (
    MAX_PROOF_BYTES,
    MAX_STATEMENTS,
    Circumstances,
    Judgement,
    Statement,
    StatusProof,
    encode_proof,
    judge_delegation,
    judge_status,
    parse_proof,
)
from node.errors import (
    AuthorityUnavailableError,
    CertificateError,
    InvalidError,
    StatusError,
    TimestampError,
    VerificationError,
)
from node.ports import Authorities, Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.transaction import Transaction
from node.services.vault import Entropy

logger = logging.getLogger(__name__)

_MAX_KEPT_BYTES = 64 * 1024
"""Longer revocation lists are used here, but not handed on beside a delegation."""


class KeptStatus(msgspec.Struct, frozen=True):
    """What an authority last said about a certificate; it was checked when it came."""

    kind: Literal["ocsp", "crl"]
    status: Status
    content: bytes
    """DER; empty where it is too long to hand on."""


class Recognition:
    """Decides whether a delegation holds."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        authorities: Authorities,
        clock: Clock,
        entropy: Entropy,
        soft_fail: Sequence[str] = (),
        timestamp: str = "",
    ) -> None:
        """Args:
        store: keeps what authorities say.
        alliance: has the trust list.
        authorities: asks them.
        clock: tells what is news.
        entropy: of nonces and salts.
        soft_fail: authorities without whose word on revocation this node goes on, by name.
        timestamp: the listed authority that stamps new delegations; empty for none.
        """
        self._store, self._alliance, self._authorities = store, alliance, authorities
        self._clock, self._entropy = clock, entropy
        self._soft_fail, self._timestamp = frozenset(soft_fail), timestamp
        self._current = TrustList(())
        self._seen: object = None

    def trust(self) -> TrustList:
        """The list in force: the ledger's, or the founding one until this node has seen the ledger's.

        A suspension acts on first sight, every other change when its block is final.

        Raises:
            StoreError: the database fails.
        """
        projection = self._alliance.projection
        version, ahead = projection.trust_version(), projection.first_sight.trust
        if self._seen != (version, ahead):
            entries = dict(projection.trust_entries()) if version else {}
            anchors = {name: anchor for name, raw in entries.items() if (anchor := _read(name, raw))}
            if not version:
                anchors = {anchor.id: anchor for anchor in self._alliance.descriptor.trust_anchors}
            for name, raw in ahead.items():
                anchor = _read(name, raw)
                if anchor is None or anchor.suspended is not None:
                    anchors.pop(name, None)
                if anchor is not None and anchor.suspended is not None:
                    anchors[name] = anchor
            self._current, self._seen = TrustList(anchors.values(), version), (version, dict(ahead))
        return self._current

    def check(
        self, token: str, *, moment: int | None = None, proof: bytes = b"", at: int | None = None
    ) -> Judgement:
        """Decide whether a delegation holds, from what is kept here and what came with it.

        Args:
            token: the delegation.
            moment: by when what rests on it happened, seconds since 1970 UTC; now if None.
            proof: status proof that came with it; not believed.
            at: as of when to judge, seconds since 1970 UTC; now if None.

        Raises:
            NodeError: it does not hold, or nobody says whether its certificate is revoked.
        """
        circumstances = self._circumstances()
        if at is not None:
            circumstances = replace(circumstances, now=at)
        known = [
            (der, kept.status) for der in chain_of(token, Delegation) if (kept := self._kept(der)) is not None
        ]
        return judge_delegation(
            token,
            circumstances,
            moment=circumstances.now if moment is None else moment,
            proof=parse_proof(proof),
            known=known,
        )

    def check_within(self, token: str, by: int, proof: bytes = b"") -> Judgement:
        """Decide whether a delegation held when the ledger took what contains it; later news does not matter.

        Args:
            token: the delegation, inside a document that the ledger knows by its digest.
            by: the ledger took that no later than this, seconds since 1970 UTC; in the future, as of now.
            proof: as in `check`.

        Raises:
            NodeError: as `check`.
        """
        return self.check(token, at=min(by, self._now()), proof=proof)

    async def warm(self, token: str, moment: int | None = None) -> None:
        """Ask the authorities about a delegation's certificates, where nothing kept is news.

        Never refuses: what could not be learnt is `check`'s to judge.

        Args:
            token: the delegation.
            moment: by when what rests on it happened, for paths that no longer hold now.

        Raises:
            StoreError: the database fails.
        """
        identity = self._open(token, moment)
        if identity is not None:
            await self.warm_identity(identity)

    async def warm_identity(self, identity: CertificateIdentity) -> None:
        """Ask the authorities about the certificates of a path, where nothing kept is news; never refuses.

        Raises:
            StoreError: the database fails.
        """
        for certificate, issuer in _pairs(identity):
            kept = self._kept(certificate.public_bytes(Encoding.DER))
            if kept is None or not kept.status.is_news(self._now()):
                await self._ask(certificate, issuer, identity.anchor, self._entropy(NONCE_BYTES))

    def check_identity(self, identity: CertificateIdentity, at: int | None = None) -> None:
        """Decide whether a certificate stands, from what is kept here.

        Args:
            identity: whom it is about; its path was checked.
            at: by when what rests on it is proven to have happened, seconds since 1970 UTC; now if None.

        Raises:
            RevokedError: it is revoked.
            StatusUnknownError: nobody says whether it is.
            StoreError: the database fails.
        """
        circumstances = self._circumstances()
        ders = (certificate.public_bytes(Encoding.DER) for certificate in identity.path[:-1])
        known = [(der, kept.status) for der in ders if (kept := self._kept(der)) is not None]
        at = circumstances.now if at is None else at
        judge_status(identity, circumstances, at, at, known)

    @property
    def stamps(self) -> bool:
        """Whether a time-stamp authority is configured."""
        return bool(self._timestamp)

    async def stamp(self, request: bytes) -> bytes:
        """What the configured time-stamp authority answers; not checked.

        Args:
            request: DER, RFC 3161.

        Raises:
            AuthorityUnavailableError: none answers.
        """
        anchor, problem = self.trust().anchor(self._timestamp), "no such authority is on the trust list"
        for address in anchor.timestamp if anchor else ():
            try:
                return await self._authorities.timestamp(address, request)
            except AuthorityUnavailableError as error:
                problem = str(error)
        raise AuthorityUnavailableError(f"no time stamp from {self._timestamp}: {problem}")

    async def prove(self, token: str) -> bytes:
        """Ask about a new delegation so that the answers show when it existed, and have it stamped.

        Returns:
            The proof to keep beside it, canonical JSON; empty where no authority has a service.

        Raises:
            AuthorityUnavailableError: the configured time stamp cannot be had.
            StoreError: the database fails.
        """
        identity = self._open(token, None)
        if identity is None:
            return b""
        statements: list[Statement] = []
        for place, (certificate, issuer) in enumerate(_pairs(identity)):
            salt = self._entropy(SALT_BYTES)
            nonce = binding_nonce(token, salt) if place == 0 else self._entropy(NONCE_BYTES)
            kept = await self._ask(certificate, issuer, identity.anchor, nonce)
            if kept is not None and kept.content:
                is_bound = place == 0 and kept.status.nonce == nonce
                statements.append(_statement(kept, to_base64url(salt) if is_bound else ""))
        proof = StatusProof(tuple(statements), await self._stamp(token))
        return encode_proof(proof) if proof != StatusProof() else b""

    def hand_on(self, token: str, proof: bytes) -> bytes:
        """A proof together with the newest that this node knows itself, for those who judge later.

        Raises:
            DocumentFormatError: the proof is malformed.
            StoreError: the database fails.
        """
        kept = [
            row for der in chain_of(token, Delegation) if (row := self._kept(der)) is not None and row.content
        ]
        given = parse_proof(proof)
        known = {statement.content for statement in given.statements}
        newer = [_statement(row, "") for row in kept if to_base64url(row.content) not in known]
        # What shows when the delegation existed comes first, the newest next; the rest where there is room.
        bound = [one for one in given.statements if one.salt]
        loose = [one for one in given.statements if not one.salt]
        merged = StatusProof((*bound, *newer, *loose)[:MAX_STATEMENTS], given.timestamp)
        while len(raw := encode_proof(merged)) > MAX_PROOF_BYTES:
            merged = StatusProof(merged.statements[:-1], merged.timestamp)
        return raw if merged != StatusProof() else b""

    def _circumstances(self) -> Circumstances:
        return Circumstances(self._alliance.id, self.trust(), self._now(), self._soft_fail)

    def _open(self, token: str, moment: int | None) -> CertificateIdentity | None:
        """Who signed the delegation, if it holds apart from revocations, now or at the moment."""
        now = self._now()
        for at in (now, min(now, moment if moment is not None else now)):
            with suppress(VerificationError, InvalidError):
                return open_delegation(token, self._alliance.id, self.trust(), at)[1]
        return None

    async def _ask(
        self, certificate: x509.Certificate, issuer: x509.Certificate, anchor: TrustAnchor, nonce: bytes
    ) -> KeptStatus | None:
        """What the first address that gives a true and new answer says; kept."""
        for address in anchor.ocsp:
            try:
                raw = await self._authorities.ocsp(address, build_ocsp_request(certificate, issuer, nonce))
                status = open_ocsp(raw, certificate, issuer, nonce=nonce, must_echo=anchor.nonces)
                return self._keep(certificate, KeptStatus("ocsp", status, raw))
            except (AuthorityUnavailableError, StatusError) as error:
                logger.warning("%s, OCSP: %s", anchor.id, error)
        for address in anchor.crl:
            try:
                raw = await self._revocation_list(address)
                # Millions of lines: not on the event loop.
                status = await asyncio.to_thread(open_crl, raw, certificate, issuer)
                kept = self._keep(certificate, KeptStatus("crl", status, raw[: _MAX_KEPT_BYTES + 1]))
            except (AuthorityUnavailableError, StatusError) as error:
                logger.warning("%s, revocation list: %s", anchor.id, error)
                continue
            self._keep_list(address, raw, status)
            return kept
        return None

    def _keep(self, certificate: x509.Certificate, kept: KeptStatus) -> KeptStatus:
        """Raises:
        StatusError: it is no news, or older than what is known.
        """
        if not kept.status.is_news(self._now()):
            raise StatusError("what the authority says is out of date")
        der = certificate.public_bytes(Encoding.DER)
        last = self._kept(der)
        if last is not None and kept.status.this_update < last.status.this_update:
            raise StatusError("what the authority says is older than what it has said before: a replay")
        if len(kept.content) > _MAX_KEPT_BYTES:
            kept = msgspec.structs.replace(kept, content=b"")
        transaction = Transaction(self._store)
        transaction.put(status_key(der), msgspec.msgpack.encode(kept))
        transaction.commit()
        return kept

    def _kept(self, der: bytes) -> KeptStatus | None:
        raw = self._store.get(status_key(der))
        return None if raw is None else msgspec.msgpack.decode(raw, type=KeptStatus)

    async def _revocation_list(self, address: str) -> bytes:
        raw = self._store.get(_list_key(address))
        if raw is not None:
            until, content = msgspec.msgpack.decode(raw, type=tuple[int, bytes])
            if self._now() <= until:
                return content
        return await self._authorities.crl(address)

    def _keep_list(self, address: str, raw: bytes, status: Status) -> None:
        transaction = Transaction(self._store)
        transaction.put(_list_key(address), msgspec.msgpack.encode((status.next_update, raw)))
        transaction.commit()

    async def _stamp(self, token: str) -> str:
        if not self._timestamp:
            return ""
        anchor = self.trust().anchor(self._timestamp)
        problem = f"{self._timestamp} serves no time stamps on the trust list"
        for address in anchor.timestamp if anchor else ():
            try:
                raw = await self._authorities.timestamp(address, build_timestamp_request(token))
                check_timestamp(raw, token, self.trust())
            except (AuthorityUnavailableError, TimestampError) as error:
                problem = str(error)
                continue
            return to_base64url(raw)
        if self._timestamp in self._soft_fail:
            logger.warning("a delegation goes without a time stamp: %s", problem)
            return ""
        raise AuthorityUnavailableError(f"no time stamp for the delegation: {problem}")

    def _now(self) -> int:
        return int(self._clock.now())


def _read(name: str, raw: bytes) -> TrustAnchor | None:
    """An entry; None where it cannot be read: then the authority is not recognised."""
    try:
        return parse_anchor(raw, name)
    except CertificateError as error:
        logger.error("the trust list's entry %s recognises nobody: %s", name, error)  # noqa: TRY400
        return None


def _pairs(identity: CertificateIdentity) -> list[tuple[x509.Certificate, x509.Certificate]]:
    return list(pairwise(identity.path))


def _statement(kept: KeptStatus, salt: str) -> Statement:
    return Statement(kept.kind, to_base64url(kept.content), salt)


def status_key(der: bytes) -> bytes:
    """Where it is kept what an authority said of a certificate."""
    return layout.STATUS + hashlib.sha256(der).digest()


def _list_key(address: str) -> bytes:
    return layout.REVOCATION_LIST + hashlib.sha256(address.encode()).digest()
