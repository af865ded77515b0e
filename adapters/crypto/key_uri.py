"""URIs of keys that are not in a file of the node's.

    pkcs11:token=…;object=…;id=…?module-path=…&pin-source=file:…     a token, RFC 7512
    ssh-agent:/path/to/socket?key=SHA256:…                           an agent; the key's OpenSSH fingerprint

A URI holds no secret: the PIN is in the file that `pin-source` names.
"""

from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from node.errors import ConfigError

PKCS11, SSH_AGENT = "pkcs11", "ssh-agent"


@dataclass(frozen=True, slots=True)
class TokenUri:
    """Where a key is on a token."""

    token: str
    object: str
    id: bytes
    module_path: str
    pin_source: str


@dataclass(frozen=True, slots=True)
class AgentUri:
    """Where a key is in an agent."""

    socket: str
    fingerprint: str


def parse_key_uri(uri: str) -> TokenUri | AgentUri:
    """Read a URI.

    Raises:
        ConfigError: it is of another kind, or lacks what finds the key.
    """
    try:
        uri.encode()
    except UnicodeEncodeError as error:  # from a file that is not UTF-8
        raise ConfigError("the URI of a key is not text") from error
    scheme, _, rest = uri.strip().partition(":")
    path, _, query = rest.partition("?")
    attributes = _attributes(query, "&")
    if scheme == PKCS11:
        attributes |= _attributes(path, ";")
        found = TokenUri(
            token=unquote(attributes.get("token", "")),
            object=unquote(attributes.get("object", "")),
            id=unquote_to_bytes(attributes.get("id", "")),
            module_path=unquote(attributes.get("module-path", "")),
            pin_source=unquote(attributes.get("pin-source", "")).removeprefix("file:"),
        )
        if not found.token or not (found.object or found.id):
            raise ConfigError("a pkcs11 URI names the token and the object or id (RFC 7512)")
        if not found.module_path or not found.pin_source:
            raise ConfigError("a pkcs11 URI needs module-path and pin-source=file:… (RFC 7512)")
        return found
    if scheme == SSH_AGENT and path and attributes.get("key", "").startswith("SHA256:"):
        return AgentUri(unquote(path), attributes["key"])
    raise ConfigError("a key is pkcs11:…?… or ssh-agent:/socket?key=SHA256:…; see docs/operate.md")


def _attributes(text: str, separator: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(separator) if part)
    return {name: value for name, _, value in pairs}
