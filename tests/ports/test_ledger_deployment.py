"""What a joining node finds out about a deployment, on a real engine."""

import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.ledger import deploy
from adapters.ledger.artifact import ALLIANCE, CONTRACT_NAMES
from adapters.ledger.calls import to_invocation
from adapters.ledger.check import check_deployment
from adapters.ledger.deployment import DeployedContract
from adapters.ledger.engine import Engine
from node.domain.alliance_life import MoveSubject, ProposeRoles, StandingStep, Step
from node.domain.catalogue.shipped import FoundingEntry, founding_entries
from node.domain.guarantee import end_on_ledger
from node.domain.guarantee_table import Event as Guarantee
from node.domain.keys import KeyChange, KeyProofs, KeySet
from node.domain.ledger import (
    AnchorCheckpoint,
    CastVote,
    ChangeController,
    ChangeKeys,
    CreateSubject,
    Evidence,
    GrantTerms,
    GuaranteeStep,
    GuaranteeTerms,
    IssueGuarantee,
    ProposeAdmission,
    ProposeTrust,
    RegisterGrant,
    RevokeGrant,
    Signed,
    StepGuarantee,
    UpdateEndpoints,
)
from node.domain.ledger_ids import (
    centre_commitment,
    change_controller_digest,
    end_commitment,
    grant_id,
    guarantee_id,
    issue_guarantee_digest,
    key_change_digest,
    move_subject_digest,
    mover_commitment,
    revoke_grant_digest,
    step_guarantee_digest,
    subject_id,
)
from node.domain.sealing import AnnounceOpening, PostponeOpening, ReserveApplications
from node.domain.trust import MAX_ENTRY_BYTES
from node.errors import DescriptorError, LedgerRefusedError, LedgerUnavailableError
from tests.support.ledger_worlds import GUARANTOR, EvmWorld
from tests.support.ledgers import AccountKey, EmbeddedEngine, Es256Key, new_account_key, new_member, submit
from tests.support.reserved import some_reservations
from tests.support.trust import anchor, root


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tmp_path_factory.mktemp("engine"))
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
async def world(engine: EmbeddedEngine) -> AsyncIterator[EvmWorld]:
    world = EvmWorld(engine)
    await world.found()
    yield world
    await world.close()


async def test_an_honest_descriptor_passes_also_after_a_member_moved(world: EvmWorld) -> None:
    await submit(world.ledger(), UpdateEndpoints("new.example:1", "new.example:2"))
    await world.check()


async def test_another_chain_is_named(world: EvmWorld) -> None:
    with pytest.raises(DescriptorError, match="chain id"):
        await world.check(replace(world.deployment, chain_id=5))
    with pytest.raises(DescriptorError, match="hash of block 0"):
        await world.check(replace(world.deployment, genesis_hash=bytes(32)))


async def test_another_alliance_id_is_named(world: EvmWorld) -> None:
    with pytest.raises(DescriptorError, match="alliance's id"):
        await world.check(replace(world.deployment, alliance_id=bytes(32)))


@pytest.mark.parametrize("name", CONTRACT_NAMES)
async def test_other_code_than_the_committed_is_named(world: EvmWorld, name: str) -> None:
    contracts = dict(world.deployment.contracts)
    empty = contracts | {name: DeployedContract(secrets.token_bytes(20), bytes(32))}
    with pytest.raises(DescriptorError, match=f"no contract at {name}"):
        await world.check(replace(world.deployment, contracts=empty))
    swapped = "Grants" if name != "Grants" else "Anchors"
    other = contracts | {name: replace(contracts[name], address=contracts[swapped].address)}
    with pytest.raises(DescriptorError, match="code"):
        await world.check(replace(world.deployment, contracts=other))
    lying = contracts | {name: replace(contracts[name], code_hash=bytes(32))}
    with pytest.raises(DescriptorError, match=f"code hash of {name}"):
        await world.check(replace(world.deployment, contracts=lying))


async def test_contracts_of_another_alliance_are_named(world: EvmWorld, engine: EmbeddedEngine) -> None:
    """Their code has another alliance's address in it."""
    other = EvmWorld(engine)
    await other.found()
    contracts = dict(world.deployment.contracts) | {"Grants": other.deployment.contracts["Grants"]}
    with pytest.raises(DescriptorError, match="code of Grants"):
        await world.check(replace(world.deployment, contracts=contracts))


