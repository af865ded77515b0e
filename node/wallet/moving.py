"""What a wallet keeps ready for the day its home is gone: the package, its grants, and the uses that are proven."""

from collections.abc import Mapping, Sequence

from node.domain.document import open_members_document
from node.domain.member import Member
from node.domain.reading import ReadAnswer
from node.domain.wallet import CarriedGrant
from node.errors import NodeError
from node.wallet.documents import Scribe


def proven_uses(reads: Sequence[tuple[str, str]], home: Member) -> dict[str, int]:
    """How often each grant was used, as far as the home has signed it.

    Args:
        reads: (grant id, the home's signed answer).
        home: whose signature counts; what it did not sign proves nothing.
    """
    uses: dict[str, int] = {}
    for grant, token in reads:
        try:
            answer = open_members_document(token, ReadAnswer, home.identity_keys)
        except NodeError:
            continue
        uses[grant] = max(uses.get(grant, 0), answer.use)
    return uses


def carry(
    scribe: Scribe, home: str, grants: Mapping[str, str], requests: Mapping[str, str], uses: Mapping[str, int]
) -> dict[str, CarriedGrant]:
    """The grants that are still good for something, signed again for a new home; by the id of the old one.

    Args:
        scribe: signs.
        home: the new home.
        grants: grant documents by id; revoked ones left out.
        requests: the access request that each answers, by grant id.
        uses: reads so far, by grant id.
    """
    carried: dict[str, CarriedGrant] = {}
    for grant_id, token in grants.items():
        again = scribe.grant_again(token, home, uses.get(grant_id, 0))
        if again is not None:
            carried[grant_id] = CarriedGrant(again, requests.get(grant_id, ""))
    return carried
