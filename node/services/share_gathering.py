"""At a tender's centre, once the ledger has the opening: holders are asked for the shares of its bids.

A minority that is away, or refuses, holds nothing up; a share that is not what the bidder dealt names its holder.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from node.domain.document import document_digest, open_members_document
from node.domain.encoding import from_base64url
from node.domain.opening import MOST_SHARES, Opening, SealedFile, ShareRelease, ShareRequest
from node.domain.shares import share_commitment
from node.errors import DocumentFormatError, NodeError
from node.ports import Peers, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.signing import Signing
from node.services.transaction import Transaction


@dataclass(slots=True)
class Gathered:
    """The shares of one bid."""

    shares: dict[int, bytes] = field(default_factory=dict)
    """By place; each fits its commitment."""
    at_fault: list[str] = field(default_factory=list)


class ShareGathering:
    """Asks holders."""

    def __init__(self, store: Store, alliance: Alliance, peers: Peers, signing: Signing) -> None:
        self._store, self._alliance, self._peers, self._signing = store, alliance, peers, signing

    async def gather(
        self, opening: Opening, terms: str, files: Mapping[int, SealedFile]
    ) -> dict[int, Gathered]:
        """The shares of an opening's bids, each held against the commitment in its bid.

        Args:
            opening: its papers, checked.
            terms: the opening-terms document.
            files: bids by number.

        Raises:
            StoreError: the database fails.
        """
        gathered = {number: Gathered() for number in files}
        if files:
            places = range(1, len(opening.holders) + 1)
            await asyncio.gather(
                *(self._gather_from(opening, terms, place, files, gathered) for place in places)
            )
        return gathered

    async def _gather_from(
        self,
        opening: Opening,
        terms: str,
        place: int,
        files: Mapping[int, SealedFile],
        gathered: dict[int, Gathered],
    ) -> None:
        """One holder's shares of all bids; nothing where it does not answer as it should."""
        holder = opening.holders[place - 1]
        numbers = list(files)
        for first in range(0, len(numbers), MOST_SHARES):
            part = numbers[first : first + MOST_SHARES]
            try:
                released = await self._ask(
                    opening, terms, holder.name, [files[number].shares[place - 1].sealed for number in part]
                )
            except NodeError:
                return  # a minority that is away, or refuses, holds nothing up
            for number, text in zip(part, released, strict=True):
                share = from_base64url(text)
                dealt = files[number].shares[place - 1].commitment
                if share_commitment(opening.id, holder.name, share).hex() == dealt:
                    gathered[number].shares[place] = share
                elif share:
                    gathered[number].at_fault.append(holder.name)

    async def _ask(self, opening: Opening, terms: str, name: str, sealed: Sequence[str]) -> Sequence[str]:
        holder = self._alliance.projection.known_member(name)
        request = self._signing.sign(
            ShareRequest(**self._signing.issued(), aud=name, terms=terms, shares=tuple(sealed))
        )
        token = await self._peers.shares(holder, request)
        release = open_members_document(token, ShareRelease, holder.identity_keys)
        named = (release.alliance, release.iss, release.aud, release.request)
        if named != (self._alliance.id, name, self._alliance.me, document_digest(request).hex()):
            raise DocumentFormatError("the answer is to another request")
        if len(release.shares) != len(sealed):
            raise DocumentFormatError("the answer has not as many shares as were asked for")
        transaction = Transaction(self._store)
        kept = layout.SHARES_OBTAINED + opening.id + layout.text(name) + document_digest(request)
        transaction.put(kept, token.encode())
        transaction.commit()
        return release.shares
