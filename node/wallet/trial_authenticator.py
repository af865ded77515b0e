"""A trial authenticator: a passkey whose private key lies in an encrypted file, for machines without a browser.

It makes the bytes that a browser and an authenticator make, but protects nothing: whoever has file and passphrase has
the key, and nobody is asked. For trials and tests only.
"""

import hashlib
from pathlib import Path

import msgspec

from node.domain.webauthn import Assertion
from node.errors import ConfigError
from node.wallet.keyfile import WalletKey, load_wallet_key, new_wallet_key

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
HOST_FILE, KEY_FILE = "passkey.json", "passkey.pem"


class PasskeyState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`passkey.json`: that the wallet signs by a passkey, and for which page it is."""

    host: str
    """Relying party: the page's host."""


class TrialAuthenticator:
    """One credential."""

    def __init__(self, key: WalletKey, host: str) -> None:
        """Args:
        key: of the credential.
        host: relying party; the page is `https://` and this.
        """
        self.key, self.host = key, host

    @property
    def public_key(self) -> bytes:
        """X ‖ y, 64 bytes."""
        return self.key.public_key

    def get_assertion(self, challenge: bytes) -> Assertion:
        """Sign as an authenticator with a verified user does, on the page that the credential is for."""
        return self.sign_assertion(challenge, f"https://{self.host}")

    def sign_assertion(self, challenge: bytes, origin: str) -> Assertion:
        """The bytes of browser and authenticator for a page of any origin, which tests choose."""
        # Loaded only where there are passkeys: it takes longer than all the rest of a command line.
        from fido2.webauthn import AuthenticatorData, CollectedClientData  # noqa: PLC0415

        client = CollectedClientData.create("webauthn.get", challenge, origin)
        flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV
        data = AuthenticatorData.create(hashlib.sha256(self.host.encode("ascii")).digest(), flags, 0)
        signature = self.key.sign(bytes(data) + client.hash)
        s = int.from_bytes(signature[32:], "big")
        low = min(s, _ORDER - s).to_bytes(32, "big")
        return Assertion(bytes(data), bytes(client), signature[:32] + low)


def make_trial_passkey(folder: Path, host: str, passphrase: bytes) -> TrialAuthenticator:
    """Make a credential in a wallet's folder.

    Raises:
        ConfigError: there is one already.
    """
    key = new_wallet_key()
    key.save(folder / KEY_FILE, passphrase)
    (folder / HOST_FILE).write_bytes(msgspec.json.encode(PasskeyState(host)))
    return TrialAuthenticator(key, host)


def open_trial_passkey(folder: Path, passphrase: bytes) -> TrialAuthenticator | None:
    """The credential in a wallet's folder, if the wallet signs by one.

    Raises:
        ConfigError: it is damaged, or the passphrase is wrong.
    """
    file = folder / HOST_FILE
    if not file.exists():
        return None
    try:
        state = msgspec.json.decode(file.read_bytes(), type=PasskeyState)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{file}: {error}") from error
    return TrialAuthenticator(load_wallet_key(folder / KEY_FILE, passphrase), state.host)
