"""Bundles that are wrong in one place and right, with every later signature made anew, in all others.

So each attack reaches the check that is meant for it, as one by somebody who holds the keys would.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from node.domain.bundle import Authority, Bundle
from node.domain.document import document_digest, sign_document
from node.domain.evidence import Evidence, encode_evidence, evidence_digest
from node.domain.grant import grant_terms
from node.domain.ledger_ids import grant_id
from tests.vectors import story, world
from tests.vectors.keys import P256TestKey
from tests.vectors.ledger_state import ledger_proof
from tests.vectors.world import ALLIANCE, HOME, READER, WALLET


def forge(
    *,
    grant: Mapping[str, Any] | None = None,
    grant_key: P256TestKey = WALLET,
    delegation: str | None = None,
    request: Mapping[str, Any] | None = None,
    request_key: P256TestKey | None = None,
    evidence: Evidence | None = None,
    answer: Mapping[str, Any] | None = None,
    answer_key: P256TestKey | None = None,
) -> Bundle:
    """The story's bundle with members of its documents replaced."""
    forged_grant = replace(story.grant(), **(grant or {}))
    grant_token = sign_document(forged_grant, grant_key.sign)
    terms = grant_terms(forged_grant, document_digest(grant_token))
    named = grant_id(bytes.fromhex(ALLIANCE), terms).hex()
    forged_request = replace(story.read_request(), **{"grant": named, **(request or {})})
    request_token = sign_document(forged_request, (request_key or world.identity(READER)).sign)
    forged_evidence = evidence or story.evidence()
    bound = {
        "request": document_digest(request_token).hex(),
        "evidence": evidence_digest(encode_evidence(forged_evidence)),
    }
    forged_answer = replace(story.read_answer(), **{**bound, **(answer or {})})
    answer_token = sign_document(forged_answer, (answer_key or world.identity(HOME)).sign)
    tokens = (grant_token, delegation or world.delegation_token(), request_token, answer_token)
    right = story.read_bundle()
    proof = ledger_proof(story.LOG_SIZE, story.root(story.LOG_SIZE), bytes.fromhex(named))
    forged = replace(right, evidence=forged_evidence, authority=Authority(*tokens), ledger=(proof,))
    return story.kept(forged)
