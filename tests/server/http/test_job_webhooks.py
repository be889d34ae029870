"""Webhooks as their receivers see them: a whole server, TLS with a certificate that is looked at, and what goes wrong.

Their hosts are this machine, which has to be allowed; where nothing is, see the last test.
"""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from server.jobs.webhooks import outbox, sender
from tests.server.http.test_jobs import submit
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.tools import tool

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Hook:
    """A receiver. It answers each message with the next of ``answers``, and then with 204.

    Attributes:
        url: where messages go.
        heard: headers and body of each message that came.
    """

    url: str
    answers: list[Answer] = field(default_factory=list)
    heard: list[tuple[dict[str, str], str]] = field(default_factory=list)

    def verified(self) -> list[dict[str, Any]]:
        """What was told, by the standard's own library."""
        return [Webhook(SECRET).verify(body, headers) for headers, body in self.heard]


def status(code: int, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name, value)
        request.end_headers()

    return answer


@contextmanager
def receiving(certificate: Path | None, host: str = "localhost") -> Iterator[Hook]:
    """A receiver of this machine, with HTTPS where it has a certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            hook.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            (hook.answers.pop(0) if hook.answers else status(204))(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust this server hangs up."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if certificate is None else "https"
    hook = Hook(f"{scheme}://{host}:{server.server_port}/told?a=1")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join(PATIENCE)
        server.server_close()


def certificate(folder: Path, name: str) -> Path:
    """For this name alone, with its key, signed by itself."""
    file, key = folder / f"{name}.pem", folder / f"{name}.key"
    command = [tool("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-nodes", "-days", "1", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(file)], capture_output=True, check=True)
    file.write_text(file.read_text() + key.read_text())
    return file


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """By the name that they are for; this process trusts them, as it trusts what the machine does."""
    folder = tmp_path_factory.mktemp("certificates")
    made = {name: certificate(folder, name) for name in ("localhost", "elsewhere.example")}
    trusted = folder / "trusted.pem"
    trusted.write_text("".join(file.read_text() for file in made.values()))
    made["stranger"] = certificate(folder, "localhost.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(trusted))
        yield made


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Tries again at once, ten times, and waits a second for an answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "RETRIES", (0,) * 10)
        patch.setattr(sender, "_SECONDS", 1.0)
        with running_server(
            jobs_folder=tmp_path_factory.mktemp("jobs"),
            webhook_hosts=("localhost",),
            webhook_secrets=(SECRET,),
            webhook_private_addresses=True,
        ) as running:
            yield running


def told(server: RunningServer, job: str, *statuses: str) -> dict[str, Any]:
    """What the job says of its message, once it is one of these."""
    found: dict[str, Any] = {}

    def ended() -> bool:
        nonlocal found
        found = httpx.get(f"{server.url}/v1/jobs/{job}", timeout=PATIENCE).json()["webhook"]
        return found["status"] in statuses

    server.wait_for(ended, "the message is told of")
    return found


def test_a_receiver_is_told_by_tls_and_can_verify_who_told_it(
    telling: RunningServer, certificates: dict[str, Path], wav: bytes
) -> None:
    with receiving(certificates["localhost"]) as hook:
        job = submit(telling, wav, webhook_url=hook.url).json()["id"]
        assert told(telling, job, "delivered") == {
            "url": hook.url,
            "status": "delivered",
            "attempts": 1,
            "error": None,
        }
    (message,) = hook.verified()
    assert (message["type"], message["data"]["id"]) == ("transcription.job.completed", job)
    ((headers, _),) = hook.heard
    assert (headers["content-type"], headers["webhook-id"]) == ("application/json", message["id"])
    assert headers["host"] == httpx.URL(hook.url).netloc.decode()


def test_a_job_that_fails_is_told_of_as_well(telling: RunningServer, certificates: dict[str, Path]) -> None:
    with receiving(certificates["localhost"]) as hook:
        job = submit(telling, b"no audio", webhook_url=hook.url).json()["id"]
        told(telling, job, "delivered")
    (message,) = hook.verified()
    assert (message["type"], message["data"]["error"]["code"]) == ("transcription.job.failed", "unsupported_format")


def test_the_same_message_comes_until_it_is_taken(
    telling: RunningServer, certificates: dict[str, Path], wav: bytes
) -> None:
    """Whatever goes wrong: an error, a redirect, silence, a connection that breaks off, an answer that is none."""
    late = threading.Event()

    def silent(request: BaseHTTPRequestHandler) -> None:
        late.wait(PATIENCE)

    def broken(request: BaseHTTPRequestHandler) -> None:
        request.connection.shutdown(socket.SHUT_RDWR)

    def strange(request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"220 mail.example ESMTP\r\n\r\n")

    with receiving(certificates["localhost"]) as hook, receiving(None) as other:
        moved = status(302, location=other.url)
        hook.answers += [status(500), moved, silent, broken, strange, status(429)]
        tries = len(hook.answers) + 1
        job = submit(telling, wav, webhook_url=hook.url).json()["id"]
        assert told(telling, job, "delivered")["attempts"] == tries
        late.set()
    assert other.heard == [], "a redirect is not followed"
    assert len(hook.heard) == tries
    assert len({body for _, body in hook.heard}) == len({headers["webhook-id"] for headers, _ in hook.heard}) == 1
    assert len(hook.verified()) == tries


def refused(server: RunningServer, url: str, wav: bytes) -> str:
    """What the job says of a message that nobody took."""
    job = submit(server, wav, webhook_url=url).json()["id"]
    found = told(server, job, "failed")
    assert found["attempts"] == 11
    error: str = found["error"]
    return error


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("elsewhere.example", "Hostname mismatch, certificate is not valid for 'localhost'."),
        ("stranger", "self-signed certificate."),
    ],
)
def test_a_certificate_that_does_not_fit_is_told_in_the_job(
    telling: RunningServer, certificates: dict[str, Path], wav: bytes, name: str, error: str
) -> None:
    with receiving(certificates[name]) as hook:
        assert refused(telling, hook.url, wav) == f"The receiver's certificate cannot be trusted: {error}"
    assert hook.heard == [], "it was told nothing"


def test_what_is_wrong_with_a_receiver_is_told_in_the_job(
    telling: RunningServer, certificates: dict[str, Path], wav: bytes
) -> None:
    with receiving(certificates["localhost"]) as hook:
        hook.answers += [status(500)] * 20
        assert refused(telling, hook.url, wav) == "The receiver answered with 500."
        hook.answers[:] = [status(307, location=hook.url)] * 20
        assert refused(telling, hook.url, wav) == "The receiver answered with 307; redirects are not followed."
    assert refused(telling, hook.url, wav) == "The receiver was not reached: Connection refused."
    with receiving(None) as plain:
        error = refused(telling, plain.url.replace("http:", "https:"), wav)
        assert error.startswith("No connection by TLS was made: ")


def test_who_wants_nothing_more_is_told_no_more(
    telling: RunningServer, certificates: dict[str, Path], wav: bytes
) -> None:
    with receiving(certificates["localhost"]) as hook:
        hook.answers.append(status(410))
        job = submit(telling, wav, webhook_url=hook.url).json()["id"]
        found = told(telling, job, "failed")
    assert (found["attempts"], found["error"]) == (1, "The receiver answered with 410.")


def test_what_lies_inside_of_the_network_is_told_nothing_unless_it_is_allowed(
    certificates: dict[str, Path], tmp_path: Path, wav: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "RETRIES", ())
    with (
        receiving(certificates["localhost"]) as hook,
        running_server(jobs_folder=tmp_path, webhook_hosts=("*",), webhook_secrets=(SECRET,)) as server,
    ):
        job = submit(server, wav, webhook_url=hook.url).json()["id"]
        assert told(server, job, "failed")["error"] == "The host has no public address."
        plain = submit(server, wav, webhook_url=hook.url.replace("https:", "http:"))
        assert plain.status_code == 400
        assert plain.json()["error"]["code"] == "webhook_not_allowed"
    assert hook.heard == []