async def test_other_founders_are_named(world: EvmWorld) -> None:
    with pytest.raises(DescriptorError, match="list of founders"):
        await world.check(members=world.members[:2])
    with pytest.raises(DescriptorError, match="list of founders"):
        await world.check(members=world.members[::-1])
    forged = replace(world.members[1], log_key=secrets.token_bytes(32))
    with pytest.raises(DescriptorError, match="founder nanjing"):
        await world.check(members=[world.members[0], forged, world.members[2]])


async def test_a_hidden_verifier_is_found(engine: EmbeddedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A verifier that accepts anything could speak for every subject."""
    encode = deploy.encode_constructor

    def encode_with_evil(name: str, arguments: tuple[object, ...]) -> bytes:
        if name == "Alliance":
            *others, verifiers = arguments
            arguments = (*others, [*verifiers, secrets.token_bytes(20)])  # type: ignore[misc]
        return encode(name, arguments)

    monkeypatch.setattr(deploy, "encode_constructor", encode_with_evil)
    with pytest.raises(DescriptorError, match="founding verifiers"):
        await EvmWorld(engine).found()


async def test_another_founding_block_is_named(world: EvmWorld) -> None:
    with pytest.raises(DescriptorError, match="list of founders"):
        await world.check(replace(world.deployment, block=0))


async def test_malformed_founders_are_refused_before_anything_is_sent(engine: EmbeddedEngine) -> None:
    key = new_account_key()
    double = [new_member(name, key.address) for name in ("hangzhou", "nanjing")]
    deployer = new_account_key()
    with pytest.raises(LedgerRefusedError, match="AllianceAccountTaken"):
        await deploy.deploy_alliance(
            engine.url, deployer.account, alliance_id=secrets.token_bytes(32), founders=double
        )
    rpc = Engine(engine.url, 2.0)
    assert await rpc.request("eth_getTransactionCount", "0x" + deployer.address.hex()) == "0x0"
    await rpc.close()


async def test_founding_without_an_engine_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError):
        await deploy.deploy_alliance(
            f"unix://{tmp_path}/none.sock", new_account_key().account, alliance_id=bytes(32), founders=[]
        )


def _new_keys(world: EvmWorld, name: str, account: AccountKey, identity: Es256Key, until: int) -> ChangeKeys:
    """All four keys, with an overlap."""
    new = KeySet(account.signer, identity.signer[20:], secrets.token_bytes(32), secrets.token_bytes(32))
    change = KeyChange(new, 2**63, until)
    digest = key_change_digest(world.deployment.domain_of("Alliance"), name, 1, change)
    proofs = KeyProofs(world.identity(name).sign(digest), identity.sign(digest), account.sign(digest))
    return ChangeKeys(change, proofs)


def _random(count: int) -> list[bytes]:
    return [secrets.token_bytes(32) for _ in range(count)]


async def test_gas_limits_leave_room(world: EvmWorld, engine: EmbeddedEngine) -> None:
    """The real use, with the largest arguments, is at most half of each fixed limit."""
    ledger, key, now = world.ledger(), new_account_key(), await world.now()
    big = "x" * 255
    newcomer = replace(new_member("suzhou", key.address), endpoint=big, wallet_endpoint=big)
    revoker = world.es256_key()
    salt, other = secrets.token_bytes(32), world.es256_key().signer
    subject = subject_id(world.alliance_id, "hangzhou", salt)
    digest = change_controller_digest(
        world.deployment.domain_of("Subjects"), subject, 2, removed=b"", added=other
    )
    move = move_subject_digest(world.deployment.domain_of("Subjects"), subject, 3, "nanjing")
    terms = GrantTerms(secrets.token_bytes(32), now + 600, now + 6_000, revoker.signer)
    revoke = revoke_grant_digest(world.deployment.domain_of("Grants"), grant_id(world.alliance_id, terms))
    there = world.deployment.domain_of("Guarantees")
    owner = mover_commitment(salt, revoker.signer)
    end = now + 6_000
    commitments = owner, owner, centre_commitment(salt, "hangzhou"), end_commitment(salt, end)
    covered = GuaranteeTerms(salt, salt, end_on_ledger(end), GUARANTOR, *commitments, 30)
    guarantee = guarantee_id(world.alliance_id, covered)
    issue = IssueGuarantee(covered, world.identity(GUARANTOR).sign(issue_guarantee_digest(there, guarantee)))
    claim = GuaranteeStep(guarantee, 2, salt, Guarantee.CLAIM_EXTEND_OR_PAY, salt, salt, end_on_ledger(end))
    claimed = Signed(revoker.signer, revoker.sign(step_guarantee_digest(there, claim), high=True), salt)
    release = GuaranteeStep(guarantee, 3, salt, Guarantee.RELEASE, bytes(32))
    released = Signed(revoker.signer, revoker.sign(step_guarantee_digest(there, release), high=True), salt)
    padded = revoker.signer + bytes(64)  # the longest key a signer may have
    checked = ChangeController | MoveSubject | RevokeGrant | IssueGuarantee | StepGuarantee
    rpc = Engine(engine.url, 5.0)
    for call, who in [
        (AnchorCheckpoint(2**63, bytes(32), ()), "hangzhou"),
        (CreateSubject(salt, revoker.signer), "hangzhou"),
        (CreateSubject(bytes(32), padded), "hangzhou"),
        (ChangeController(subject, b"", other, revoker.signer, revoker.sign(digest, high=True)), "nanjing"),
        (MoveSubject(subject, revoker.signer, revoker.sign(move, high=True)), "nanjing"),
        (StandingStep(Step.ANNOUNCE_LEAVE), "nanjing"),
        (StandingStep(Step.WITHDRAW_LEAVE), "nanjing"),
        (StandingStep(Step.ANSWER), "nanjing"),
        (RegisterGrant(terms), "nanjing"),
        (RevokeGrant(terms, revoker.sign(revoke)), "nanjing"),
        (UpdateEndpoints(big, big), "hangzhou"),
        (UpdateEndpoints(big, big), GUARANTOR),  # the contract reads its issuer's whole row
        (issue, "nanjing"),
        (StepGuarantee(claim, claimed, Evidence(end, salt)), "nanjing"),
        (StepGuarantee(release, released), "nanjing"),
        (ProposeAdmission(newcomer, now + 600), "hangzhou"),
        (CastVote(1, True), "shanghai"),
        (ProposeTrust("sh-ca", b"x" * MAX_ENTRY_BYTES, now + 600), "hangzhou"),
        (CastVote(2, True), "shanghai"),
        (ProposeRoles("shanghai", 7, now + 600), "hangzhou"),
        (CastVote(3, True), "nanjing"),
        (AnnounceOpening(salt, now + 3_600), "hangzhou"),
        (PostponeOpening(salt, now + 7_200, salt), "hangzhou"),
        (ReserveApplications(some_reservations(world.deployment.domain_of(ALLIANCE))), "hangzhou"),
        (_new_keys(world, "nanjing", new_account_key(), world.es256_key(), now + 600), "nanjing"),
    ]:
        outcome = await submit(world.ledger(who), call)
        block = await rpc.request("eth_getBlockByNumber", hex(outcome.block.number), False)
        assert outcome.succeeded
        # EIP-7951 saves 300,000 gas on each P-256 check; engines without it must fit in too
        spare = 350_000 if isinstance(call, checked) else 700_000 if isinstance(call, ChangeKeys) else 0
        assert int(block["gasUsed"], 16) + spare <= to_invocation(call, world.deployment).gas / 2, call
    await rpc.close()
    assert ledger is not None


async def test_a_founding_trust_list_other_than_the_descriptors_is_named(
    engine: EmbeddedEngine, world: EvmWorld
) -> None:
    listed, hidden = anchor(), anchor(root("乙 CA"), "b-ca")
    deployment = await deploy.deploy_alliance(
        engine.url,
        new_account_key().account,
        alliance_id=secrets.token_bytes(32),
        founders=world.members,
        anchors=(listed, hidden),
    )
    await check_deployment(engine.url, deployment, world.members, (listed, hidden))
    with pytest.raises(DescriptorError, match="number of founding trust anchors"):
        await check_deployment(engine.url, deployment, world.members, (listed,))
    for other in ((hidden, listed), (listed, anchor(root("丙 CA"), "b-ca"))):
        with pytest.raises(DescriptorError, match="hash of the founding trust list"):
            await check_deployment(engine.url, deployment, world.members, other)


async def test_a_founding_definition_that_no_founder_could_read_is_named(
    engine: EmbeddedEngine, world: EvmWorld
) -> None:
    first, *others = founding_entries()
    hidden = FoundingEntry("example.hidden", 1, b"h" * 32)
    for definitions, name in (
        ((*others, replace(first, definition=b"h" * 32)), first.category),
        ((first, hidden), hidden.category),
        ((replace(first, version=2),), first.category),
        ((replace(first, category="example.other"),), "example.other"),
    ):
        deployment = await deploy.deploy_alliance(
            engine.url,
            new_account_key().account,
            alliance_id=secrets.token_bytes(32),
            founders=world.members,
            definitions=definitions,
        )
        with pytest.raises(DescriptorError, match=f"definition of {name} that this software does not know"):
            await check_deployment(engine.url, deployment, world.members)
