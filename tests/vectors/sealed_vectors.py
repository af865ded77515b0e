"""The guarantee of `guarantee_story.py`, sealed to an opening of its centre that two other centres hold shares of.

Shares are drawn at random and HPKE draws a key of its own, so both stand here as they once came out.
"""

from functools import cache
from typing import Any

import msgspec

from node.domain.document import document_digest, sign_document
from node.domain.encoding import canonical_json, to_base64url
from node.domain.guarantee import applicant_salt, beneficiary_salt, centre_salt, code_digest, end_salt
from node.domain.ledger_ids import (
    centre_commitment,
    end_commitment,
    guarantee_id,
    issue_guarantee_digest,
    mover_commitment,
    reserve_application_digest,
)
from node.domain.opening import (
    SEALED_TYPE,
    DealtShare,
    OpeningKey,
    OpeningKeyRequest,
    OpeningNotice,
    OpeningTerms,
    SealedFile,
    ShareRelease,
    ShareRequest,
)
from node.domain.reservation_key import reservation_key
from node.domain.sealed_guarantee import (
    CONTENT_TYPE,
    HIDDEN_TYPE,
    ApplicationRefusal,
    HiddenTerms,
    Reservation,
    SealedContent,
    SealedGuarantee,
    SealedPart,
    binding_of,
    hidden_digest,
    ledger_terms,
    nullifier_of,
    opened_file,
    round_validity,
)
from node.domain.sealing import SignedReservation
from node.domain.shares import encrypt_content, holder_public_key, share_commitment
from node.domain.wallet import ApplyCall, ReserveCall, SealedIssueCall
from tests.vectors import guarantee_story, world
from tests.vectors.guarantee_story import CENTRE, CODE, SECTION
from tests.vectors.keys import fixed_bytes
from tests.vectors.world import ALLIANCE, GUARANTOR, HOME, NOW, SUBJECT, THIRD, WALLET

HOLDERS = (HOME, THIRD)
LABEL = fixed_bytes("opening label").hex()
KEY, NONCE = fixed_bytes("opening key", 16), fixed_bytes("sealed file nonce", 12)
OPENS = NOW + 20 * 86_400
NBF, EXP = round_validity(NOW, NOW + 90 * 86_400)
SHARES = tuple(
    bytes.fromhex(share)
    for share in (
        "0171a98fb1a381a414e59d0055da6e2bc2",
        "02fa140ab9c1e9f1a88800aac234d086e9",
    )
)
SEALED_SHARES = (
    "ckJv2COD2OCS43ITVOSpKgTKFla9PpBWhTOMYsrnUw2Xw_KBYhHmVrk4i133M5shl6O8zJeYzpafNv9GZo2t6fg",
    "oy8uxRr39d3LJvT-H62zfBBG_zSaKolMJ2kDlQC4KELCxTlI2UwIxuG530wMP3VrJlXKyi2GzWw96BH3HTWopgs",
)
_DAY = 86_400


def holder_secret(holder: str) -> bytes:
    return fixed_bytes(f"opening key of {holder}")


@cache
def key_token(holder: str) -> str:
    key = OpeningKey(
        **world.common(f"opening key {holder}"),
        iss=holder,
        aud=CENTRE,
        label=LABEL,
        key=holder_public_key(holder_secret(holder)).hex(),
    )
    return sign_document(key, world.identity(holder).sign)


@cache
def terms_token() -> str:
    terms = OpeningTerms(
        **world.common("opening terms"),
        iss=CENTRE,
        label=LABEL,
        section=SECTION,
        opens=OPENS,
        threshold=2,
        keys=tuple(map(key_token, HOLDERS)),
    )
    return sign_document(terms, world.identity(CENTRE).sign)


def opening() -> bytes:
    return document_digest(terms_token())


@cache
def refusal_token() -> str:
    refusal = ApplicationRefusal(
        **world.common("application refusal"), iss=GUARANTOR, nullifier=nullifier_of(CODE, 0).hex()
    )
    return sign_document(refusal, world.identity(GUARANTOR).sign)


