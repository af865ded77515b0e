"""Asking authorities over HTTP: real servers on loopback, honest ones and others."""

import asyncio
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters.authorities.http import HttpAuthorities
from adapters.crypto.trial_status import serve
from node.domain.status import MAX_OCSP_BYTES, build_ocsp_request, open_crl, open_ocsp
from node.domain.timestamp import build_timestamp_request, check_timestamp
from node.domain.trust import TrustList
from node.errors import AuthorityUnavailableError
from tests.support.trial_timestamps import TrialTimestamps
from tests.support.trust import bidder, responder, root, tsa_anchor

REQUEST = build_ocsp_request(bidder().certificate, root().certificate, bytes(32))


@pytest.fixture
async def authorities():
    asking = HttpAuthorities(0.5)
    yield asking
    await asking.close()


async def test_answers_lists_and_stamps_arrive(authorities):
    says, stamps = responder(), TrialTimestamps()
    paths = {"/ocsp": says.answer, "/ca.crl": lambda _: says.revocation_list(), "/tsa": stamps.answer}
    pair = (bidder().certificate, root().certificate)
    with serve(paths) as address:
        assert open_ocsp(await authorities.ocsp(f"{address}/ocsp", REQUEST), *pair, nonce=bytes(32)).nonce
        assert open_crl(await authorities.crl(f"{address}/ca.crl"), *pair).revoked is None
        raw = await authorities.timestamp(f"{address}/tsa", build_timestamp_request("a.b.c"))
    assert check_timestamp(raw, "a.b.c", TrustList([tsa_anchor(stamps.root)]))


@pytest.fixture
def hostile():
    """A server that does what its path says; yields its address and what was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            asked.append((self.path, dict(self.headers)))
            self.rfile.read(int(self.headers["Content-Length"]))
            kind = "text/html" if self.path == "/html" else "application/ocsp-response"
            self.send_response({"/moved": 302, "/refused": 500}.get(self.path, 200))
            self.send_header("Content-Type", kind)
            self.send_header("Set-Cookie", "who=me")
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            with_end = self.path != "/endless"
            chunk = b"x" if self.path == "/slow" else b"x" * 10_000
            for _ in range(200 if not with_end or self.path == "/slow" else 1):
                try:
                    self.wfile.write(chunk)
                except OSError:
                    return
                if self.path == "/slow" and stop.wait(0.05):
                    return

        do_GET = do_POST

        def log_message(self, *_):
            pass

    stop = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        stop.set()
        server.shutdown()
        thread.join()


async def test_a_redirect_is_not_followed(authorities, hostile):
    address, asked = hostile
    with pytest.raises(AuthorityUnavailableError, match="302"):
        await authorities.ocsp(f"{address}/moved", REQUEST)
    assert [path for path, _ in asked] == ["/moved"]


@pytest.mark.parametrize("path", ["/refused", "/html"])
async def test_an_error_or_another_kind_of_answer_is_none(authorities, hostile, path):
    with pytest.raises(AuthorityUnavailableError):
        await authorities.ocsp(f"{hostile[0]}{path}", REQUEST)


async def test_an_answer_without_end_is_cut_off(authorities, hostile):
    with pytest.raises(AuthorityUnavailableError, match=f"more than {MAX_OCSP_BYTES}"):
        await authorities.ocsp(f"{hostile[0]}/endless", REQUEST)


async def test_an_answer_that_drips_is_given_up(authorities, hostile):
    begin = time.monotonic()
    with pytest.raises(AuthorityUnavailableError, match="Timeout"):
        await authorities.ocsp(f"{hostile[0]}/slow", REQUEST)
    assert time.monotonic() - begin < 8


async def test_no_cookie_is_kept(authorities, hostile):
    address, asked = hostile
    for _ in range(2):
        await authorities.ocsp(f"{address}/plain", REQUEST)
    assert all("Cookie" not in headers for _, headers in asked)


async def test_nobody_there_is_unavailable(authorities):
    with pytest.raises(AuthorityUnavailableError):
        await authorities.ocsp("http://127.0.0.1:1/", REQUEST)
    with pytest.raises(AuthorityUnavailableError):
        await authorities.crl("http://[/")


async def test_proxies_of_the_surroundings_are_not_used(authorities, hostile, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", hostile[0])
    with pytest.raises(AuthorityUnavailableError):
        await authorities.ocsp("http://127.0.0.1:1/", REQUEST)
    assert not hostile[1]
    await asyncio.sleep(0)
