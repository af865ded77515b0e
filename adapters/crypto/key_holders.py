"""Which holder can hold which key, besides encrypted files."""

from adapters.crypto.key_uri import AgentUri, TokenUri
from adapters.crypto.pkcs11_token import token_account, token_ed25519, token_p256
from adapters.crypto.signers import P256Signer
from adapters.crypto.ssh_agent import AgentEd25519, AgentKey, agent_p256
from node.domain.keys import KeyKind
from node.errors import ConfigError
from node.ports import Account, Signer


def open_key(kind: KeyKind, uri: TokenUri | AgentUri) -> Account | Signer:
    """The key at a URI, with the methods of its port.

    Raises:
        ConfigError: it is not there or of another kind, or this holder cannot hold such a key.
    """
    match kind, uri:
        case KeyKind.ACCOUNT, TokenUri():
            return token_account(uri)
        case KeyKind.IDENTITY, TokenUri():
            return P256Signer(token_p256(uri))
        case KeyKind.LOG, TokenUri():
            return token_ed25519(uri)
        case KeyKind.IDENTITY, AgentUri():
            return P256Signer(agent_p256(uri))
        case KeyKind.LOG, AgentUri():
            return AgentEd25519(AgentKey(uri))
    raise ConfigError(f"the {kind.value} key cannot be held there; see docs/operate.md")
