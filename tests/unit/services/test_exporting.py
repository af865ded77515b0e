"""Records as SD-JWTs: what a foreign library verifies, and who gets them."""

import base64
import json

import pytest
from jwcrypto.jwk import JWK
from sd_jwt.holder import SDJWTHolder
from sd_jwt.verifier import SDJWTVerifier

from node.domain.sd_jwt import SD_JWT_TYPE, jwk
from node.errors import DocumentFormatError, ReplayError, RoleMissingError, UnknownCallerError
from tests.support.world import World
from tests.support.world_records import incoming

AUDIENCE, NONCE = "https://lender.example", "n-0S6_WzA2Mj"


def exported(world: World, bidder) -> dict[str, str]:
    token = bidder.scribe.export(world.home.name)
    found = world.home.services.exporting.registration(token)
    return {one.header.category: one.sd_jwt for one in found}


def issuer_key(world: World) -> JWK:
    return JWK(**jwk(world.home.keys.identity.public_key))


def verified(world: World, presented: str, *binding: str) -> dict:
    return SDJWTVerifier(presented, lambda *_: issuer_key(world), *binding).get_verified_payload()


async def registered(world: World):
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


async def test_a_foreign_library_verifies_a_registration(world):
    bidder = await registered(world)
    text = exported(world, bidder)["subject.base"]
    shown = verified(world, text)
    package = {document.category: document.fields for document in bidder.package()}
    assert package["subject.base"].items() <= shown["fields"].items()
    assert shown["iss"] == f"heqi:{world.descriptor.alliance}/{world.home.name}"
    assert shown["owner"] == bidder.subject
    header = json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))
    assert header == {"alg": "ES256", "typ": SD_JWT_TYPE}


async def test_a_holder_shows_one_field_and_proves_that_the_record_is_its_own(world):
    bidder = await registered(world)
    holder = SDJWTHolder(exported(world, bidder)["subject.base"])
    key = JWK.from_pyca(bidder.key._key)
    holder.create_presentation({"fields": {"credit_code": True}}, NONCE, AUDIENCE, key)
    shown = verified(world, holder.sd_jwt_presentation, AUDIENCE, NONCE)
    assert list(shown["fields"]) == ["credit_code"]


async def test_somebody_elses_key_does_not_bind(world):
    bidder, other = await registered(world), world.bidder()
    holder = SDJWTHolder(exported(world, bidder)["subject.base"])
    holder.create_presentation({"fields": True}, NONCE, AUDIENCE, JWK.from_pyca(other.key._key))
    with pytest.raises(Exception, match=r"(?i)signature"):
        verified(world, holder.sd_jwt_presentation, AUDIENCE, NONCE)


async def test_only_the_newest_version_is_exported(world):
    bidder = await registered(world)
    before = exported(world, bidder)
    world.register(bidder)
    after = exported(world, bidder)
    assert before.keys() == after.keys()
    assert {verified(world, text)["version"] for text in before.values()} == {1}
    assert {verified(world, text)["version"] for text in after.values()} == {2}


async def test_nobody_exports_what_is_anothers(world):
    bidder = await registered(world)
    thief = world.bidder()
    thief.subject = bidder.subject
    with pytest.raises(UnknownCallerError):
        world.home.services.exporting.registration(thief.scribe.export(world.home.name))
    with pytest.raises(UnknownCallerError):
        world.reader.services.exporting.registration(bidder.scribe.export(world.reader.name))


async def test_a_request_to_export_cannot_be_played_again_or_elsewhere(world):
    bidder = await registered(world)
    token = bidder.scribe.export(world.home.name)
    world.home.services.exporting.registration(token)
    with pytest.raises(ReplayError):
        world.home.services.exporting.registration(token)
    with pytest.raises(DocumentFormatError):
        world.reader.services.exporting.registration(token)


async def test_the_centre_exports_its_own_records_and_no_bidders(world):
    bidder = await registered(world)
    accepted = world.home.records.append("c", 1, [incoming("1")])
    shown = verified(world, world.home.services.exporting.own(accepted.first))
    assert shown["owner"] == world.home.name
    assert "cnf" not in shown
    (position, *_) = world.home.records.all_of(bidder.subject)
    with pytest.raises(RoleMissingError):
        world.home.services.exporting.own(position)
