"""Founding and joining an alliance: deploy, describe, sign, check. Used by `heqi alliance`.

1 one founder deploys the contracts with all founders in the constructor and writes `alliance.json`
2 every founder checks the deployment against its own artefacts and adds its signature
3 every member installs the file that all founders have signed, after the same check
"""

import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from adapters.crypto.keys import open_keys
from adapters.crypto.signers import AccountSigner
from adapters.ledger.artifact import ALLIANCE, BOOK_NAMES
from adapters.ledger.check import check_deployment
from adapters.ledger.deploy import deploy_alliance, deploy_contract
from adapters.ledger.deployment import deployment_of
from node.config import ALLIANCE_FILE, Config, load_config, read_file, replace_file
from node.domain.descriptor import (
    DESCRIPTOR_TYPE,
    AllianceFile,
    DeployedContract,
    Descriptor,
    founders_of,
    open_alliance_file,
    open_card,
    parse_alliance_file,
    sign_descriptor,
)
from node.domain.encoding import to_base64url
from node.domain.trust import TrustAnchor, check_anchors
from node.errors import ConfigError, DescriptorError


async def create_alliance(
    home: Path, name: str, cards: Sequence[str], anchors: Sequence[TrustAnchor], out: Path
) -> Descriptor:
    """Deploy a new alliance with this node's account and write the descriptor with its signature.

    Raises:
        ConfigError: this node is not among the founders, or the file exists.
        CertificateError: a trust anchor is unusable.
        DescriptorError: a card is false.
        LedgerUnavailableError: the engine does not answer.
    """
    config, keys = load_config(home), open_keys(home)
    if out.exists():  # noqa: ASYNC240  # a command of its own, nothing else waits
        raise ConfigError(f"{out} exists; nothing was deployed")
    check_anchors(anchors)
    by_name = {open_card(card).name: card for card in cards}
    if config.name not in by_name or len(by_name) != len(cards):
        raise ConfigError("the founders' cards must be of different members, this node's own among them")
    alliance_id = os.urandom(32)
    founders = [open_card(by_name[member]) for member in sorted(by_name)]
    deployment = await deploy_alliance(
        config.ledger.url, keys.account, alliance_id=alliance_id, founders=founders, anchors=anchors
    )
    descriptor = Descriptor(
        type=DESCRIPTOR_TYPE,
        alliance=alliance_id.hex(),
        name=name,
        created=int(time.time()),
        chain_id=deployment.chain_id,
        genesis_hash=deployment.genesis_hash.hex(),
        deployed_block=deployment.block,
        contracts={
            contract: DeployedContract(where.address.hex(), where.code_hash.hex())
            for contract, where in deployment.contracts.items()
        },
        founders=tuple(by_name[member] for member in sorted(by_name)),
        trust_anchors=tuple(anchors),
    )
    _write(out, AllianceFile(descriptor, {}))
    await sign_alliance(home, out)
    return descriptor


async def sign_alliance(home: Path, path: Path) -> None:
    """Check a descriptor against the ledger and add this founder's signature.

    Raises:
        DescriptorError: it differs from the ledger, or this node is no founder under these keys.
        LedgerUnavailableError: the engine does not answer.
    """
    config, keys = load_config(home), open_keys(home)
    file = parse_alliance_file(read_file(path))
    founder = founders_of(file.descriptor).get(config.name)
    if founder is None or founder.identity_key != keys.identity.public_key:
        raise DescriptorError(f"{config.name} is not a founder of this alliance under this folder's keys")
    await _check(config, file.descriptor)
    signature = sign_descriptor(
        file.descriptor,
        config.name,
        keys.identity.sign,
        iat=int(time.time()),
        jti=to_base64url(os.urandom(16)),
    )
    _write(path, AllianceFile(file.descriptor, {**file.signatures, config.name: signature}))


async def join_alliance(home: Path, path: Path) -> Descriptor:
    """Check a descriptor, its signatures and the ledger, and install it in the node's folder.

    Raises:
        ConfigError: this node belongs to another alliance already.
        DescriptorError: a signature is missing or false, or the ledger differs.
        LedgerUnavailableError: the engine does not answer.
    """
    config, raw = load_config(home), read_file(path)
    descriptor = open_alliance_file(raw)
    await _check(config, descriptor)
    installed = home / ALLIANCE_FILE
    if installed.exists() and open_alliance_file(read_file(installed)).alliance != descriptor.alliance:
        raise ConfigError(f"{home} belongs to another alliance; a node joins one")
    replace_file(installed, raw)
    return descriptor


async def _check(config: Config, descriptor: Descriptor) -> None:
    founders = founders_of(descriptor)
    ordered = [founders[name] for name in sorted(founders)]
    await check_deployment(config.ledger.url, deployment_of(descriptor), ordered, descriptor.trust_anchors)


def _write(path: Path, file: AllianceFile) -> None:
    replace_file(path, msgspec.json.format(msgspec.json.encode(file), indent=2) + b"\n")


async def deploy_successor(home: Path, name: str) -> tuple[bytes, bytes]:
    """Put the contract that this node's software was built for on the chain; the members then vote on it.

    Returns:
        Its address, 20 bytes, and the keccak256 of its code, 32 bytes: what every member compares.

    Raises:
        ConfigError: there is no such contract, or this node has joined no alliance.
        DescriptorError: the descriptor is not signed by its founders.
        LedgerUnavailableError: the engine does not answer.
    """
    if name not in BOOK_NAMES:
        raise ConfigError(f"{name} is none of the contracts that can be replaced: {', '.join(BOOK_NAMES)}")
    config = load_config(home)
    descriptor = open_alliance_file(read_file(home / ALLIANCE_FILE))
    # From an account of its own: the node's is the running node's, and nonces are counted by one process.
    alliance = deployment_of(descriptor).address_of(ALLIANCE)
    placed = await deploy_contract(config.ledger.url, AccountSigner(os.urandom(32)), name, alliance)
    return placed.address, placed.code_hash
