"""What `generate.py` writes of the ledger: identifiers, EIP-712 digests, one-time keys."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from node.domain.calendar import add_working_days, working_year
from node.domain.controller import controllers_digest
from node.domain.document import document_digest
from node.domain.guarantee import applicant_salt, beneficiary_salt, centre_salt, end_salt
from node.domain.guarantee_table import Event
from node.domain.keys import KeyChange, KeyProofs, KeySet, Succession
from node.domain.ledger_ids import (
    change_controller_digest,
    key_change_digest,
    revoke_grant_digest,
    subject_id,
    veto_recovery_digest,
)
from node.domain.member import member_name_to_bytes32
from node.domain.succession import show_succession
from tests.vectors import guarantee_story, story, wallet_calls, world
from tests.vectors.keys import fixed_bytes, log_key, p256
from tests.vectors.world import ALLIANCE, GUARANTOR, HOME, THIRD, WALLET


def ledger() -> Mapping[str, Any]:
    alliance, terms = bytes.fromhex(ALLIANCE), story.grant()
    controller = world.contract("ES256Verifier") + WALLET.public
    raw_grant = story.granted_id()
    domain, one_time = world.domain("Grants"), wallet_calls.revoker()
    handed = world.contract("ES256Verifier") + p256("next wallet").public
    return {
        "alliance": ALLIANCE,
        "member_names": {name: member_name_to_bytes32(name).hex() for name in (HOME, "a", "z" * 31)},
        "subject": {
            "home": HOME,
            "salt": fixed_bytes("subject salt").hex(),
            "id": subject_id(alliance, HOME, fixed_bytes("subject salt")).hex(),
            "controller": controller.hex(),
        },
        "grant": {
            "digest": document_digest(story.grant_token()).hex(),
            "register_before": terms.register_before,
            "expires": terms.exp,
            "revoker": terms.revoker,
            "id": raw_grant.hex(),
        },
        "domains": {
            name: {
                "chain_id": world.CHAIN_ID,
                "contract": world.contract(name).hex(),
                "separator": world.domain(name).separator().hex(),
            }
            for name in ("Alliance", "Grants", "Guarantees", "Subjects")
        },
        "revocation": {
            "wallet_private": f"{WALLET.scalar:064x}",
            "jti": terms.jti,
            "one_time_public": one_time.public.hex(),
            "one_time_private": f"{one_time.scalar:064x}",
            "digest": revoke_grant_digest(domain, raw_grant).hex(),
            "signature": one_time.sign(revoke_grant_digest(domain, raw_grant)).hex(),
        },
        "change_controller": {
            "version": 2,
            "removed": controller.hex(),
            "added": handed.hex(),
            "digest": change_controller_digest(
                world.domain("Subjects"),
                bytes.fromhex(world.SUBJECT),
                2,
                removed=controller,
                added=handed,
            ).hex(),
        },
        "veto_recovery": {
            "version": 2,
            "digest": veto_recovery_digest(world.domain("Subjects"), bytes.fromhex(world.SUBJECT), 2).hex(),
        },
        "controllers": {
            "signers": [controller.hex(), handed.hex()],
            "digest": controllers_digest([controller, handed]).hex(),
        },
        "change_keys": _change_keys(),
        "move_subject": {
            "version": 2,
            "home": THIRD,
            "digest": wallet_calls.move_digest().hex(),
            "signature": WALLET.sign(wallet_calls.move_digest()).hex(),
        },
        "calendar": _calendar(),
        **_guarantee(),
    }


def _calendar() -> Mapping[str, Any]:
    """2026 as the State Council announced it, and five working days over the Spring Festival."""
    off = {(1, 1, 3), (2, 15, 23), (4, 4, 6), (5, 1, 5), (6, 19, 21), (9, 25, 27), (10, 1, 7)}
    holidays = {date(2026, month, day) for month, first, last in off for day in range(first, last + 1)}
    worked = {date(2026, *day) for day in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]}
    year = working_year(2026, holidays=frozenset(holidays), worked=frozenset(worked))
    claimed = 1_770_966_000
    return {
        "year": 2026,
        "working_days": len(year.days()),
        "early": year.words[:32].hex(),
        "late": year.words[32:].hex(),
        "data": ((2026).to_bytes(32, "big") + year.words).hex(),
        "period": {"time": claimed, "count": 5, "end": add_working_days({2026: year}, claimed, 5)},
    }


def _mover(salt: bytes, key: bytes, commitment: bytes) -> Mapping[str, Any]:
    signer = world.contract("ES256Verifier") + key
    return {"salt": salt.hex(), "signer": signer.hex(), "commitment": commitment.hex()}


def _change_keys() -> Mapping[str, Any]:
    """The home changes its identity and log key; account and sealing key stay."""
    card, next_identity = world.card(HOME), p256(f"{HOME} next identity")
    keys = KeySet(
        bytes.fromhex(card.account),
        next_identity.public,
        log_key(f"{HOME} next log").public,
        bytes.fromhex(card.sealing_key),
    )
    change = KeyChange(keys, story.LOG_SIZE, world.NOW + 7 * 86_400)
    digest = key_change_digest(world.domain("Alliance"), HOME, 1, change)
    proofs = KeyProofs(world.identity(HOME).sign(digest), next_identity.sign(digest), b"")
    shown = show_succession(Succession(HOME, 1, world.NOW, change, proofs))
    return {"digest": digest.hex(), "succession": msgspec.to_builtins(shown)}


def _guarantee() -> Mapping[str, Any]:
    told, terms = guarantee_story, guarantee_story.terms()
    return {
        "guarantee": {
            "digest": terms.digest.hex(),
            "code": told.CODE,
            "application": terms.application.hex(),
            "exp": told.END,
            "expires": terms.expires,
            "guarantor": terms.guarantor,
            "beneficiary": _mover(
                beneficiary_salt(told.CODE), told.beneficiary_key().public, terms.beneficiary
            ),
            "applicant": _mover(applicant_salt(told.CODE), told.applicant_key().public, terms.applicant),
            "centre": {
                "salt": centre_salt(told.CODE).hex(),
                "name": told.guarantee().centre,
                "commitment": terms.centre.hex(),
            },
            "end": {"salt": end_salt(told.CODE, 1).hex(), "commitment": terms.end.hex()},
            "examination": terms.examination,
            "id": told.issued_id().hex(),
        },
        "issue": {
            "digest": told.issue_digest().hex(),
            "signature": world.identity(GUARANTOR).sign(told.issue_digest()).hex(),
        },
        "release": {
            "sequence": told.RELEASE_STEP,
            "event": int(Event.RELEASE),
            "previous": terms.digest.hex(),
            "document": document_digest(told.release_token()).hex(),
            "digest": told.release_digest().hex(),
            "signature": told.beneficiary_key().sign(told.release_digest()).hex(),
        },
        "one_time_keys": {
            "applicant": {
                "wallet_private": f"{WALLET.scalar:064x}",
                "code": told.CODE,
                "public": told.applicant_key().public.hex(),
            },
            "beneficiary": {
                "wallet_private": f"{p256('beneficiary wallet').scalar:064x}",
                "section": told.SECTION,
                "public": told.beneficiary_key().public.hex(),
            },
        },
    }
