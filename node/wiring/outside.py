"""What a node needs from outside its process, behind its ports."""

from collections.abc import Callable
from dataclasses import dataclass

from node.ports import (
    Authorities,
    Certifier,
    Clock,
    CoreBanking,
    ErasureList,
    GuaranteeSystem,
    Ledger,
    OrganisationSeal,
    Peers,
    Registry,
    SignatureReader,
    Store,
    Typeface,
)
from node.services.issue_rules import RulesSource
from node.services.vault import Entropy


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything outside the process that the services use, behind its port."""

    store: Store
    keyring: Store
    ledger: Ledger
    peers: Peers
    authorities: Authorities
    clock: Clock
    entropy: Entropy
    signatures: SignatureReader
    certifier: Certifier
    erasures: ErasureList
    typeface: Typeface
    seal: OrganisationSeal
    registry: Registry | None = None
    issue_rules: Callable[[], RulesSource | None] = lambda: None
    """Reads a guarantor's rules anew; None where none are configured."""
    core_banking: CoreBanking | None = None
    guarantee_system: GuaranteeSystem | None = None
