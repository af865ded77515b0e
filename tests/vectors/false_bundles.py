"""Bundles that a verifier must refuse, each with the reason."""

import base64
from collections.abc import Iterator

from msgspec.structs import replace

from node.domain.bundle import Bundle
from node.domain.delegation import Delegation
from node.domain.encoding import canonical_json, to_base64url
from node.domain.evidence import Evidence, ShownRecord
from node.domain.grant import CLOCK_SKEW_SECONDS, Scope
from tests.vectors import authority, story, world
from tests.vectors.forgery import forge
from tests.vectors.keys import P256TestKey, log_key, p256
from tests.vectors.signing import jws, members
from tests.vectors.world import READER, THIRD


def false_bundles(bundle: Bundle) -> Iterator[tuple[str, Bundle]]:
    """Bundles that are false in one place; `bundle` is the right one."""
    evidence = bundle.evidence
    base, qualification = evidence.records
    stranger = p256("stranger")
    other_log = log_key(f"{READER} log")
    text = evidence.checkpoint.partition("\n\n")[0] + "\n"
    hashed = base64.b64decode(evidence.checkpoint.split(" ")[-1])[:4]
    false_signature = base64.b64encode(hashed + other_log.sign(text.encode())).decode()
    false_note = f"{text}\n— {text.split(chr(10))[0]} {false_signature}\n"
    wide = (Scope("subject.base", ("contact", "credit_code", "name")), story.SCOPE[1])

    yield "another alliance", replace(bundle, alliance="00" * 32)
    yield "another member's log", replace(bundle, member=READER)
    yield "unknown member", replace(bundle, member="centre-x")
    yield "checkpoint by another key", forge(evidence=replace(evidence, checkpoint=false_note))
    yield "record at another place", forge(evidence=_with(evidence, replace(base, index=base.index + 1)))
    shorter = replace(base, inclusion=base.inclusion[:-1])
    yield "inclusion proof cut short", forge(evidence=_with(evidence, shorter))
    foreign = replace(base, disclosures=(*base.disclosures, qualification.disclosures[0]))
    yield "field of another record", forge(evidence=_with(evidence, foreign))
    tampered = replace(base, blind=to_base64url(bytes(32)))
    yield "another blind", forge(evidence=_with(evidence, tampered))
    extra = story.shown("base", ("contact", "credit_code", "name"))
    yield "field that nobody asked for", forge(evidence=_with(evidence, extra))
    yield "category without a record", forge(evidence=replace(evidence, records=(base,)))
    tender = story.shown("tender", ("title",))
    yield "record nobody asked for", forge(evidence=replace(evidence, records=(*evidence.records, tender)))
    yield "one record twice", forge(evidence=replace(evidence, records=(*evidence.records, base)))
    dropped = _with(evidence, replace(base, disclosures=base.disclosures[:1]))
    yield "evidence changed after the answer", replace(bundle, evidence=dropped)
    yield "field that was not granted", forge(request={"scope": wide})
    yield "empty request", forge(request={"scope": ()}, evidence=replace(evidence, records=()))
    yield "another purpose than granted", forge(request={"purpose": "audit"})
    yield "grant for another reader", forge(grant={"aud": THIRD})
    yield "grant for another home", forge(grant={"home": THIRD})
    yield "grant of another alliance", forge(grant={"alliance": "00" * 32})
    yield "grant of another subject", forge(grant={"iss": "00" * 32})
    yield "grant signed by another key", forge(grant_key=stranger)
    yield "grant by a key without delegation", forge(grant={"key": stranger.public.hex()}, grant_key=stranger)
    newer = (replace(story.SCOPE[0], least_version=3), story.SCOPE[1])
    yield "grant that names another key", forge(grant={"key": stranger.public.hex()})
    yield "version below the granted one", forge(grant={"scope": newer})
    yield "record older than asked for", forge(grant={"scope": newer}, request={"scope": newer})
    yield "grant over when it was used", forge(answer={"iat": story.grant().exp})
    yield (
        "grant not begun when it was used",
        forge(answer={"iat": story.grant().nbf - CLOCK_SKEW_SECONDS - 1}),
    )
    yield "request by another member", forge(request_key=stranger)
    yield "request in another member's name", forge(request={"iss": THIRD})
    yield "request for another grant", forge(request={"grant": "00" * 32})
    yield "request to another home", forge(request={"aud": THIRD})
    yield "request of another alliance", forge(request={"alliance": "00" * 32})
    yield "answer by another member", forge(answer_key=stranger)
    yield "answer to another reader", forge(answer={"aud": THIRD})
    yield "answer to another request", forge(answer={"request": "00" * 32})
    yield "answer of another alliance", forge(answer={"alliance": "00" * 32})
    yield "delegation by a stranger's certificate", forge(delegation=_strange_delegation())
    signing_input = world.delegation_token().rpartition(".")[0]
    forged = f"{signing_input}.{to_base64url(stranger.sign(signing_input.encode()))}"
    yield "delegation signed by another key", forge(delegation=forged)
    yield "delegation of another company", forge(delegation=other_company_delegation())


def other_company_delegation() -> str:
    """A real certificate of another company vouches for the wallet whose records show this one's code."""
    code = "91310000775785552L"
    bidder = authority.issue(
        authority.name("other company", [code], "另一公司"),
        p256("other company").key,
        authority.root(),
        key_usage=authority.usage("digital_signature"),
        constraints=None,
    )
    return _delegation(replace(world.delegation(), credit_code=code), bidder, p256("other company"))


def _strange_delegation() -> str:
    strange = authority.issue(
        authority.name("bidder", [authority.CREDIT_CODE], authority.ORGANISATION),
        p256("stranger").key,
        authority.root("Strange root"),
        key_usage=authority.usage("digital_signature"),
        constraints=None,
    )
    return _delegation(world.delegation(), strange, p256("stranger"))


def _with(evidence: Evidence, base: ShownRecord) -> Evidence:
    return replace(evidence, records=(base, *evidence.records[1:]))


def _delegation(delegation: Delegation, bidder: authority.Issued, key: P256TestKey) -> str:
    header = {
        "alg": "ES256",
        "typ": "heqi-delegation+jwt",
        "x5c": [base64.b64encode(bidder.der).decode()],
    }
    return jws(header, canonical_json(members(delegation)), key)
