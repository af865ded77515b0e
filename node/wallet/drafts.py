"""Drafts of registration packages in a wallet: files that their owner edits until they are right.

drafts/NAME.json    [{category, thing, fields}, …], indented, so that it can be edited by hand too
"""

import json
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.x509.oid import NameOID

from node.config import replace_file
from node.domain.catalogue.rules import shipped_rules
from node.domain.certified import chain_of
from node.domain.delegation import Delegation
from node.domain.document import decode_payload, split_document
from node.domain.package import Company, check_package, field_rules
from node.domain.wallet import PackageRecord
from node.errors import ConfigError, Mistake

FOLDER = "drafts"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Drafts:
    """The drafts of one wallet."""

    def __init__(self, wallet: Path) -> None:
        """Args:
        wallet: its folder.
        """
        self._folder = wallet / FOLDER

    def names(self) -> list[str]:
        """All drafts, in order of names."""
        return sorted(file.stem for file in self._folder.glob("*.json"))

    def path(self, name: str) -> Path:
        """Where a draft is, or would be.

        Raises:
            ConfigError: it cannot be a file's name.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(f"a draft's name has 1 to 64 letters, digits, _ or -, not {name!r}")
        return self._folder / f"{name}.json"

    def create(self, name: str, documents: Sequence[PackageRecord]) -> Path:
        """A new draft.

        Raises:
            ConfigError: there is one by that name.
        """
        path = self.path(name)
        if path.exists():
            raise ConfigError(f"there is a draft {name} already; edit it, or name another")
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self.write(name, documents)
        return path

    def read(self, name: str) -> list[PackageRecord]:
        """A draft's documents.

        Raises:
            ConfigError: there is none by that name, or what is in its file is no list of documents.
        """
        path = self.path(name)
        try:
            return msgspec.json.decode(path.read_bytes(), type=list[PackageRecord])
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{path}: {error}") from error
        except OSError as error:
            raise ConfigError(f"there is no draft {name}; heqi wallet draft list shows them") from error

    def write(self, name: str, documents: Sequence[PackageRecord]) -> None:
        """Keep a draft.

        Raises:
            ConfigError: it cannot be written.
        """
        plain = msgspec.to_builtins(list(documents))
        text = json.dumps(plain, ensure_ascii=False, indent=2)
        replace_file(self.path(name), f"{text}\n".encode())

    def set(self, name: str, category: str, thing: str, fields: dict[str, object | None]) -> None:
        """Set fields of one document, which is made if it is not there; None takes a field out.

        Raises:
            ConfigError: there is no such draft.
        """
        documents = self.read(name)
        place = next(
            (at for at, one in enumerate(documents) if (one.category, one.thing) == (category, thing)), None
        )
        if place is None:
            documents.append(PackageRecord(category, thing, {}))
            place = len(documents) - 1
        merged = {**documents[place].fields, **fields}
        kept = {field: value for field, value in merged.items() if value is not None}
        documents[place] = PackageRecord(category, thing, kept)
        self.write(name, documents)

    def remove(self, name: str) -> None:
        """Throw a draft away, for example after it was handed in."""
        self.path(name).unlink(missing_ok=True)


def check_locally(
    documents: Sequence[PackageRecord], delegation: str, *, is_first: bool, today: date
) -> list[Mistake]:
    """What can be told without a network: everything, except whether the home recognises the certificate.

    Args:
        documents: of a draft.
        delegation: what the certificate signed; it names the company.
        is_first: whether the subject is not registered yet.
        today: in China.

    Raises:
        NodeError: the delegation cannot be read.
    """
    return check_package(
        documents, company_of(delegation), is_first=is_first, today=today, rules=field_rules(shipped_rules)
    )


def company_of(delegation: str) -> Company:
    """Whom a delegation of this wallet is by, as its certificate says; not checked again.

    Raises:
        NodeError: it cannot be read.
    """
    said = decode_payload(split_document(delegation)[1], Delegation)
    leaf = x509.load_der_x509_certificate(chain_of(delegation, Delegation)[0])
    names = leaf.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return Company(said.credit_code, str(names[0].value) if names else "")
