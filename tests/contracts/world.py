"""An alliance on a test chain: three centres, one of them a guarantor too, all contracts, and who may call them."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import eth_abi
from cryptography.hazmat.primitives.asymmetric import ec
from eth_utils import keccak

from tests.contracts.signers import P256_ORDER, AddressSigner, ES256Signer
from tests.support.evm import Account, Contract, Evm, Receipt, create_address

ALLIANCE_ID = keccak(text="an alliance")
MEMBER_TYPE = "(bytes32,uint8,address,bytes32,bytes32,bytes32,bytes32,string,string)"
(
    NONE,
    ADMIT,
    SUSPEND,
    REINSTATE,
    SET_CONTRACT,
    SET_VERIFIER,
    SET_TRUST,
    SET_ROLES,
    SET_DEFINITION,
    SET_CALENDAR,
) = range(10)
NO_CODE = bytes(32)
DAY = 86_400
FOUNDERS = ("hangzhou", "ningbo", "wenzhou")
GUARANTOR = FOUNDERS[-1]
BOOK = (
    "Subjects",
    "Grants",
    "Anchors",
    "Guarantees",
    "TrustList",
    "Catalogue",
    "Calendar",
    "Openings",
    "Reservations",
)
FOUNDING_DEFINITIONS = ((b"subject.base", keccak(text="base")), (b"trade.tender", keccak(text="tender")))
FOUNDING_TRUST = ((b"zj-ca", b"an entry"), (b"js-ca", b"another"))

_ARGUMENTS = {
    ADMIT: [MEMBER_TYPE],
    SUSPEND: ["bytes32"],
    REINSTATE: ["bytes32"],
    SET_CONTRACT: ["bytes32", "address", "bytes32"],
    SET_VERIFIER: ["address", "bool", "bytes32"],
    SET_ROLES: ["bytes32", "uint8"],
    SET_TRUST: ["bytes32", "bytes"],
    SET_DEFINITION: ["bytes32", "uint32", "bytes32"],
    SET_CALENDAR: ["uint16", "uint256", "uint256"],
}


def name(text: str) -> bytes:
    """A name as the contracts hold it."""
    return text.encode().ljust(32, b"\0")


def argument(action: int, *values: Any) -> bytes:
    """A proposal's `data`."""
    return eth_abi.encode(_ARGUMENTS[action], values)


def identity_key(member_name: str) -> ec.EllipticCurvePrivateKey:
    """A member's, always the same."""
    secret = int.from_bytes(keccak(text=f"{member_name} identity"), "big") % (P256_ORDER - 1)
    return ec.derive_private_key(1 + secret, ec.SECP256R1())


def member(member_name: str, holder: Account, **changes: Any) -> tuple[Any, ...]:
    """A well-formed `Member`, with `changes` by the names of its fields."""
    identity = identity_key(member_name).public_key().public_numbers()
    fields = {
        "id": name(member_name),
        "roles": 3 if member_name == GUARANTOR else 1,
        "account": holder.address,
        "identityX": identity.x.to_bytes(32, "big"),
        "identityY": identity.y.to_bytes(32, "big"),
        "logKey": keccak(text=f"{member_name} log"),
        "sealingKey": keccak(text=f"{member_name} sealing"),
        "endpoint": f"{member_name}.example:7443",
        "walletEndpoint": f"{member_name}.example:443",
    }
    return tuple((fields | changes).values())


def passed(receipt: Receipt) -> bool:
    return any(event.name == "ProposalPassed" for event in receipt.events)


