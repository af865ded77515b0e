"""The embedded engine's parts in this process, with a toy contract, for unit tests."""

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from pathlib import Path
from typing import Any

from adapters.ledger.deploy import created_address
from adapters.ledger.embedded.accounts import Nonces
from adapters.ledger.embedded.admission import Candidate, read_transaction
from adapters.ledger.embedded.chain import EmbeddedChain, open_chain
from adapters.ledger.embedded.methods import Methods
from adapters.ledger.embedded.pool import Pool
from adapters.ledger.embedded.sealer import Pace, Sealer
from adapters.ledger.signing import sign_free
from tests.support.ledgers import AccountKey, new_account_key

START = 1_800_000_000

# Logs its first word of call data as topic, stores it in slot 0, and reverts with it if it is zero:
#   PUSH1 0, CALLDATALOAD, DUP1, PUSH1 12, JUMPI, PUSH1 32, PUSH1 0, REVERT,
#   JUMPDEST, DUP1, PUSH1 0, SSTORE, PUSH1 0, PUSH1 0, LOG1, STOP
TOY_RUNTIME = bytes.fromhex("60003580600c5760206000fd5b8060005560006000a100")
TOY_CREATION = (
    bytes.fromhex(f"60{len(TOY_RUNTIME):02x}600c60003960{len(TOY_RUNTIME):02x}6000f3") + TOY_RUNTIME
)


class Bench:
    """A chain in a folder with its pool, methods and sealer; the clock stands still unless moved."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.now = float(START)
        self.chain: EmbeddedChain = open_chain(folder, now=START, **options)
        self.nonces = Nonces(self.chain)
        self.pool = Pool(self.nonces.read)
        self.woken = 0
        self.methods = Methods(self.chain, self.pool, self._wake).table()
        self.sealer = Sealer(self.chain, self.pool, Pace(), lambda: self.now)
        self.key = new_account_key()

    def _wake(self) -> None:
        self.woken += 1

    def sign(
        self, data: bytes, nonce: int, *, key: AccountKey | None = None, to: bytes = b"", gas: int = 200_000
    ) -> bytes:
        account = (key or self.key).account
        return sign_free(account, self.chain.chain_id, nonce, to=to, data=data, gas=gas).raw

    def candidate(self, *args: Any, **options: Any) -> Candidate:
        return read_transaction(self.sign(*args, **options), self.chain.chain_id)

    def call(self, method: str, *params: object) -> Any:
        return self.methods[method](*params)

    async def seal(self) -> None:
        self.now += 1
        await self.sealer.seal_block()

    async def send(self, data: bytes, *, to: bytes = b"", key: AccountKey | None = None) -> str:
        """Send and seal; the transaction's hash."""
        nonce = self.nonces.read((key or self.key).address)
        digest = self.call("eth_sendRawTransaction", "0x" + self.sign(data, nonce, to=to, key=key).hex())
        await self.seal()
        return digest

    async def deploy_toy(self) -> bytes:
        """20 bytes: where the toy contract is."""
        nonce = self.nonces.read(self.key.address)
        await self.send(TOY_CREATION)
        return created_address(self.key.address, nonce)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")
