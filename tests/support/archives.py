"""Archives of a world's centres: who signs, who receives, and what an enemy does to the folder."""

import json
import shutil
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.archive.envelope import Opener, Recipient
from node.archives import export_archive
from node.domain.descriptor import AllianceFile, sign_descriptor
from node.domain.encoding import to_base64url
from tests.support.world import World
from tests.support.world_centre import Centre

BASIS = "档案移交 2030-7"
KEY = ec.generate_private_key(ec.SECP256R1())
OPENER = Opener(KEY)
RECIPIENT = Recipient(
    KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "recipient.pub.pem"
)


def alliance_file(world: World) -> bytes:
    """`alliance.json` of a world, signed by all founders."""
    names = [name for name, centre in world.centres.items()]
    signatures = {
        name: sign_descriptor(
            world.descriptor, name, world.centres[name].keys.identity.sign, iat=1, jti=to_base64url(bytes(16))
        )
        for name in names
    }
    file = AllianceFile(world.descriptor, signatures)
    return json.dumps(msgspec.to_builtins(file)).encode()


def export(world: World, centre: Centre, target: Path, recipient: Recipient = RECIPIENT) -> Path:
    """Write the archive of a centre."""
    export_archive(centre.services, alliance_file(world), recipient, BASIS, target)
    return target


def all_files(folder: Path) -> list[str]:
    """Every file in it, relative."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _flip(folder: Path, path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def _first(folder: Path, path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[0] ^= 0x80
    path.write_bytes(raw)


def _truncate(folder: Path, path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _empty(folder: Path, path: Path) -> None:
    path.write_bytes(b"")


def _extend(folder: Path, path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _swap(folder: Path, path: Path) -> None:
    files = all_files(folder)
    other = folder / files[(files.index(str(path.relative_to(folder))) + 1) % len(files)]
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


def _drop(folder: Path, path: Path) -> None:
    path.unlink()


def _rename(folder: Path, path: Path) -> None:
    path.rename(path.with_name(path.name + "x"))


def _copy(folder: Path, path: Path) -> None:
    shutil.copy(path, path.with_name("copy-of-" + path.name.lower()))


def _link(folder: Path, path: Path) -> None:
    away = folder.parent / "away"
    path.rename(away)
    path.symlink_to(away)


def _folder(folder: Path, path: Path) -> None:
    path.unlink()
    path.mkdir()


MUTATIONS = {
    "flip a bit": _flip,
    "flip the first bit": _first,
    "truncate": _truncate,
    "empty": _empty,
    "extend": _extend,
    "swap with the next": _swap,
    "drop": _drop,
    "rename": _rename,
    "add a copy": _copy,
    "put a link in its place": _link,
    "put a folder in its place": _folder,
}