def reservations() -> tuple[Reservation, ...]:
    """Refused once, and reserved again for the same bank."""
    first, second = (
        Reservation(GUARANTOR, SUBJECT, fixed_bytes(f"reservation salt {i}").hex(), NOW + (i + 1) * _DAY)
        for i in range(2)
    )
    return msgspec.structs.replace(first, refusal=refusal_token()), second


def hidden() -> HiddenTerms:
    story = guarantee_story.guarantee()
    return HiddenTerms(
        type=HIDDEN_TYPE,
        salt=fixed_bytes("hidden terms salt").hex(),
        centre=CENTRE,
        code=CODE,
        section=SECTION,
        beneficiary_name=story.beneficiary_name,
        beneficiary_key=story.beneficiary_key,
        reservations=reservations(),
    )


def part() -> SealedPart:
    verifier, story = world.contract("ES256Verifier"), guarantee_story.guarantee()
    last = reservations()[-1]
    return SealedPart(
        hidden=hidden_digest(hidden()).hex(),
        application=code_digest(CODE).hex(),
        beneficiary=mover_commitment(
            beneficiary_salt(CODE), verifier + bytes.fromhex(story.beneficiary_key)
        ).hex(),
        centre=centre_commitment(centre_salt(CODE), CENTRE).hex(),
        end_salt=end_salt(CODE, 1).hex(),
        applicant=mover_commitment(applicant_salt(CODE), verifier + bytes.fromhex(story.applicant_key)).hex(),
        nullifier=nullifier_of(CODE, 1).hex(),
        salt=last.salt,
        until=last.until,
    )


def sealed() -> SealedGuarantee:
    told = msgspec.structs.asdict(guarantee_story.guarantee())
    for name in ("centre", "code", "section", "beneficiary_name", "beneficiary_key"):
        del told[name]
    told |= world.common("sealed guarantee") | {"number": "BH-2026-0002", "nbf": NBF, "exp": EXP}
    shown = part()
    return SealedGuarantee(
        **told,
        hidden=shown.hidden,
        application=shown.application,
        beneficiary=shown.beneficiary,
        applicant_mover=shown.applicant,
        centre_mover=shown.centre,
        end=end_commitment(bytes.fromhex(shown.end_salt), EXP).hex(),
        nullifier=shown.nullifier,
    )


@cache
def sealed_token() -> str:
    return sign_document(sealed(), world.identity(GUARANTOR).sign)


def raw_id() -> bytes:
    return guarantee_id(bytes.fromhex(ALLIANCE), ledger_terms(sealed(), document_digest(sealed_token())))


def content() -> bytes:
    """The proof is a word in its place: evidence has vectors of its own."""
    signature = world.identity(GUARANTOR).sign(issue_guarantee_digest(world.domain("Guarantees"), raw_id()))
    told = SealedContent(
        CONTENT_TYPE, opened_file(sealed_token(), hidden()), signature.hex(), to_base64url(b"evidence")
    )
    return canonical_json(msgspec.to_builtins(told))


def sealed_file() -> bytes:
    shares = tuple(
        DealtShare(holder, share_commitment(opening(), holder, share).hex(), sealed_share)
        for holder, share, sealed_share in zip(HOLDERS, SHARES, SEALED_SHARES, strict=True)
    )
    ciphertext = encrypt_content(KEY, NONCE, content(), opening())
    file = SealedFile(SEALED_TYPE, opening().hex(), shares, to_base64url(ciphertext))
    return canonical_json(msgspec.to_builtins(file))


@cache
def request_token(holder: str) -> str:
    request = ShareRequest(
        **world.common(f"share request {holder}"),
        iss=CENTRE,
        aud=holder,
        terms=terms_token(),
        shares=(SEALED_SHARES[HOLDERS.index(holder)],),
    )
    return sign_document(request, world.identity(CENTRE).sign)


