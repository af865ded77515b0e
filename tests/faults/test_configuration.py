"""A node's folder with something wrong in it: exit code 2, the reason CONFIG, and what to put right."""

import pytest

from node.config import CONFIG_FILE

INIT = (
    "init", "--name", "centre-z", "--members", "127.0.0.1:7101", "--wallets", "127.0.0.1:7102",
    "--ledger", "unix:///chain.sock",
)  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("batch_size = 16", "batch_size = 16\nbatchsize = 16", "batchsize"),
        ("[listen]", "[listen]\nport = 1", "port"),
        ('name = "centre-a"\n', "", "name"),
        ("period_seconds = 0.2", 'period_seconds = "often"', "period_seconds"),
        ("period_seconds = 0.2", "period_seconds = 0", "log.period_seconds"),
        ("period_seconds = 0.2", "period_seconds = nan", "log.period_seconds"),
        ("batch_size = 16", "batch_size = 65537", "log.batch_size"),
        ("batch_size = 16", "batch_size = 1.5", "batch_size"),
        ("confirmations = 0", "confirmations = -1", "ledger.confirmations"),
        ("confirmations = 0", "staleness_seconds = 1e9", "ledger.staleness_seconds"),
        ("members = ", "members = 'here' #", "listen.members"),
        ("wallets = ", "wallets = '127.0.0.1:70000' #", "listen.wallets"),
        ("[log]", '[trust]\nsoft_fail = "all"\n[log]', "soft_fail"),
        ("[log]", "[trust]\ntimeout_seconds = 0\n[log]", "trust.timeout_seconds"),
        ("[log]", '[retention."access.read"]\nminimum_days = 30\n[log]', "only be lengthened"),
        ("[log]", '[retention."trade.tender"]\nmaximum_days = 3650\n[log]', "the minimum and one month"),
        ("[log]", '[retention."no.such"]\nmaximum_days = 3650\n[log]', "unknown category"),
        ("[log]", '[retention."subject.base"]\nmaximal_days = 3650\n[log]', "maximal_days"),
        ("unix:///nowhere.sock", "ftp://nowhere", "ftp://nowhere"),
        ("[log]", "[log", "heqi.toml"),
        ("[log]", "[log]\n# \udcff", "heqi.toml"),
    ],
    ids=lambda value: value.strip().replace("\n", " ") if value.isprintable() else "not UTF-8",
)
def test_a_wrong_configuration(centre, told, old, new, names):
    config = centre.home / CONFIG_FILE
    text = config.read_text()
    assert old in text
    config.write_bytes(text.replace(old, new, 1).encode("utf-8", "surrogateescape"))
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (2, "CONFIG")
    assert names in error.message


def test_no_configuration(told, tmp_path):
    error = told("run", "--home", tmp_path)
    assert (error.code, error.reason) == (2, "CONFIG")
    assert "heqi init" in error.message


def test_no_alliance(centre, told):
    (centre.home / "alliance.json").unlink()
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (2, "CONFIG")
    assert "heqi alliance join" in error.message


@pytest.mark.parametrize("keep", [0, 500, -1])
def test_an_alliance_file_that_was_cut_off(centre, told, keep):
    file = centre.home / "alliance.json"
    file.write_bytes(file.read_bytes()[:keep])
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (1, "DESCRIPTOR")


def test_an_alliance_file_that_its_founder_did_not_sign(centre, told):
    file = centre.home / "alliance.json"
    file.write_text(file.read_text().replace("test alliance", "other alliance"))
    assert told("run", "--home", centre.home).reason == "DESCRIPTOR"


KEY_FILES = (
    "account.1.pem",
    "identity.1.pem",
    "log.1.pem",
    "sealing.1.pem",
    "data.1.jwe",
    "index.1.jwe",
)


@pytest.mark.parametrize("name", KEY_FILES)
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_key_file_that_others_can_read(centre, told, name, mode):
    (centre.home / "keys" / name).chmod(mode)
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (2, "CONFIG")
    assert "readable by others" in error.message
    assert name in error.message
    assert "chmod 600" in error.message


@pytest.mark.parametrize("name", KEY_FILES)
@pytest.mark.parametrize("content", [None, b"", b"zz", b"ab" * 31, b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_key_file_that_is_missing_or_no_key(centre, told, name, content):
    file = centre.home / "keys" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (2, "CONFIG")
    assert name in error.message


@pytest.mark.parametrize(
    "wrong", [("--period", "0"), ("--batch", "0"), ("--members", "nowhere"), ("--confirmations", "-1")]
)
def test_a_node_that_could_not_be_made_can_be_made_the_second_time(told, tmp_path, capsys, wrong):
    home = tmp_path / "centre-z"
    error = told(*INIT, "--home", home, *wrong)
    assert (error.code, error.reason) == (2, "CONFIG")
    assert not home.exists()
    from node.cli.main import main  # noqa: PLC0415

    assert main([*INIT, "--home", str(home)]) == 0
    assert (home / "card.jwt").exists()


def test_a_node_is_not_made_over_another(centre, told):
    before = {path: path.read_bytes() for path in centre.home.rglob("*") if path.is_file()}
    error = told(*INIT, "--home", centre.home)
    assert (error.code, error.reason) == (2, "CONFIG")
    assert before == {path: path.read_bytes() for path in centre.home.rglob("*") if path.is_file()}


def test_a_node_cannot_be_made_below_a_file(told, tmp_path):
    (tmp_path / "file").write_text("")
    error = told(*INIT, "--home", tmp_path / "file" / "centre-z")
    assert (error.code, error.reason) == (2, "CONFIG")
    assert "centre-z" in error.message


def test_a_file_on_the_command_line_that_is_not_there(told, tmp_path):
    error = told("verify", tmp_path / "no-bundle.json", "--alliance", tmp_path / "no-alliance.json")
    assert error.code == 2
    assert "no-" in error.message


def test_a_command_for_a_node_that_does_not_run(centre, told):
    error = told("alliance", "status", "--home", centre.home)
    assert (error.code, error.reason) == (1, "PEER")
