"""A wallet's folder: what it keeps between commands. Only the key is secret.

key.pem          P-256, encrypted by the passphrase
wallet.json      subject id and home
alliance.json    the descriptor it trusts
delegation.jwt   what the certificate signed
acceptance.jwt   the key's own word that this is its company's delegation, for a recovery
passkey.*        the trial passkey that signs in the key's place, if there is one
papers.json      of the lost key, while a recovery is under way
key-*.pem        keys that were replaced: one-time keys of guarantees follow from them
cards/*.jwt      cards of members admitted after the founding, if their owner trusts them
cards/*.json     changes of members' keys since; they prove themselves
package.json     the newest version of every document that was handed in: what a new home is given
grants/*.jwt     grants that were signed, by id, and beside each the access request that it answers
uses.json        reads under each grant, as far as the home has signed them
revoked.json     grants that were revoked
erasures/*.jwt   requests for erasure, by id, and beside each the receipts for it
consents/*.jwt   consents of people that this wallet signed, by id, and beside each the home's receipt and the salt of
                 its evidence
sealed/          sealed applications, each with its opening key once the bid was sealed: keep it to yourself
applications/    applications for guarantees that no guarantor has answered yet
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from node.domain.descriptor import (
    Descriptor,
    alliance_domain,
    founders_of,
    known_members,
    open_alliance_file,
)
from node.domain.document import document_digest
from node.domain.member import Member
from node.domain.succession import follow_all, parse_successions
from node.domain.wallet import PackageRecord
from node.errors import ConfigError
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, load_wallet_key, new_wallet_key
from node.wallet.passkey import Passkey
from node.wallet.trial_authenticator import open_trial_passkey

T = TypeVar("T")
KEY_FILE, STATE_FILE, DESCRIPTOR_FILE = "key.pem", "wallet.json", "alliance.json"
DELEGATION_FILE, CARDS_FOLDER, GRANTS_FOLDER = "delegation.jwt", "cards", "grants"
APPLICATIONS_FOLDER, ERASURES_FOLDER, CONSENTS_FOLDER = "applications", "erasures", "consents"
LINES_FOLDER = "lines"
ACCEPTANCE_FILE = "acceptance.jwt"
PACKAGE_FILE, USES_FILE, REVOKED_FILE = "package.json", "uses.json", "revoked.json"


class WalletState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`wallet.json`."""

    home: str
    """Member where the subject registers."""
    subject: str = ""
    """Subject id, 64 hex digits, once it is registered."""


