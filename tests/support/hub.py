"""A hub on loopback that speaks what huggingface_hub asks for, with faults on order.

Repositories are folders; every request is remembered. A ``Fault`` is spent by the requests that it meets.
"""

from __future__ import annotations

import hashlib
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_PAGE = "/api/models/"


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose path matches ``path``.

    ``status``: the answer's; 0 resets the connection, -1 lets the body end after half of it.
    """

    path: str
    status: int
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)


class Hub:
    """Attributes: ``url``, ``requests`` ("GET /path", in order), ``faults``, ``token`` (asked for where not None).

    ``true_tags``: files are tagged by their content, as the hub does. ``damaged``: a file whose content is another than
    its tag says. ``ranges``: of files that were asked for in part.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Path] = {}
        self.revisions = {"main", COMMIT}
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.token: str | None = None
        self.gated = False
        self.true_tags = False
        self.damaged: str | None = None
        self.ranges: list[str] = []
        self.url = ""

    def fault_for(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None

    def fetched(self) -> list[str]:
        """Names of the files whose content was asked for, in order."""
        return [line.rpartition("/")[2] for line in self.requests if line.startswith("GET") and "/resolve/" in line]


@contextmanager
def running_hub() -> Iterator[Hub]:
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve(body=True)

    def do_HEAD(self) -> None:
        self._serve(body=False)

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        self.hub.requests.append(f"{self.command} {path}")
        fault = self.hub.fault_for(path)
        if fault is not None and fault.status == 0:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.close_connection = True
            self.connection.close()
        elif fault is not None and fault.status > 0:
            self._answer(fault.status, b"{}", fault.headers, body=body)
        elif (refusal := self._refusal(path)) is not None:
            self._answer(refusal[0], b"{}", {"X-Error-Code": refusal[1]}, body=body)
        elif path.startswith(_PAGE):
            self._answer(200, json.dumps(self._about(path)).encode(), {}, body=body)
        else:
            self._file(path, half=fault is not None, body=body)

    def _refusal(self, path: str) -> tuple[int, str] | None:
        name = self._name(path)
        if name not in self.hub.repositories:
            return 401, "RepoNotFound"
        if self.hub.gated and self.headers.get("Authorization") != f"Bearer {self.hub.token}":
            return 401 if "Authorization" not in self.headers else 403, "GatedRepo"
        revision = re.search(r"/(?:revision|tree|resolve)/([^/]+)", path)
        if revision is not None and revision[1] not in self.hub.revisions:
            return 404, "RevisionNotFound"
        return None

    @staticmethod
    def _name(path: str) -> str:
        return "/".join(path.removeprefix(_PAGE).strip("/").split("/")[:2])

    def _about(self, path: str) -> object:
        name = self._name(path)
        files = sorted(file for file in self.hub.repositories[name].iterdir() if file.is_file())
        if "/tree/" in path:
            return [
                {"type": "file", "path": file.name, "size": file.stat().st_size, "oid": self._tag(file)}
                for file in files
            ]
        return {"id": name, "sha": COMMIT, "siblings": [{"rfilename": file.name} for file in files]}

    def _file(self, path: str, *, half: bool, body: bool) -> None:
        file = self.hub.repositories[self._name(path)] / path.rpartition("/")[2]
        if not file.is_file():
            self._answer(404, b"", {"X-Error-Code": "EntryNotFound"}, body=body)
            return
        data = file.read_bytes()
        if file.name == self.hub.damaged:
            data = data[:-1] + bytes([data[-1] ^ 1])
        headers = {"ETag": f'"{self._tag(file)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        status = 200
        if wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            begin = int(wanted[1])
            self.hub.ranges.append(file.name)
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
            data, status = data[begin:], 206
        self._answer(status, data, headers, body=body, half=half)

    def _tag(self, file: Path) -> str:
        """Of weights the hub tells SHA-256, of other files what git has; without ``true_tags`` anything."""
        if not self.hub.true_tags:
            return hashlib.sha1(str(file).encode(), usedforsecurity=False).hexdigest()
        data = file.read_bytes()
        if file.suffix == ".safetensors":
            return hashlib.sha256(data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()

    def _answer(self, status: int, data: bytes, headers: dict[str, str], *, body: bool, half: bool = False) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data[: len(data) // 2] if half else data)
        if half:
            self.close_connection = True
