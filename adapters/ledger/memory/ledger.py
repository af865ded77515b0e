"""The ledger port over a `MemoryChain`, for one account."""

from collections.abc import Sequence

from adapters.ledger.book import Book
from adapters.ledger.calls import to_invocation
from adapters.ledger.memory.chain import MemoryChain
from adapters.ledger.signing import sign_call
from node.domain.alliance_life import BookEntry, ContractSet
from node.domain.ledger import Block, Call, Event, Outcome, SignedCall
from node.domain.ledger_proof import LedgerProof, Storage
from node.ports import Account


class MemoryLedger:
    """`node.ports.Ledger` without an engine. Every method fails while the chain is down."""

    def __init__(self, chain: MemoryChain, account: Account) -> None:
        """Args:
        chain: shared by all members of a test.
        account: signs.
        """
        self._chain = chain
        self._book = Book(chain.deployment)
        self.known_code: set[bytes] = set()
        """Hashes of further code that this ledger's software was built for; a test that updates a node adds to it."""
        self._signer = account

    @property
    def account(self) -> bytes:
        """20 bytes: the address that signs."""
        return self._signer.address

    async def head(self) -> Block:
        """The newest block."""
        self._chain.check_up()
        return self._chain.head()

    async def block(self, number: int) -> Block | None:
        """The block at `number`, or None past the head."""
        self._chain.check_up()
        return self._chain.block(number)

    async def events(self, first: int, last: int) -> Sequence[Event]:
        """What was reported in blocks `first` to `last`, both included, in order."""
        self._chain.check_up()
        return [event for event in self._chain.events(first, last) if event.contract in self._book.sources]

    def use(self, contracts: Sequence[BookEntry]) -> None:
        """Take in which contracts votes have put in force since the founding, oldest first."""
        self._book.use(contracts)

    async def knows(self, contract: ContractSet) -> bool:
        """Whether the code there is what was voted on, and code that this ledger's software was built for."""
        self._chain.check_up()
        if self._chain.code_hash(contract.address) != contract.code_hash:
            return False
        founding = self._chain.deployment.contracts.get(contract.name)
        known = self.known_code | ({founding.code_hash} if founding else set())
        return contract.code_hash in known

    async def next_nonce(self) -> int:
        """The nonce of the account's next transaction, counting mined ones only."""
        self._chain.check_up()
        return self._chain.next_nonce(self.account)

    async def dry_run(self, call: Call) -> None:
        """Run the call on the newest state without spending anything.

        Raises:
            LedgerRefusedError: a rule refuses; `problem` names the contract's custom error.
            ContractUnknownError: the contract in force is of an unknown version.
        """
        self._chain.check_up()
        self._chain.dry_run(
            self.account, call, self._book.target(to_invocation(call, self._chain.deployment))
        )

    async def sign(self, call: Call, nonce: int) -> SignedCall:
        """Sign a transaction; needs no chain.

        Raises:
            ContractUnknownError: the contract in force is of an unknown version.
        """
        return sign_call(self._signer, self._chain.deployment, self._book, call, nonce)

    async def send(self, signed: SignedCall) -> None:
        """Hand the transaction over; one that is known is fine.

        Raises:
            NonceTakenError: another transaction of this account already has the nonce.
        """
        self._chain.check_up()
        self._chain.send(signed)

    async def outcome(self, transaction_hash: bytes) -> Outcome | None:
        """The block that holds the transaction and whether it succeeded, or None."""
        self._chain.check_up()
        return self._chain.outcome(transaction_hash)

    async def prove(self, block: Block, storage: Storage) -> LedgerProof:
        """What the contracts held after a block, provable to strangers."""
        self._chain.check_up()
        return self._chain.prove(block, storage)

    async def close(self) -> None:
        """Nothing to release."""
