"""Consents at rest: each sealed under its subject's key, filed by receiver."""

from collections.abc import Iterator

import msgspec

from node.domain.consent import Asked, Consent, is_for, kind_of
from node.domain.document import document_digest, reopen_document
from node.domain.erasure import REGISTRATION_PART
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault


class KeptConsent(msgspec.Struct, frozen=True):
    """A consent at its home."""

    token: str
    taken: float
    receipt: str
    """Of the consent; of its withdrawal once there is one."""
    withdrawal: str = ""

    def consent(self) -> Consent:
        """What it says."""
        return reopen_document(self.token, kind_of(self.token))


class ConsentRows:
    """The consents of all subjects; all methods raise `StoreError` when the database fails."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store, self._vault = store, vault

    def all(self, subject: str) -> Iterator[KeptConsent]:
        """A subject's consents, by receiver."""
        for key, _ in self._store.scan(layout.CONSENT + layout.text(subject)):
            yield self._open(subject, key)

    def find(self, subject: str, digest: bytes) -> KeptConsent | None:
        """The consent by that id, 32 bytes, or None."""
        for key, _ in self._store.scan(layout.CONSENT + layout.text(subject)):
            if key.endswith(digest):
                return self._open(subject, key)
        return None

    def live(self, asked: Asked) -> Iterator[tuple[str, Consent]]:
        """Consents that hold for what is asked, each with its token."""
        for key, _ in self._store.scan(layout.CONSENT + layout.text(asked.subject, asked.receiver)):
            kept = self._open(asked.subject, key)
            consent = kept.consent()
            if not kept.withdrawal and is_for(consent, asked):
                yield kept.token, consent

    def put(self, transaction: Transaction, kept: KeptConsent) -> None:
        """Write a consent, or what became of it."""
        consent = kept.consent()
        place = layout.text(consent.subject, consent.receiver) + document_digest(kept.token)
        key, content = layout.CONSENT + place, msgspec.msgpack.encode(kept)
        transaction.put(key, self._vault.seal(consent.subject, key, content, REGISTRATION_PART))

    def _open(self, subject: str, key: bytes) -> KeptConsent:
        sealed = self._store.get(key)
        assert sealed is not None  # its key was just found, and only an erasure deletes it
        return msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=KeptConsent)
