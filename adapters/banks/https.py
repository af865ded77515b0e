"""A core banking system behind the common envelope, over HTTPS."""

import msgspec

from adapters.banks.posting import EnvelopePost
from node.domain.bank_order import BankAnswer, BankOrder
from node.errors import BankAnswerError

ORDERS_PATH = "/heqi/orders"
RECALLS_PATH = "/heqi/orders/recall"


class Recall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks to take an order back."""

    recall: BankOrder


class HttpsBank:
    """The `CoreBanking` port."""

    def __init__(self, post: EnvelopePost) -> None:
        self._post = post

    async def submit(self, order: BankOrder) -> BankAnswer:
        """See `CoreBanking.submit`."""
        return await self._ask(ORDERS_PATH, order)

    async def recall(self, order: BankOrder) -> BankAnswer:
        """See `CoreBanking.recall`."""
        # Signed as what it is: whoever passes it on cannot make an order of it.
        return await self._ask(RECALLS_PATH, Recall(order))

    async def _ask(self, path: str, asked: BankOrder | Recall) -> BankAnswer:
        data = await self._post.ask(path, msgspec.json.encode(asked).decode())
        try:
            return msgspec.json.decode(data, type=BankAnswer)
        except msgspec.MsgspecError as error:
            raise BankAnswerError(f"the answer cannot be read: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._post.close()
