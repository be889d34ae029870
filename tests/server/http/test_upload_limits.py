"""Parts of a body that are held in memory have limits of their own, as docs/api.md states them."""

from __future__ import annotations

import json

import pytest

from tests.server.http.conftest import assert_envelope
from tests.server.http.test_request_shapes import END, part, send
from tests.support.scripted_server import RunningServer

MIB = 1 << 20
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(("sizes", "code", "param"), [([], "missing_file", "file"), ([1], "invalid_form", None)])
def test_the_fields_of_a_form_have_16_mib_together(
    server: RunningServer, sizes: list[int], code: str, param: str | None
) -> None:
    """Each of them is as long as one may be."""
    fields = [part(f"field{place}", bytes(size)) for place, size in enumerate([4 * MIB] * 4 + sizes)]
    assert_envelope(send(server, b"".join(fields) + END), 400, code, param)


def test_a_file_does_not_count_as_a_field(server: RunningServer) -> None:
    body = part("file", bytes(17 * MIB), "zeros.wav") + END
    assert_envelope(send(server, body), 415, "unsupported_format", "file")


@pytest.mark.parametrize(
    ("beyond", "status", "code", "param"),
    [(0, 400, "invalid_value", "input_audio"), (1, 413, "content_too_large", None)],
)
def test_a_json_body_has_64_mib(server: RunningServer, beyond: int, status: int, code: str, param: str | None) -> None:
    body = json.dumps({"input_audio": {"data": "?"}}).encode()
    assert_envelope(send(server, body.ljust(64 * MIB + beyond), JSON), status, code, param)
