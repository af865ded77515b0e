"""A certificate's status over real HTTP, and its proof over real gRPC, from the home to a bundle."""

import pytest

from adapters.crypto import trial_ca
from adapters.crypto.trial_status import TrialResponder, serve
from node.domain.bundle import parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.validity import parse_proof
from node.domain.verdict import Gap, StepKind
from node.errors import RevokedError, StatusUnknownError
from tests.integration.test_sharing_over_grpc import Bidder, ask, fetch, settled, sign
from tests.support.network import open_network

pytestmark = pytest.mark.asyncio


async def test_a_read_brings_the_proof_that_the_certificate_was_good(tmp_path):
    root = trial_ca.make_root()
    says = TrialResponder(root)
    paths = {"/ocsp": says.answer}
    with serve(paths) as address:
        terms = {"ocsp": (f"{address}/ocsp",), "nonces": True}
        async with open_network(tmp_path, ("centre-a", "centre-b"), root=root, **terms) as network:
            bidder, late, last = Bidder(network, 31), Bidder(network, 32), Bidder(network, 33)
            await bidder.register()
            await settled(bidder)
            request = await ask(network, bidder)
            await sign(bidder)
            await fetch(network, request)
            reader = network["centre-b"].services
            bundle = parse_bundle(reader.proving.obtained_bundle(request, 0, incomplete=True))
            says.revoke(late.certificate.certificate)
            with pytest.raises(RevokedError):
                await late.register()
            home = network["centre-a"].services.registrations
            proof = parse_proof(home.voucher(bidder.subject, bidder.key.name).status)
            assert [bool(statement.salt) for statement in proof.statements] == [True]
            verifier = Verifier(network.descriptor, allowed=frozenset({Gap.WITNESSES, Gap.LEDGER}))
            assert StepKind.NOT_REVOKED in {step.kind for step in verify_bundle(bundle, verifier).steps}
            del paths["/ocsp"]
            with pytest.raises(StatusUnknownError):
                await last.register()
