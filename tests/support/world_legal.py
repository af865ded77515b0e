"""Officers of a world's members, and what they sign for reads on a legal basis."""

import hashlib
import os
from dataclasses import dataclass, field
from typing import Any

from node.domain.document import document_digest, peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.legal_read import LegalCountersignature, LegalPapers, LegalRead, LegalRequest, Notice
from node.services.legal_reading import LegalFetched, Officer
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.world import SCOPE, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre

DAY = 86_400
CASE = "浙监投〔2026〕第 17 号"
ORDER = hashlib.sha256(b"an order").hexdigest()


@dataclass(frozen=True)
class Person:
    """An officer with a key of its own."""

    name: str
    key: WalletKey = field(default_factory=new_wallet_key)

    @property
    def seen(self) -> Officer:
        """As the node sees it by its certificate."""
        return Officer(self.name, self.key.public_key)


FIRST, SECOND = Person("officer-zhang"), Person("officer-li")


def ask(world: World, reader: Centre, home: Centre, subject: str, by: Person = FIRST, **changes: Any) -> str:
    """A legal request signed by an officer."""
    values: dict[str, Any] = {
        **common(world),
        "iss": reader.name,
        "aud": home.name,
        "subject": subject,
        "credit_code": "",
        "scope": SCOPE,
        "purpose": "complaint-handling",
        "basis": "complaint",
        "authority": "示例省招标投标行政监督局",
        "case": CASE,
        "instrument": "",
        "notice": Notice(),
        "officer": by.name,
        "key": by.key.public_key.hex(),
        "second": SECOND.name,
        **changes,
    }
    return sign_document(LegalRequest(**values), by.key.sign)


def countersign(world: World, request: str, by: Person = SECOND, **changes: Any) -> str:
    """The second officer's signature."""
    values: dict[str, Any] = {
        **common(world),
        "iss": peek_document(request, LegalRequest).iss,
        "request": document_digest(request).hex(),
        "officer": by.name,
        "key": by.key.public_key.hex(),
        **changes,
    }
    return sign_document(LegalCountersignature(**values), by.key.sign)


def vouch(
    world: World, reader: Centre, home: Centre, request: str, second: str, **changes: Any
) -> LegalPapers:
    """The member's own signature, and all papers."""
    values: dict[str, Any] = {
        **common(world),
        "iss": reader.name,
        "aud": home.name,
        "request": document_digest(request).hex(),
        "countersignature": document_digest(second).hex(),
        **changes,
    }
    return LegalPapers(sign_document(LegalRead(**values), reader.keys.identity.sign), request, second)


def papers(world: World, reader: Centre, bidder: Bidder, **changes: Any) -> LegalPapers:
    """All papers of a member that goes about it by itself, whatever its node would say."""
    home = bidder.registered_at
    request = ask(world, reader, home, bidder.subject, **changes)
    return vouch(world, reader, home, request, countersign(world, request))


def prepare(world: World, reader: Centre, home: Centre, subject: str, **changes: Any) -> str:
    """Both officers sign at their node; the request's digest."""
    request = ask(world, reader, home, subject, **changes)
    digest = reader.services.legal_reading.submit(FIRST.seen, request)
    reader.services.legal_reading.countersign(SECOND.seen, countersign(world, request), digest)
    return digest


async def read(world: World, reader: Centre, home: Centre, subject: str, **changes: Any) -> LegalFetched:
    """The whole way."""
    digest = prepare(world, reader, home, subject, **changes)
    return await reader.services.legal_reading.fetch(FIRST.seen, digest)


def common(world: World) -> dict[str, Any]:
    return {
        "alliance": world.descriptor.alliance,
        "iat": int(world.clock.now()),
        "jti": to_base64url(os.urandom(16)),
    }
