"""At a subject's home: which records a read is about, and their evidence; whoever allowed the read."""

from collections.abc import Iterable, Mapping, Sequence

from node.domain.category import category
from node.domain.draft import NOBODY
from node.domain.evidence import Evidence, ShownRecord, encode_evidence, show_record
from node.domain.grant import Scope
from node.errors import MissingError, StaleVersionError
from node.services.log import Log
from node.services.preparing import StoredRecord
from node.services.records import Records


class Showing:
    """Selects and shows fields with proofs; checks no authority."""

    def __init__(self, records: Records, log: Log) -> None:
        self._records, self._log = records, log

    def select(self, subject: str, scope: Sequence[Scope], size: int) -> dict[int, StoredRecord]:
        """The newest record of every thing in the scope, among those below `size` in the log, by position.

        Raises:
            MissingError: a category has none.
            StaleVersionError: a record is below the least version that counts.
            StoreError: the database fails.
        """

        def is_final(position: int) -> bool:
            index = self._log.index_of(position)
            return index is not None and index < size

        selected: dict[int, StoredRecord] = {}
        for part in scope:
            # What is sealed until an opening answers like what is not there, and costs the same: nobody looks.
            owner = NOBODY if category(part.category).sealed else subject
            found = self.load(self._records.newest(owner, part.category, is_final))
            if not found:
                raise MissingError(f"the subject has no final record of {part.category}")
            if any(record.header.version < part.least_version for record in found.values()):
                raise StaleVersionError(
                    f"a record of {part.category} is older than version {part.least_version}"
                )
            selected |= found
        return selected

    def load(self, positions: Iterable[int]) -> dict[int, StoredRecord]:
        """The records at these positions.

        Raises:
            MissingError: a record is erased.
            StoreError: the database fails.
        """
        return {position: self._records.load(position) for position in positions}

    def show(self, records: Mapping[int, StoredRecord], scope: Sequence[Scope], size: int) -> bytes:
        """The evidence for records by their positions: the fields of the scope, under the checkpoint of `size`.

        Raises:
            StoreError: the database fails.
        """
        wanted = {part.category: frozenset(part.fields) for part in scope}
        shown: list[ShownRecord] = []
        for position, stored in records.items():
            sealed, proof = stored.seal(), self._log.prove(position, size)
            opened = sealed.commitments.disclosures
            fields = [opened[name] for name in sorted(wanted[stored.header.category] & opened.keys())]
            shown.append(
                show_record(sealed.payload, sealed.commitments.blind, fields, proof.index, proof.path)
            )
        return encode_evidence(Evidence(self._log.checkpoint(size).note, tuple(shown)))
