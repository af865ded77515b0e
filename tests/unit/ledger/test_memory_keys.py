"""In the ledger in memory, as in the contract, a change of keys is a sign of life."""

import secrets
from dataclasses import replace

from adapters.ledger.artifact import ALLIANCE
from adapters.ledger.memory import MemoryChain, MemoryLedger
from node.domain.alliance_life import WAITING_SECONDS, MemberSummoned, StandingStep, Step, SummonsEnded
from node.domain.keys import KeyChange, KeyProofs, KeySet
from node.domain.ledger import ChangeKeys, KeysChanged
from node.domain.ledger_ids import key_change_digest
from tests.support.ledgers import new_account_key, new_es256_key, new_member, submit


async def test_a_change_of_keys_ends_a_summons() -> None:
    now = 1_800_000_000.0
    accounts = [new_account_key() for _ in range(2)]
    first, second = (new_member(f"centre-{n}", key.address) for n, key in enumerate(accounts))
    identity = new_es256_key(b"")
    second = replace(second, identity_key=identity.signer)
    chain = MemoryChain(secrets.token_bytes(32), [first, second], clock=lambda: now)
    now += WAITING_SECONDS + 60
    chain.seal()
    await submit(MemoryLedger(chain, accounts[0].account), StandingStep(Step.SUMMON, second.name))

    change = KeyChange(replace(KeySet.of(second), sealing_key=secrets.token_bytes(32)), 0, 0)
    digest = key_change_digest(chain.deployment.domain_of(ALLIANCE), second.name, 1, change)
    call = ChangeKeys(change, KeyProofs(identity.sign(digest), b"", b""))
    await submit(MemoryLedger(chain, accounts[1].account), call)
    happenings = [event.happening for event in chain.events(3, chain.head().number)]
    assert [type(one) for one in happenings] == [MemberSummoned, SummonsEnded, KeysChanged]
