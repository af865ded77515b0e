"""What the node needs from outside, as small Protocols.

Each port states what an implementation MUST do; `tests/ports` runs one behaviour suite per port on every
implementation, the in-memory ones included. A method lets out only the errors it names.
"""

from node.ports.authorities import Authorities, Registry
from node.ports.banking import CoreBanking, GuaranteeSystem
from node.ports.clock import Clock
from node.ports.files import OrganisationSeal, SignatureReader, Typeface
from node.ports.keys import Account, Certifier, IssuedCertificate, Keys, Signer
from node.ports.ledger import Ledger
from node.ports.peers import Answer, LogView, Peers
from node.ports.store import Batch, ErasureList, Store

__all__ = [
    "Account",
    "Answer",
    "Authorities",
    "Batch",
    "Certifier",
    "Clock",
    "CoreBanking",
    "ErasureList",
    "GuaranteeSystem",
    "IssuedCertificate",
    "Keys",
    "Ledger",
    "LogView",
    "OrganisationSeal",
    "Peers",
    "Registry",
    "SignatureReader",
    "Signer",
    "Store",
    "Typeface",
]
