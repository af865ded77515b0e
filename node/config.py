"""`heqi.toml`: everything an operator decides, each key with its unit and default. Unknown keys are errors."""

import hashlib
import os
import re
from pathlib import Path
from typing import Literal

import msgspec

from node.domain.obligation import rules_with
from node.domain.retention import Override, RetentionRules
from node.errors import ConfigError, InvalidError

CONFIG_FILE = "heqi.toml"
ALLIANCE_FILE = "alliance.json"
CARD_FILE = "card.jwt"
KEYS_FOLDER, DATA_FOLDER, KEYRING_FOLDER, TLS_FOLDER = "keys", "data", "keyring", "tls"
ERASURES_FOLDER = "erasures"
_MOST = 1_000_000
_MOST_WORKERS = 64
_MAX_BYTES = 16_384
_MAX_NAME = 200
_LONGEST_FRESH = 366 * 86_400
_RAW_KEY = re.compile(r"[0-9a-f]{128}")
_GATEWAY = re.compile(
    r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|http://(127\.0\.0\.1|localhost)(:[0-9]{1,5})?"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PORT = re.compile(r"[0-9]{1,5}")
OPERATOR_KEY, OPERATOR_CERTIFICATE = "operator.key.pem", "operator.cert.pem"


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where this node listens; `host:port`."""

    members: str
    wallets: str
    tiles: str = ""
    """Public HTTP on which anybody may read the log's hashes; empty: the log is not shown."""


class LedgerConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How this node reaches the ledger."""

    url: str
    """`unix:///path/to/chain.sock` or `http://host:port`."""
    confirmations: int = 0
    """Blocks above one that make it final; 0 where the engine's blocks are final at once."""
    staleness_seconds: float = 60.0
    """Reads that need the ledger fail once its newest block is older than this."""
    poll_seconds: float = 0.2
    """How often the node looks for new blocks and outcomes."""


class LogConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the log is published."""

    period_seconds: float = 10.0
    """One batch is published per period, with or without work."""
    batch_size: int = 64
    """Entries in every batch, cover included. Change it between days, not with the load: it is public."""


class ReservationsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How reservations of guarantee applications are brought to the ledger."""

    period_seconds: float = 300.0
    """One batch of a fixed size per period, with or without work; how long an applicant waits at most."""


class RecordsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How records are taken in."""

    workers: int = 0
    """Processes beside the node's own that decode, check and commit records; 0: the node does it itself."""


class LimitsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much one caller may ask for, so that the others are served too.

    A caller is a member, a system of this centre, or an address of wallets.
    """

    calls_per_second: int = 1000
    """Of one member or system; after a quiet second twice as many at once."""
    wallet_calls_per_second: int = 100
    """Of one address (IPv4, or IPv6 /64); many bidders may stand behind one."""
    tiles_per_second: int = 500
    """Of all readers of the public log together: nobody knows who they are, and a proxy may stand in front."""
    mebibytes_per_second: int = 64
    """Of one caller, all its calls and streams together. A stream is slowed down, a call is refused."""
    calls: int = 64
    """Of one caller at once."""
    streams: int = 16
    """Of one caller at once."""
    all_calls: int = 512
    """Of all callers together at once."""
    all_streams: int = 128
    """Of all callers together at once."""
    callers: int = 10_000
    """How many callers are remembered, the latest ones."""


class TrustConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How this node judges bidders' certificates; whom it recognises is voted on."""

    soft_fail: tuple[str, ...] = ()
    """Authorities, by their names on the trust list, without whose answer on revocation or time it goes on."""
    timestamp: str = ""
    """The listed authority that stamps new delegations; empty for none."""
    recoveries: Literal["operator", "automatic"] = "operator"
    """Who says for this member that a company's certificate stands, when the company has lost its wallet's key."""
    timeout_seconds: float = 5.0
    """How long an authority may take to answer."""


class RegistryConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The company register that registrations are compared with; none is asked without a name."""

    name: str = ""
    """As attestations give it, for example the bureau's. Empty: no register is asked."""
    trial_file: str = ""
    """JSON lines that stand for a register, for trials; a relative path begins at the node's folder."""
    timeout_seconds: float = 5.0
    """How long the register may take to answer."""
    fresh_seconds: int = 86_400
    """For how long one answer about a company is used again."""


class SystemConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A guarantor's own e-guarantee system 保函业务系统, which decides what the rules leave open."""

    url: str = ""
    """Where it takes calls, `https://host[:port]`, or `http://` on this machine. Empty: people decide."""
    key: str = ""
    """Public key that signs its answers and pushes, P-256, 128 hex digits."""
    ca: str = ""
    """PEM file with the authority of its certificate; empty: the machine's authorities."""
    timeout_seconds: float = 10.0
    """How long it may take to answer."""
    channel: str = ""
    """`channel_no` that its operator has given this node."""
    template: str = ""
    """`template_id` of the guarantees that it is to make."""
    listen: str = ""
    """Where this node takes what it pushes, `host:port`."""
    certificate: str = ""
    """PEM file with the certificate chain of that listener; empty: plain HTTP, on 127.0.0.1 behind a proxy."""
    certificate_key: str = ""
    """PEM file with its private key, mode 0600."""


class GuarantorConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a guarantor decides; without rules its people decide everything."""

    rules: str = ""
    """File with the rules for instant decisions; a relative path begins at the node's folder."""
    rules_sha256: str = ""
    """SHA-256 of that file, entered by another person than its author: only this one is used."""
    bank_url: str = ""
    """Gateway to the core banking system, `https://host[:port]`, or `http://` on this machine. Empty: people see to
    fees, reservations and payments."""
    bank_key: str = ""
    """Public key that signs the gateway's answers, P-256, 128 hex digits."""
    bank_ca: str = ""
    """PEM file with the authority of the gateway's certificate; empty: the system's authorities."""
    bank_timeout_seconds: float = 10.0
    """How long the gateway may take to answer."""
    bank_pays_claims: bool = False
    """Whether claims are paid through the gateway, each after its release. If not, people pay, and enter the
    proof."""
    system: SystemConfig = SystemConfig()


class RetentionConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long records of a category are kept; may only be stricter than the reviewed defaults."""

    minimum_days: int | None = None
    """Longer than the law's minimum, never shorter."""
    maximum_days: int | None = None
    """After so long the node erases by itself; without it, when the owner asks."""


class ObligationConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a debtor of 三金一款 has; a period that the law sets can only be shortened."""

    days: int | None = None
    """From the day after what it follows from."""
    counted: Literal["calendar", "working"] | None = None
    """Which days count; working days by the calendar in force."""


class KeysConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the private keys are protected."""

    passphrase: str = "file:keys.passphrase"  # noqa: S105  # where it is, not what
    """Where the passphrase of the files in `keys/` comes from: `file:PATH` (mode 0600; a relative path begins at the
    node's folder), `credential:NAME` (systemd) or `prompt`."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    name: str
    """This member's name."""
    roles: list[str]
    """Of `CENTRE`, `GUARANTOR`, `SUPERVISOR`."""
    listen: Listen
    ledger: LedgerConfig
    log: LogConfig = LogConfig()
    reservations: ReservationsConfig = ReservationsConfig()
    records: RecordsConfig = RecordsConfig()
    limits: LimitsConfig = LimitsConfig()
    trust: TrustConfig = TrustConfig()
    registry: RegistryConfig = RegistryConfig()
    keys: KeysConfig = KeysConfig()
    guarantor: GuarantorConfig = GuarantorConfig()
    retention: dict[str, RetentionConfig] = {}
    """By category."""
    obligations: dict[str, ObligationConfig] = {}
    """By rule."""

    def obligation_changes(self) -> dict[str, tuple[int | None, Literal["calendar", "working"] | None]]:
        """What is set of the rules of obligations."""
        return {name: (one.days, one.counted) for name, one in self.obligations.items()}

    def rules(self) -> RetentionRules:
        """The retention rules in force.

        Raises:
            InvalidError: the configuration would loosen a rule.
        """
        return RetentionRules(
            {name: Override(one.minimum_days, one.maximum_days) for name, one in self.retention.items()}
        )


def load_config(home: Path) -> Config:
    """Read a node's configuration.

    Raises:
        ConfigError: it is missing, or a key is missing, unknown or out of range.
    """
    path = home / CONFIG_FILE
    return parse_config(read_file(path, "`heqi init` makes a node's folder"), str(path))


def parse_config(raw: bytes, path: str) -> Config:
    """The configuration that a file holds.

    Args:
        raw: TOML.
        path: for messages.

    Raises:
        ConfigError: a key is missing, unknown or out of range.
    """
    config = _decode(raw, path)
    listen = config.listen
    for name, address in (("members", listen.members), ("wallets", listen.wallets), ("tiles", listen.tiles)):
        if name == "tiles" and not address:
            continue
        _check_address(address, f"listen.{name}", path)
    for name, count, least, most in (
        ("log.batch_size", config.log.batch_size, 1, 65_536),
        ("ledger.confirmations", config.ledger.confirmations, 0, 1000),
        ("records.workers", config.records.workers, 0, _MOST_WORKERS),
    ):
        if not least <= count <= most:
            raise ConfigError(f"{path}: {name} must be {least} to {most}")
    for name, seconds in (
        ("log.period_seconds", config.log.period_seconds),
        ("reservations.period_seconds", config.reservations.period_seconds),
        ("ledger.poll_seconds", config.ledger.poll_seconds),
        ("ledger.staleness_seconds", config.ledger.staleness_seconds),
    ):
        if not 0.01 <= seconds <= 86_400:
            raise ConfigError(f"{path}: {name} must be 0.01 to 86400 seconds")
    if not 0.1 <= config.trust.timeout_seconds <= 60:
        raise ConfigError(f"{path}: trust.timeout_seconds must be 0.1 to 60")
    _check_registry(config.registry, path)
    _check_guarantor(config.guarantor, path)
    _check_system(config.guarantor.system, path)
    for field in msgspec.structs.fields(LimitsConfig):
        if not 1 <= getattr(config.limits, field.name) <= _MOST:
            raise ConfigError(f"{path}: limits.{field.name} must be 1 to {_MOST}")
    _check_retention(config, path)
    return config


def _check_registry(registry: RegistryConfig, path: str) -> None:
    if bool(registry.name) != bool(registry.trial_file):
        raise ConfigError(f"{path}: registry.name and registry.trial_file are given together, or neither")
    if len(registry.name) > _MAX_NAME or not registry.name.isprintable():
        raise ConfigError(f"{path}: registry.name has at most {_MAX_NAME} printable characters")
    if not 0.1 <= registry.timeout_seconds <= 60:
        raise ConfigError(f"{path}: registry.timeout_seconds must be 0.1 to 60")
    if not 0 <= registry.fresh_seconds <= _LONGEST_FRESH:
        raise ConfigError(f"{path}: registry.fresh_seconds must be 0 to {_LONGEST_FRESH}, a year")


def _check_guarantor(guarantor: GuarantorConfig, path: str) -> None:
    if bool(guarantor.rules) != bool(guarantor.rules_sha256):
        raise ConfigError(
            f"{path}: guarantor.rules and guarantor.rules_sha256 are given together, or neither"
        )
    if bool(guarantor.bank_url) != bool(guarantor.bank_key):
        raise ConfigError(f"{path}: guarantor.bank_url and guarantor.bank_key are given together, or neither")
    if guarantor.bank_url and not _GATEWAY.fullmatch(guarantor.bank_url):
        raise ConfigError(f"{path}: guarantor.bank_url must be https://host[:port], or http on this machine")
    if guarantor.bank_pays_claims and not guarantor.bank_url:
        raise ConfigError(f"{path}: guarantor.bank_pays_claims needs guarantor.bank_url")
    if guarantor.bank_key and not _RAW_KEY.fullmatch(guarantor.bank_key):
        raise ConfigError(f"{path}: guarantor.bank_key has 128 lower-case hexadecimal digits")
    if not 0.1 <= guarantor.bank_timeout_seconds <= 120:
        raise ConfigError(f"{path}: guarantor.bank_timeout_seconds must be 0.1 to 120")
    if guarantor.rules_sha256 and not _SHA256.fullmatch(guarantor.rules_sha256):
        raise ConfigError(f"{path}: guarantor.rules_sha256 has 64 lower-case hexadecimal digits")


def _check_system(system: SystemConfig, path: str) -> None:
    given = {bool(system.url), bool(system.key), bool(system.listen)}
    if len(given) > 1:
        raise ConfigError(
            f"{path}: guarantor.system.url, .key and .listen are given together, or none of them"
        )
    if not system.url:
        if system != SystemConfig():
            raise ConfigError(f"{path}: guarantor.system needs url, key and listen")
        return
    if not _GATEWAY.fullmatch(system.url):
        raise ConfigError(
            f"{path}: guarantor.system.url must be https://host[:port], or http on this machine"
        )
    if not _RAW_KEY.fullmatch(system.key):
        raise ConfigError(f"{path}: guarantor.system.key has 128 lower-case hexadecimal digits")
    if not 0.1 <= system.timeout_seconds <= 120:
        raise ConfigError(f"{path}: guarantor.system.timeout_seconds must be 0.1 to 120")
    for name, text in (("channel", system.channel), ("template", system.template)):
        if len(text) > _MAX_NAME or not text.isprintable():
            raise ConfigError(f"{path}: guarantor.system.{name} has at most {_MAX_NAME} printable characters")
    if bool(system.certificate) != bool(system.certificate_key):
        raise ConfigError(
            f"{path}: guarantor.system.certificate and .certificate_key are given together, or neither"
        )
    host = _check_address(system.listen, "guarantor.system.listen", path)
    if not system.certificate and host not in {"127.0.0.1", "[::1]", "localhost"}:
        raise ConfigError(
            f"{path}: guarantor.system.listen needs guarantor.system.certificate: without one it listens on "
            "127.0.0.1 only, behind a proxy"
        )


def _check_address(address: str, name: str, path: str) -> str:
    """The host of an address."""
    host, _, port = address.rpartition(":")
    if not host or not (_PORT.fullmatch(port) and int(port) <= 65_535):
        raise ConfigError(f"{path}: {name} must be host:port, not {address!r}")
    return host


def _check_retention(config: Config, path: str) -> None:
    try:
        config.rules()
        rules_with(config.obligation_changes())
    except InvalidError as error:
        raise ConfigError(f"{path}: {error}") from error


def _decode(raw: bytes, path: str) -> Config:
    # tomllib takes time by the square of a dotted key's length.
    if len(raw) > _MAX_BYTES:
        raise ConfigError(f"{path}: a configuration has at most {_MAX_BYTES} bytes")
    try:
        return msgspec.toml.decode(raw, type=Config)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: {error}") from error


def config_digest(home: Path) -> bytes:
    """SHA-256 of a node's configuration file.

    Raises:
        ConfigError: it cannot be read.
    """
    path = home / CONFIG_FILE
    return hashlib.sha256(read_file(path)).digest()


def read_file(path: Path, advice: str = "") -> bytes:
    """The bytes of a file that an operator or a wallet's owner is answerable for.

    Args:
        path: of the file.
        advice: what to do where it is missing, for the message.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}{advice and f'; {advice}'}") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that an interruption leaves the old one or the new one, never a part.

    Raises:
        ConfigError: it cannot be written.
    """
    draft = path.with_name(path.name + ".new")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