@dataclass(frozen=True, slots=True)
class WalletFolder:
    """An opened folder, without its key."""

    path: Path
    state: WalletState
    descriptor: Descriptor

    def members(self) -> dict[str, Member]:
        """Members that this wallet knows: the founders, and those whose cards it was given.

        Raises:
            DescriptorError: a card is false.
            ProofFormatError: a file of key changes is malformed.
            SignatureError: a change of keys is false.
        """
        cards = sorted((self.path / CARDS_FOLDER).glob("*.jwt"))
        members = known_members(self.descriptor, [card.read_text().strip() for card in cards])
        files = sorted((self.path / CARDS_FOLDER).glob("*.json"))
        changes = [one for file in files for one in parse_successions(file.read_bytes())]
        return follow_all(members, changes, alliance_domain(self.descriptor))

    def member(self, name: str) -> Member:
        """A member that this wallet knows.

        Raises:
            ConfigError: it knows none by that name.
        """
        found = self.members().get(name)
        if found is None:
            raise ConfigError(
                f"this wallet does not know {name}; put its card into {self.path / CARDS_FOLDER}"
            )
        return found

    def key(self, passphrase: bytes) -> WalletKey:
        """The wallet's key.

        Raises:
            ConfigError: the passphrase is wrong.
        """
        return load_wallet_key(self.path / KEY_FILE, passphrase)

    def passkey(self, passphrase: bytes) -> Passkey | None:
        """The passkey that signs in the key's place, if there is one.

        Raises:
            ConfigError: it is damaged, or the passphrase is wrong.
        """
        found = open_trial_passkey(self.path, passphrase)
        return None if found is None else Passkey(found)

    def scribe(self, passphrase: bytes) -> Scribe:
        """What signs for this wallet.

        Raises:
            ConfigError: the passphrase is wrong.
        """
        return Scribe(self.key(passphrase), self.descriptor, self.state.subject, self.passkey(passphrase))

    def acceptance(self) -> str:
        """The key's own word on its delegation.

        Raises:
            ConfigError: nothing yet.
        """
        try:
            return (self.path / ACCEPTANCE_FILE).read_text().strip()
        except OSError as error:
            raise ConfigError(
                "no certificate vouches for this wallet yet: run heqi wallet delegate"
            ) from error

    def keep(self, name: str, content: bytes) -> None:
        """Write a file of the folder anew; an interruption leaves the old one."""
        _replace(self.path / name, content)

    def delegation(self) -> str:
        """What the certificate signed.

        Raises:
            ConfigError: nothing yet.
        """
        try:
            return (self.path / DELEGATION_FILE).read_text().strip()
        except OSError as error:
            raise ConfigError(
                "no certificate vouches for this wallet yet: run heqi wallet delegate"
            ) from error

    def remember_grant(self, grant_id: str, token: str, request: str = "") -> None:
        """Keep a grant that was signed, and the access request that it answers."""
        folder = self.path / GRANTS_FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / f"{grant_id}.jwt").write_text(token + "\n")
        if request:
            (folder / f"{grant_id}.request").write_text(request + "\n")

    def request_of(self, grant_id: str) -> str:
        """The access request that a grant answers; empty if there was none."""
        file = self.path / GRANTS_FOLDER / f"{grant_id}.request"
        return file.read_text().strip() if file.exists() else ""

    def remember_package(self, records: Sequence[PackageRecord]) -> None:
        """Keep the documents that were handed in; of each thing the newest."""
        kept = {(one.category, one.thing): one for one in (*self.package(), *records)}
        _replace(self.path / PACKAGE_FILE, msgspec.json.encode(list(kept.values())))

    def package(self) -> list[PackageRecord]:
        """The wallet's own copy of its registration package.

        Raises:
            ConfigError: the file was damaged.
        """
        return self._read(PACKAGE_FILE, list[PackageRecord], [])

    def remember_erasure(self, token: str) -> None:
        """Keep a request for erasure: by it the receipts are asked for."""
        folder = self.path / ERASURES_FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        _replace(folder / f"{document_digest(token).hex()}.jwt", f"{token}\n".encode())

    def erasures(self) -> list[str]:
        """Requests for erasure that were kept, oldest first."""
        files = (self.path / ERASURES_FOLDER).glob("*.jwt")
        return [file.read_text().strip() for file in sorted(files, key=lambda file: file.stat().st_mtime)]

    def remember_receipts(self, request: str, receipts: Sequence[str]) -> None:
        """Keep checked receipts for an erasure; one that was kept is never lost to an answer with fewer."""
        known = self.receipts(request)
        new = [one for one in receipts if one not in known]
        file = self.path / ERASURES_FOLDER / f"{document_digest(request).hex()}.json"
        _replace(file, msgspec.json.encode([*known, *new]))

    def receipts(self, request: str) -> list[str]:
        """Receipts for an erasure, oldest first.

        Raises:
            ConfigError: the file was damaged.
        """
        return self._read(f"{ERASURES_FOLDER}/{document_digest(request).hex()}.json", list[str], [])

    def remember_consent(self, token: str, receipt: str, salt: bytes = b"") -> None:
        """Keep a consent that was signed; the home's receipt once it is checked; the salt of its evidence."""
        folder = self.path / CONSENTS_FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        name = document_digest(token).hex()
        _replace(folder / f"{name}.jwt", f"{token}\n".encode())
        if receipt:
            _replace(folder / f"{name}.receipt", f"{receipt}\n".encode())
        if salt:
            _replace(folder / f"{name}.salt", f"{salt.hex()}\n".encode())

    def consents(self) -> dict[str, str]:
        """Consents that this wallet signed, by id, oldest first."""
        files = (self.path / CONSENTS_FOLDER).glob("*.jwt")
        ordered = sorted(files, key=lambda file: file.stat().st_mtime)
        return {file.stem: file.read_text().strip() for file in ordered}

    def remember_uses(self, uses: Mapping[str, int]) -> None:
        """Keep how often grants were used; a number never falls."""
        known = self.uses()
        largest = {grant: max(count, known.get(grant, 0)) for grant, count in uses.items()}
        _replace(self.path / USES_FILE, msgspec.json.encode(known | largest))

    def uses(self) -> dict[str, int]:
        """Reads under each grant as far as this wallet knows of them, by grant id.

        Raises:
            ConfigError: the file was damaged.
        """
        return self._read(USES_FILE, dict[str, int], {})

    def remember_revoked(self, grants: Sequence[str]) -> None:
        """Keep which grants are revoked: they are not carried to a new home."""
        _replace(self.path / REVOKED_FILE, msgspec.json.encode(sorted({*self.revoked(), *grants})))

    def revoked(self) -> set[str]:
        """Ids of the grants that this wallet knows to be revoked.

        Raises:
            ConfigError: the file was damaged.
        """
        return self._read(REVOKED_FILE, set[str], set())

    def _read(self, name: str, kind: type[T], missing: T) -> T:
        file = self.path / name
        try:
            return msgspec.json.decode(file.read_bytes(), type=kind) if file.exists() else missing
        except msgspec.MsgspecError as error:
            raise ConfigError(f"{file}: {error}") from error

    def grants(self) -> dict[str, str]:
        """Grants that this wallet signed, by id, oldest first."""
        files = sorted((self.path / GRANTS_FOLDER).glob("*.jwt"), key=lambda file: file.stat().st_mtime)
        return {file.stem: file.read_text().strip() for file in files}

    def remember_subject(self, subject: str) -> None:
        """Keep the subject's id."""
        write_state(self.path, WalletState(self.state.home, subject))

    def remember_home(self, home: str) -> None:
        """Keep where the subject has moved."""
        write_state(self.path, WalletState(home, self.state.subject))