def documents() -> list[tuple[str, str]]:
    """Name of the key that signs, and document."""
    centre, holder = world.identity(CENTRE), world.identity(HOME)
    asked = OpeningKeyRequest(**world.common("opening key request"), iss=CENTRE, aud=HOME, label=LABEL)
    notice = OpeningNotice(
        **world.common("opening notice"),
        iss=CENTRE,
        opening=opening().hex(),
        opens=OPENS + _DAY,
        reason="补遗 an addendum",
    )
    release = ShareRelease(
        **world.common("share release"),
        iss=HOME,
        aud=CENTRE,
        request=document_digest(request_token(HOME)).hex(),
        shares=(to_base64url(SHARES[0]),),
    )
    return [
        (f"{CENTRE} identity", sign_document(asked, centre.sign)),
        (f"{HOME} identity", key_token(HOME)),
        (f"{CENTRE} identity", terms_token()),
        (f"{CENTRE} identity", sign_document(notice, centre.sign)),
        (f"{CENTRE} identity", request_token(HOME)),
        (f"{HOME} identity", sign_document(release, holder.sign)),
        (f"{GUARANTOR} identity", sealed_token()),
        (f"{GUARANTOR} identity", refusal_token()),
        *(("wallet", sign_document(call, WALLET.sign)) for call in calls()),
    ]


def signed(generation: int) -> SignedReservation:
    binding = binding_of(reservations()[generation])
    return reservation_key(CODE, generation).sign(world.domain("Alliance"), binding)


def calls() -> list[Any]:
    story, last = guarantee_story.guarantee(), reservations()[-1]
    return [
        ReserveCall(
            **_call("reserve", THIRD),
            nullifier=nullifier_of(CODE, 1).hex(),
            binding=binding_of(last).hex(),
            signature=signed(1).signature.hex(),
        ),
        ApplyCall(
            **_call("sealed application", GUARANTOR),
            code="",
            grant=guarantee_story.grant_token(),
            applicant_key=story.applicant_key,
            beneficiary_name="",
            beneficiary_key="",
            section="",
            guarantee_kind="bid",
            amount=story.amount,
            currency=story.currency,
            nbf=NBF,
            exp=EXP,
            sealed=part(),
        ),
        SealedIssueCall(
            **_call("sealed issue", GUARANTOR), application=fixed_bytes("sealed application").hex()
        ),
    ]


def _call(name: str, node: str) -> dict[str, Any]:
    return {
        **world.common(f"wallet {name}"),
        "node": node,
        "subject": SUBJECT,
        "key": WALLET.public.hex(),
    }


def parts() -> dict[str, Any]:
    """What the documents stand on."""
    first, _ = reservations()
    return {
        "code": CODE,
        "nullifier": nullifier_of(CODE, 0).hex(),
        "reservation": msgspec.to_builtins(msgspec.structs.replace(first, refusal="")),
        "binding": binding_of(first).hex(),
        "reservation_secret": reservation_key(CODE, 0).secret.secret.hex(),
        "reservation_digest": reserve_application_digest(world.domain("Alliance"), binding_of(first)).hex(),
        "reservation_signature": signed(0).signature.hex(),
        "hidden": canonical_json(msgspec.to_builtins(hidden())).decode(),
        "opened_guarantee": opened_file(sealed_token(), hidden()),
        "guarantee_id": raw_id().hex(),
        "opening": opening().hex(),
        "opening_key": KEY.hex(),
        "shares": [
            {
                "holder": holder,
                "secret": holder_secret(holder).hex(),
                "share": share.hex(),
                "sealed": sealed_share,
                "commitment": share_commitment(opening(), holder, share).hex(),
            }
            for holder, share, sealed_share in zip(HOLDERS, SHARES, SEALED_SHARES, strict=True)
        ],
        "content": content().decode(),
        "nonce": NONCE.hex(),
        "file": sealed_file().decode(),
    }
