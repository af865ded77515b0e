"""A guarantor's own systems: its books, and what decides its guarantees."""

from typing import Protocol

from node.domain.bank_order import BankAnswer, BankOrder
from node.domain.guarantee_system import SystemAnswer, SystemCall


class CoreBanking(Protocol):
    """The guarantor's own core banking system: books, accounts, payments.

    It may be slow, wrong or away; what it says is checked and never believed beyond that. It MUST NOT block the event
    loop, and MUST be safe for concurrent calls.
    """

    async def submit(self, order: BankOrder) -> BankAnswer:
        """Have an order carried out, or learn how it stands.

        It MUST carry an order id out at most once, however often and after whatever failure it is submitted, and MUST
        answer the same again with the state of the first: "done" once it is in the books, "pending" while it waits
        (for the applicant's payment, for instance), "refused" with a reason if it will not be done. It MUST refuse an
        id that comes again with another content, and MUST NOT turn "done" into anything else.

        Raises:
            BankUnavailableError: no answer in time; whether it was carried out is not known.
            BankAnswerError: an answer that cannot be read, or that is not the bank's.
        """
        ...

    async def recall(self, order: BankOrder) -> BankAnswer:
        """Take an order back, or learn that it was carried out; also one that never arrived.

        It MUST answer "done", as `submit` does, if the order was carried out. Otherwise it MUST answer "refused", and
        MUST NOT carry out that id from then on, whatever comes; or "pending" while it cannot tell.

        Raises:
            BankUnavailableError: no answer in time; whether it was taken back is not known.
            BankAnswerError: an answer that cannot be read, or that is not the bank's.
        """
        ...


class GuaranteeSystem(Protocol):
    """The guarantor's own e-guarantee system 保函业务系统: it decides, numbers guarantees and makes their files.

    What it decides it pushes by itself (`Push`), whenever it is ready. It may be slow, wrong or away; what it says is
    checked against the application and never believed beyond that. It MUST NOT block the event loop, and MUST be safe
    for concurrent calls.
    """

    async def tell(self, call: SystemCall) -> SystemAnswer:
        """Tell something about an order, or learn how it was taken.

        It MUST take a call (its order and step) at most once, however often and after whatever failure it comes, and
        MUST answer the same again. It MUST refuse, with a reason, a call that comes again with another content, one
        about an order that was never applied for, and a withdrawal of what was issued on its own decision.

        Raises:
            BankUnavailableError: no answer in time; whether it was taken is not known.
            BankAnswerError: an answer that cannot be read, or that is not the system's.
        """
        ...
