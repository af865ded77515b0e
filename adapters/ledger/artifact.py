"""The compiled contracts as they are committed: ABI, creation code, and what must stand on the chain.

`contracts/build.mjs` writes `artifacts/*.json`; nothing here compiles.
"""

import functools
import importlib.resources
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ALLIANCE = "Alliance"
SUBJECTS = "Subjects"
GRANTS = "Grants"
ANCHORS = "Anchors"
GUARANTEES = "Guarantees"
TRUST_LIST = "TrustList"
CATALOGUE = "Catalogue"
CALENDAR = "Calendar"
OPENINGS = "Openings"
RESERVATIONS = "Reservations"
VERIFIER = "ES256Verifier"
PASSKEY_VERIFIER = "WebAuthnVerifier"

BOOK_NAMES = (
    SUBJECTS,
    GRANTS,
    ANCHORS,
    GUARANTEES,
    TRUST_LIST,
    CATALOGUE,
    CALENDAR,
    OPENINGS,
    RESERVATIONS,
)
"""Those that the alliance's address book names; each is built with the alliance's address."""
VERIFIERS = (VERIFIER, PASSKEY_VERIFIER)
"""Of signatures by wallets and passkeys; accepted from the founding on."""
CONTRACT_NAMES = (ALLIANCE, *BOOK_NAMES, *VERIFIERS)

_WORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Artifact:
    """One compiled contract."""

    name: str
    abi: Sequence[Mapping[str, Any]]
    """Entries as solc writes them."""
    bytecode: bytes
    """Creation code, without constructor arguments."""
    deployed_bytecode: bytes
    """Runtime code with zeros where immutables go."""
    immutable_offsets: tuple[int, ...]
    """Byte offsets of the 32-byte places in the runtime code that hold the alliance's address."""

    def runtime_code(self, alliance: bytes) -> bytes:
        """What must stand on the chain for a contract built with the 20-byte address `alliance`."""
        code = bytearray(self.deployed_bytecode)
        for offset in self.immutable_offsets:
            code[offset : offset + _WORD_BYTES] = alliance.rjust(_WORD_BYTES, b"\0")
        return bytes(code)


@functools.cache
def load_artifact(name: str) -> Artifact:
    """Read the committed artefact of one of `CONTRACT_NAMES`."""
    source = importlib.resources.files("adapters.ledger").joinpath("artifacts", f"{name}.json")
    content = json.loads(source.read_text("utf-8"))
    places = content["immutableReferences"]
    if any(place["length"] != _WORD_BYTES for place in places):
        raise ValueError(f"{name} has an immutable that is no 32-byte word")
    return Artifact(
        name=name,
        abi=content["abi"],
        bytecode=_read_hex(content["bytecode"]),
        deployed_bytecode=_read_hex(content["deployedBytecode"]),
        immutable_offsets=tuple(place["start"] for place in places),
    )


def knows_code(name: str, code: bytes, alliance: bytes) -> bool:
    """Whether the runtime code is that of a version of the named contract that this software was built for.

    A release that brings a new version keeps the artefacts of those it still works with, as `Name.1.json` and so on.
    """
    return any(code == artifact.runtime_code(alliance) for artifact in _versions(name))


@functools.cache
def _versions(name: str) -> tuple[Artifact, ...]:
    folder = importlib.resources.files("adapters.ledger").joinpath("artifacts")
    earlier = [one.name.removesuffix(".json") for one in folder.iterdir() if one.name.startswith(f"{name}.")]
    return tuple(load_artifact(version) for version in sorted({name, *earlier}) if name in CONTRACT_NAMES)


def _read_hex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
