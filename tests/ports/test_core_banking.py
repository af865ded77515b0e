"""What every core banking system behind the port must do; and what the envelope refuses."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.banks.https import HttpsBank, Recall
from adapters.banks.posting import EnvelopePost
from adapters.banks.trial import TrialBank
from adapters.banks.trial_gateway import trial_gateway
from adapters.crypto.clock import SystemClock
from node.domain.bank_order import BankOrder, OrderKind, check_answer, order_of
from node.errors import BankAnswerError, BankUnavailableError
from node.ports import CoreBanking
from node.wallet.keyfile import new_wallet_key
from node.wire.envelope import Envelope, Es256Suite, open_envelope, seal

ABOUT, SUBJECT = "ab" * 32, "cd" * 32
FEE = order_of(OrderKind.COLLECT_FEE, ABOUT, SUBJECT, "160", "CNY")
PAYMENT = order_of(OrderKind.PAY_CLAIM, ABOUT, SUBJECT, "160", "CNY", 2 << 16, "受益人\n6222 0000")
NODE, BANK, STRANGER = new_wallet_key(), new_wallet_key(), new_wallet_key()
AT_NODE, AT_BANK = Es256Suite(NODE.sign, BANK.public_key), Es256Suite(BANK.sign, NODE.public_key)


@dataclass
class Made:
    """An implementation, and the books behind it."""

    bank: CoreBanking
    books: TrialBank


def self_signed(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS of a gateway on this machine, and of who believes it."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "trial gateway")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "gateway.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    believes = ssl.create_default_context(
        cadata=certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
    )
    return server, believes


@pytest.fixture(params=["memory", "https"])
async def made(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Made]:
    books = TrialBank()
    if request.param == "memory":
        yield Made(books, books)
        return
    server, believes = self_signed(tmp_path)
    runner = web.AppRunner(trial_gateway(books, AT_BANK))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server)
    await site.start()
    port = runner.addresses[0][1]
    url = f"https://127.0.0.1:{port}"
    bank = HttpsBank(EnvelopePost(url, AT_NODE, SystemClock(), tls=believes, timeout_seconds=5.0))
    yield Made(bank, books)
    await bank.close()
    await runner.cleanup()


async def test_an_order_is_carried_out_once_however_often_it_comes(made: Made) -> None:
    answers = await asyncio.gather(*(made.bank.submit(FEE) for _ in range(5)))
    assert len({*answers}) == 1
    check_answer(FEE, answers[0])
    assert answers[0].state == "done"
    assert made.books.books == {FEE.id: FEE}


async def test_an_order_that_was_not_answered_is_still_carried_out_once(made: Made) -> None:
    made.books.is_late = True
    with pytest.raises(BankUnavailableError):
        await made.bank.submit(FEE)
    made.books.is_late = False
    assert (await made.bank.submit(FEE)).state == "done"
    assert len(made.books.books) == 1


async def test_an_absent_bank_is_told_as_absent(made: Made) -> None:
    made.books.is_absent = True
    with pytest.raises(BankUnavailableError):
        await made.bank.submit(FEE)


async def test_what_waits_is_pending_and_then_done(made: Made) -> None:
    made.books.pending = 2
    assert [(await made.bank.submit(FEE)).state for _ in range(3)] == ["pending", "pending", "done"]


async def test_what_is_recalled_is_never_carried_out(made: Made) -> None:
    made.books.is_late = True
    with pytest.raises(BankUnavailableError):
        await made.bank.recall(PAYMENT)
    made.books.is_late = False
    answer = await made.bank.recall(PAYMENT)
    check_answer(PAYMENT, answer)
    assert [answer.state, (await made.bank.submit(PAYMENT)).state] == ["refused", "refused"]
    assert made.books.books == {}


async def test_a_recall_that_comes_too_late_says_what_the_order_said(made: Made) -> None:
    done = await made.bank.submit(PAYMENT)
    assert await made.bank.recall(PAYMENT) == done
    assert (await made.bank.submit(PAYMENT)).state == "done"
    made.books.is_absent = True
    with pytest.raises(BankUnavailableError):
        await made.bank.recall(PAYMENT)


async def test_a_recall_cannot_be_passed_on_as_an_order() -> None:
    asked = seal(AT_NODE, msgspec.json.encode(Recall(PAYMENT)).decode(), "ab" * 16, "20260301020000")
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(open_envelope(AT_BANK, asked).data, type=BankOrder)


async def test_an_id_with_other_content_is_refused(made: Made) -> None:
    await made.bank.submit(FEE)
    answer = await made.bank.submit(msgspec.structs.replace(FEE, amount="161"))
    assert (answer.state, bool(answer.reason)) == ("refused", True)
    assert made.books.books == {FEE.id: FEE}


# -- the envelope ---------------------------------------------------------------------------------------------

Answering = Callable[[bytes], bytes]


async def asked(answer: Answering) -> None:
    """Submit to a gateway that answers so."""

    async def orders(request: web.Request) -> web.Response:
        return web.Response(body=answer(await request.read()), content_type="application/json")

    application = web.Application()
    application.router.add_post("/heqi/orders", orders)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    bank = HttpsBank(EnvelopePost(url, AT_NODE, SystemClock(), timeout_seconds=5.0))
    try:
        await bank.submit(FEE)
    finally:
        await bank.close()
        await runner.cleanup()


def _by(suite: Es256Suite, **changes: str) -> Answering:
    def answer(raw: bytes) -> bytes:
        request = msgspec.json.decode(raw, type=Envelope)
        data = changes.get("data", f'{{"id":"{FEE.id}","state":"done","amount":"160","currency":"CNY"}}')
        return seal(
            suite, data, changes.get("nonce", request.nonce_str), changes.get("time", request.time_stamp)
        )

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        _by(Es256Suite(STRANGER.sign, NODE.public_key)),
        _by(AT_BANK, nonce="00" * 16),
        _by(AT_BANK, time="20200101000000"),
        _by(AT_BANK, data="[]"),
        lambda raw: raw,
        lambda _: b"{}",
        lambda _: b"\xff",
        lambda _: b'"' + b"a" * 100_000 + b'"',
    ],
    ids=["by a stranger", "old nonce", "old time", "no answer", "an echo", "empty", "no text", "endless"],
)
async def test_what_is_not_the_banks_answer_to_this_request_is_refused(answer: Answering) -> None:
    with pytest.raises(BankAnswerError):
        await asked(answer)


def test_every_value_of_an_envelope_is_signed() -> None:
    sealed = msgspec.json.decode(seal(AT_BANK, "{}", "0" * 32, "20260301000000"), type=Envelope)
    assert open_envelope(AT_NODE, msgspec.json.encode(sealed)) == sealed
    changes = {"data": "[]", "nonce_str": "1" * 32, "time_stamp": "20260301000001", "sign": "AAAA"}
    for name, value in changes.items():
        with pytest.raises(BankAnswerError):
            open_envelope(AT_NODE, msgspec.json.encode(msgspec.structs.replace(sealed, **{name: value})))
    plain = base64.b64encode(BANK.sign(b"{}0" + b"0" * 32 + b"20260301000000")).decode()
    with pytest.raises(BankAnswerError):  # a signature for something else, without the tag
        open_envelope(AT_NODE, msgspec.json.encode(msgspec.structs.replace(sealed, sign=plain)))
