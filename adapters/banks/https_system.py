"""A guarantor's own e-guarantee system behind the common bank interface, over HTTPS: what the node tells it.

What it pushes comes in at `node/api/system_pushes.py`.
"""

from adapters.banks.posting import EnvelopePost
from node.domain.guarantee_system import SystemAnswer, SystemCall
from node.wire.bank_manual import PATHS, Address, read_answer, write_call


class HttpsGuaranteeSystem:
    """The `GuaranteeSystem` port."""

    def __init__(self, post: EnvelopePost, sender: Address) -> None:
        """Args:
        post: to the system.
        sender: what the system's operator has given this guarantor.
        """
        self._post, self._sender = post, sender

    async def tell(self, call: SystemCall) -> SystemAnswer:
        """See `GuaranteeSystem.tell`."""
        return read_answer(await self._post.ask(PATHS[call.kind], write_call(call, self._sender)))

    async def close(self) -> None:
        """Close the connections."""
        await self._post.close()
