"""Bundles that a verifier must refuse, each with the reason."""

import base64
from collections.abc import Iterator

from msgspec.structs import replace

from node.domain.bundle import Bundle, LaterCheckpoint
from node.domain.checkpoint import Checkpoint, sign_checkpoint
from node.domain.cosignature import cosign, with_cosignatures
from node.domain.delegation import Delegation
from node.domain.encoding import canonical_json, to_base64url
from node.domain.evidence import Evidence, ShownRecord
from node.domain.grant import CLOCK_SKEW_SECONDS, Scope
from node.domain.read_check import STALE_LEDGER_SECONDS
from tests.vectors import authority, story, world
from tests.vectors.forgery import forge
from tests.vectors.keys import P256TestKey, fixed_bytes, log_key, p256
from tests.vectors.ledger_state import BLOCK, ledger_proof
from tests.vectors.signing import jws, members
from tests.vectors.world import ALLIANCE, HOME, READER, THIRD


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
    yield "evidence changed after the answer", story.kept(replace(bundle, evidence=dropped))
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
    yield from _false_logs(bundle)
    yield from _false_ledgers(bundle)
    yield from _false_custodies(bundle)


def _false_logs(bundle: Bundle) -> Iterator[tuple[str, Bundle]]:
    """Every later signature made anew, as a keeper could."""
    kept, size = story.kept, story.LOG_SIZE
    yield "no cosignatures", kept(replace(bundle, later=()))
    yield "too few cosigners", kept(replace(bundle, later=(story.later(size, witnesses=(READER,)),)))
    yield "a cosigner twice", kept(replace(bundle, later=(story.later(size, witnesses=(READER, READER)),)))
    yield (
        "a log that cosigns itself",
        kept(replace(bundle, later=(story.later(size, witnesses=(READER, HOME)),))),
    )
    key = log_key(f"{THIRD} log")
    other = Checkpoint(ALLIANCE, HOME, size, fixed_bytes("other root"))
    line = cosign(other, THIRD, key.public, story.NOW, key.sign)
    note = with_cosignatures(story.cosigned(size, (READER,)), [line])
    yield "a cosignature on another root", kept(replace(bundle, later=(LaterCheckpoint(note, ()),)))
    left = ledger_proof(size, story.root(size), story.granted_id(), resting=(THIRD,))
    three = kept(replace(bundle, ledger=(left,), later=(story.later(size, witnesses=(THIRD,)),)))
    yield "a cosigner that had left the alliance", three
    home = log_key(f"{HOME} log")
    forked = Checkpoint(ALLIANCE, HOME, size, fixed_bytes("other root"))
    note = sign_checkpoint(forked, home.public, home.sign)
    lines = (log_key(f"{name} log") for name in story.WITNESSES)
    named = zip(story.WITNESSES, lines, strict=True)
    note = with_cosignatures(
        note, [cosign(forked, name, key.public, story.NOW, key.sign) for name, key in named]
    )
    yield "a later checkpoint of another tree", kept(replace(bundle, later=(LaterCheckpoint(note, ()),)))
    own = story.home_bundle()
    [later] = own.later
    yield (
        "a consistency proof cut short",
        kept(replace(own, later=(replace(later, consistency=later.consistency[:-1]),))),
    )
    yield (
        "a consistency proof from another size",
        kept(replace(own, later=(story.later(story.OWN_SIZE - 1),))),
    )
    stale = replace(bundle, later=(story.later(size), story.later(size)))
    yield "later checkpoints out of order", kept(stale)
    unused = (replace(later, checkpoint=story.note()),)
    yield "a later checkpoint of no use", kept(replace(own, later=unused, ledger=()))


def _false_ledgers(bundle: Bundle) -> Iterator[tuple[str, Bundle]]:
    kept, size, root, grant = story.kept, story.LOG_SIZE, story.root(story.LOG_SIZE), story.granted_id()
    [proof] = bundle.ledger
    yield "no proof of the ledger", kept(replace(bundle, ledger=()))
    yield (
        "anchor of another root",
        kept(replace(bundle, ledger=(ledger_proof(size, fixed_bytes("other root"), grant),))),
    )
    yield (
        "anchor of an earlier size",
        kept(replace(bundle, ledger=(ledger_proof(14, story.root(14), grant),))),
    )
    yield "revoked grant", kept(replace(bundle, ledger=(ledger_proof(size, root, grant, revoked=True),)))
    yield (
        "unregistered grant",
        kept(replace(bundle, ledger=(ledger_proof(size, root, fixed_bytes("other grant")),))),
    )
    old = ledger_proof(size, root, grant, time=story.NOW - STALE_LEDGER_SECONDS - 1)
    yield "the ledger long before the read", kept(replace(bundle, ledger=(old,)))
    yield (
        "ledger proof without a node",
        kept(replace(bundle, ledger=(replace(proof, nodes=proof.nodes[1:]),))),
    )
    yield (
        "ledger proof with a node twice",
        kept(replace(bundle, ledger=(replace(proof, nodes=(*proof.nodes, proof.nodes[0])),))),
    )
    yield (
        "ledger proof in another order",
        kept(replace(bundle, ledger=(replace(proof, nodes=proof.nodes[::-1]),))),
    )
    other = ledger_proof(size, root, grant, number=BLOCK + 1, time=story.NOW + 1)
    yield "header of another block", kept(replace(bundle, ledger=(replace(proof, header=other.header[:-4]),)))
    yield "blocks out of order", kept(replace(bundle, ledger=(other, proof)))
    yield "one block twice", kept(replace(bundle, ledger=(proof, proof)))


def _false_custodies(bundle: Bundle) -> Iterator[tuple[str, Bundle]]:
    yield "no keeper's statement", replace(bundle, custody="")
    yield "statement by another member", story.kept(bundle, THIRD)
    yield "statement in another member's name", story.kept(bundle, iss=THIRD)
    yield "statement of another alliance", story.kept(bundle, alliance="00" * 32)
    yield "statement on another bundle", story.kept(bundle, bundle="00" * 32)
    yield "statement on other content", story.kept(bundle, records=())
    yield "statement before what it covers", story.kept(bundle, iat=story.NOW - 301)
    yield "reader that says it is the home", story.kept(bundle, obtained=0)
    own = story.home_bundle()
    yield "home that says it read elsewhere", story.kept(own, obtained=story.NOW)
    yield "home's statement on what was read", replace(bundle, custody=own.custody)


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