def create_wallet(path: Path, descriptor_file: bytes, home: str, passphrase: bytes) -> WalletKey:
    """Make a wallet with a fresh key for one alliance.

    Raises:
        ConfigError: there is one already, the passphrase is too short, or the home is unknown.
        DescriptorError: the descriptor is not signed by its founders.
    """
    descriptor = open_alliance_file(descriptor_file)
    if home not in founders_of(descriptor):
        raise ConfigError(
            f"{home} is no founder of {descriptor.name}; its founders are "
            f"{', '.join(founders_of(descriptor))}"
        )
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = new_wallet_key()
    key.save(path / KEY_FILE, passphrase)
    (path / DESCRIPTOR_FILE).write_bytes(descriptor_file)
    write_state(path, WalletState(home))
    return key


def open_wallet(path: Path) -> WalletFolder:
    """Open a wallet's folder.

    Raises:
        ConfigError: it is none.
        DescriptorError: its descriptor is not signed by its founders.
    """
    try:
        state = msgspec.json.decode((path / STATE_FILE).read_bytes(), type=WalletState)
        descriptor = open_alliance_file((path / DESCRIPTOR_FILE).read_bytes())
    except OSError as error:
        raise ConfigError(f"{path} is no wallet: {error.strerror}; heqi wallet init makes one") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path / STATE_FILE}: {error}") from error
    return WalletFolder(path, state, descriptor)


def write_state(path: Path, state: WalletState) -> None:
    """Replace `wallet.json`; an interruption leaves the old one."""
    _replace(path / STATE_FILE, msgspec.json.encode(state))


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_name(file.name + ".new")
    draft.touch(mode=0o600)
    draft.write_bytes(content)
    draft.replace(file)
