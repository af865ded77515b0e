"""CPU time of judging a delegation whose certificate's status is known, against the signature checks in it."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.crypto import trial_ca
from adapters.crypto.trial_status import TrialResponder
from adapters.store.leveldb import LevelStore
from node.services.recognition import Recognition
from tests.support.trust import OCSP
from tests.support.world import World
from tests.support.world_authorities import WorldAuthorities

CHECKS = 400


def measure() -> dict[str, float]:
    """Milliseconds of CPU for one check of a P-256 and of an RSA delegation, and for the signatures in it."""
    with World(terms={"ocsp": (OCSP,)}) as world, tempfile.TemporaryDirectory() as folder:
        asyncio.run(world.follow())
        figures = {}
        for name, bits in (("P-256", 0), ("RSA-2048", 2048)):
            bidder = world.bidder()
            bidder.certificate = trial_ca.issue(
                world.authority.root, bidder.organisation, bidder.code, rsa_bits=bits
            )
            token = bidder.delegate(bidder.key)
            figures[name] = _time_checks(world, Path(folder) / name, token)
        figures["two P-256 signatures"] = _time_signatures()
    return figures


def _time_checks(world: World, folder: Path, token: str) -> float:
    authorities, store = WorldAuthorities(), LevelStore(folder)
    authorities.handlers[OCSP] = TrialResponder(world.authority.root, now=world.clock.now).answer
    alliance = world.home.services.alliance
    recognition = Recognition(store, alliance, authorities, world.clock, os.urandom)
    proof = asyncio.run(recognition.prove(token))
    assert recognition.check(token, proof=proof).is_status_known
    begin = time.process_time()
    for _ in range(CHECKS):
        recognition.check(token)
    milliseconds = (time.process_time() - begin) / CHECKS * 1000
    store.close()
    return milliseconds


def _time_signatures() -> float:
    key, message = ec.generate_private_key(ec.SECP256R1()), os.urandom(500)
    signature, public = key.sign(message, ec.ECDSA(hashes.SHA256())), key.public_key()
    begin = time.process_time()
    for _ in range(2 * CHECKS):
        public.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    return (time.process_time() - begin) / CHECKS * 1000
