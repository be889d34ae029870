"""A server that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

READY = "/ready"


@dataclass
class Reply:
    """``body``: JSON unless it is bytes. ``cut``: the connection breaks behind it."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


def refusal(status: int, message: str, **headers: str) -> Reply:
    """In OpenAI's envelope."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, {"error": {"message": message, "type": "error", "param": None, "code": "a_code"}}, named)


def events(*told: Mapping[str, Any], cut: bool = False) -> Reply:
    """A stream of them."""
    lines = "".join(f": a comment\n\ndata: {json.dumps(event)}\n\n" for event in told)
    return Reply(200, lines.encode(), {"content-type": "text/event-stream"}, cut)


def transcribed(**formats: Any) -> Reply:
    """A recording of ten seconds, in these formats."""
    return events(
        {"type": "transcription.progress", "progress": {"audio_seconds": 10.0, "audio_seconds_done": 0.0}},
        {"type": "transcription.progress", "progress": {"audio_seconds": 10.0, "audio_seconds_done": 4.0}},
        {"type": "transcript.text.done", "text": "x", "notes": ["A note."], "formats": formats},
    )


@dataclass
class Stub:
    """``replies``: by path without its query, the last one for ever. ``asked``: paths, headers and bodies."""

    url: str = ""
    replies: dict[str, list[Reply]] = field(default_factory=dict)
    asked: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)


@contextmanager
def running_stub() -> Iterator[Stub]:
    stub = Stub()
    stub.replies[READY] = [Reply(200, {"status": "ready"})]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.headers.get("transfer-encoding") == "chunked":
                body = _chunked(self.rfile)
            stub.asked.append((self.path, dict(self.headers), body))
            replies = stub.replies.get(self.path.partition("?")[0]) or [refusal(404, "There is nothing.")]
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in ({"content-type": "application/json"} | dict(reply.headers)).items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(content) + reply.cut))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = True

        do_POST = do_GET  # noqa: N815 - the handler's name
        do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _chunked(stream: Any) -> bytes:
    parts = b""
    while size := int(stream.readline(), 16):
        parts += stream.read(size)
        stream.readline()
    stream.readline()
    return parts