@dataclass
class World:
    """`send` and `propose` speak for a member by its name."""

    evm: Evm
    members: dict[str, Account]
    stranger: Account
    alliance: Contract
    es256: Contract
    webauthn: Contract
    subjects: Contract
    grants: Contract
    anchors: Contract
    guarantees: Contract
    trust: Contract
    catalogue: Contract
    calendar: Contract
    openings: Contract
    reservations: Contract

    def fork(self) -> "World":
        return dataclasses.replace(self, evm=self.evm.fork(), members=dict(self.members))

    def view(self, contract: Contract, function: str, *args: Any) -> Any:
        return self.evm.call(contract, function, *args)

    def send(self, sender: str, contract: Contract, function: str, *args: Any) -> Receipt:
        return self.evm.send(self.members[sender], contract, function, *args)

    def propose(self, proposer: str, action: int, *values: Any) -> Receipt:
        """Open for a week; the event `ProposalMade` is the first. The code that is voted on is what is there."""
        expires = self.evm.now + 7 * DAY
        if action == SET_CONTRACT and len(values) == 2:
            values = (*values, keccak(self.evm.code(values[1])))
        if action == SET_VERIFIER and len(values) == 2:
            values = (*values, keccak(self.evm.code(values[0])) if values[1] else NO_CODE)
        return self.send(proposer, self.alliance, "propose", action, argument(action, *values), expires)

    def vote(self, voter: str, proposal: int, *, approve: bool = True) -> Receipt:
        return self.send(voter, self.alliance, "vote", proposal, approve)

    def decide(self, voters: tuple[str, ...], action: int, *values: Any) -> Receipt:
        """The first proposes, the others agree, and it passes with the last of them, not before."""
        receipt = self.propose(voters[0], action, *values)
        for voter in voters[1:]:
            assert not passed(receipt)
            receipt = self.vote(voter, receipt.events[0].values["proposal"])
        assert passed(receipt)
        return receipt

    def admit(self, member_name: str, voters: tuple[str, ...] = FOUNDERS[:2], **changes: Any) -> Account:
        """By `voters`; two suffice while there are three."""
        account = self.evm.account()
        self.decide(voters, ADMIT, member(member_name, account, **changes))
        self.members[member_name] = account
        return account

    def successor(self, contract: str, voters: tuple[str, ...] = FOUNDERS[:2]) -> Contract:
        """The same code once more, in force by vote."""
        further = ([], [], []) if contract == "Catalogue" else ()
        later = self.evm.deploy(contract, self.alliance.address, *further, sender=self.stranger)
        self.decide(voters, SET_CONTRACT, name(contract), later.address)
        return later

    def standing(self, member_name: str) -> int:
        return self.view(self.alliance, "standingOf", name(member_name))

    def is_active(self, member_name: str) -> bool:
        return self.view(self.alliance, "isActive", name(member_name))

    def address_signer(self) -> AddressSigner:
        return AddressSigner(self.evm.account())

    def es256_signer(self, verifier: bytes | None = None) -> ES256Signer:
        return ES256Signer(verifier or self.es256.address, ec.generate_private_key(ec.SECP256R1()))

    def identity(self, member_name: str) -> ES256Signer:
        return ES256Signer(self.es256.address, identity_key(member_name))

    def domain(self, contract: Contract) -> dict[str, Any]:
        """The EIP-712 domain that signatures for `contract` must be over."""
        return {
            "name": "Heqi",
            "version": "1",
            "chainId": self.evm.chain_id,
            "verifyingContract": "0x" + contract.address.hex(),
            "salt": ALLIANCE_ID,
        }


def found(evm: Evm, founders: tuple[str, ...] = FOUNDERS) -> World:
    """Deploy everything from one account that has no right afterwards."""
    deployer, stranger = evm.account(), evm.account()
    members = {founder: evm.account() for founder in founders}
    locations = [create_address(deployer.address, nonce) for nonce in range(3 + len(BOOK))]
    alliance = evm.deploy(
        "Alliance",
        ALLIANCE_ID,
        [member(founder, account) for founder, account in members.items()],
        [name(contract) for contract in BOOK],
        locations[3:],
        locations[1:3],
        sender=deployer,
    )
    es256 = evm.deploy("ES256Verifier", sender=deployer)
    webauthn = evm.deploy("WebAuthnVerifier", sender=deployer)
    founding = ([ca.ljust(32, b"\0") for ca, _ in FOUNDING_TRUST], [entry for _, entry in FOUNDING_TRUST])
    names, definitions = zip(*FOUNDING_DEFINITIONS, strict=True)
    catalogue = ([name(one.decode()) for one in names], [1] * len(names), list(definitions))
    further = {"TrustList": founding, "Catalogue": catalogue}
    bound = [
        evm.deploy(contract, alliance.address, *further.get(contract, ()), sender=deployer)
        for contract in BOOK
    ]
    assert [
        alliance.address,
        es256.address,
        webauthn.address,
        *(contract.address for contract in bound),
    ] == locations
    return World(evm, members, stranger, alliance, es256, webauthn, *bound)
