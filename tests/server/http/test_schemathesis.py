"""Requests made from the description, some as it says and some that break it: answered as it says, and never by 500.

Two of Schemathesis' checks are left out:

- `positive_data_acceptance`: that bytes are a recording, and which parameters go together, no schema tells. What the
  examples ask for is accepted: test_description.py.
- `negative_data_rejection`: a schema tells one way to write a request, and more are taken, e.g. lists in every way that
  clients have, or an empty value for none. Which values are refused: test_request_shapes.py.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from tests.server.http.test_description import OPERATIONS
from tests.support.scripted_server import RunningServer

LENIENT: list[Any] = [positive_data_acceptance, negative_data_rejection]


@pytest.fixture(scope="module")
def schema(server: RunningServer) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


@pytest.mark.parametrize(("path", "method", "described"), OPERATIONS)
def test_answers_are_as_described(schema: BaseSchema, wav: bytes, path: str, method: str, described: object) -> None:
    operation = schema[path][method.upper()]
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode])

    @seed(13)
    @settings(
        max_examples=20,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, heard=st.booleans())
    def answered(case: schemathesis.Case[Any], heard: bool) -> None:
        if heard:
            case.body = _heard(case.body, path, wav)
        response = case.call(timeout=60)
        assert response.status_code < 500 or path == "/ready"
        case.validate_response(response, excluded_checks=LENIENT)

    answered()


def _heard(body: Any, path: str, wav: bytes) -> Any:
    """A body with a real recording in its place."""
    if isinstance(body, dict) and "file" in body:
        return body | {"file": wav}
    if isinstance(body, dict) and isinstance(body.get("input_audio"), dict):
        return body | {"input_audio": {"data": base64.b64encode(wav).decode()}}
    return wav if path == "/v1/listen" else body
