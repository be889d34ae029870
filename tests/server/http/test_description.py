"""The description: every route is in it, all of it refers to what is there, and its examples are true."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi.routing import APIRoute
from starlette.routing import WebSocketRoute

from server.app import ROUTERS, create_app
from server.http.openapi.listen import PARAMETERS
from server.protocols.deepgram.query import ListenQuery
from server.protocols.openai.diarization_request import DiarizationParameters
from server.protocols.openai.response_format import ResponseFormat
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.settings import Settings
from tests.server.http.conftest import KEY
from tests.support.scripted_server import RunningServer

JsonObject = dict[str, Any]


def described(**settings: object) -> JsonObject:
    return create_app(Settings.model_validate({"model": "tiny"} | settings)).openapi()


DESCRIPTION = described()
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, operations in DESCRIPTION["paths"].items()
    for method, operation in operations.items()
]


def resolved(node: JsonObject) -> JsonObject:
    """What a reference leads to. Raises KeyError."""
    while "$ref" in node:
        found: Any = DESCRIPTION
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def validator(schema: JsonObject) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema | {"components": DESCRIPTION["components"]})


def examples(content: JsonObject) -> list[Any]:
    several = [example["value"] for example in content.get("examples", {}).values()]
    return [*several, *([content["example"]] if "example" in content else [])]


def nodes(node: Any) -> Iterator[JsonObject]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from nodes(inner)


def test_every_route_is_described() -> None:
    routes = [route for router in ROUTERS for route in router.routes]
    shown = {
        (route.path.replace(":path", ""), method.lower())
        for route in routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in route.methods or ()
    }
    assert shown == {(path, method) for path, operations in DESCRIPTION["paths"].items() for method in operations}
    sockets = {route.path for route in routes if isinstance(route, WebSocketRoute)}
    assert set(DESCRIPTION["x-websockets"]) == sockets
    for socket in DESCRIPTION["x-websockets"].values():
        assert socket["summary"]
        assert socket["documentation"]


def test_all_that_is_referred_to_is_there_and_used() -> None:
    references = {node["$ref"] for node in nodes(DESCRIPTION) if isinstance(node.get("$ref"), str)}
    for reference in references:
        resolved({"$ref": reference})
    components = {
        f"#/components/{kind}/{name}"
        for kind, named in DESCRIPTION["components"].items()
        if kind in ("schemas", "headers")
        for name in named
    }
    assert components <= references


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_is_told_with_true_examples(path: str, method: str, operation: JsonObject) -> None:
    assert operation["summary"]
    assert operation["tags"][0] in {tag["name"] for tag in DESCRIPTION["tags"]}
    for status, response in operation["responses"].items():
        response = resolved(response)
        assert response["description"]
        assert response.get("content") or status == "204"
        for content in response.get("content", {}).values():
            assert examples(content)
            for example in examples(content):
                validator(content["schema"]).validate(example)
    for parameter in operation.get("parameters", ()):
        assert parameter["description"]
        for example in examples(parameter):
            validator(parameter["schema"]).validate(example)
    if method == "post":
        assert "requestBody" in operation
        for content in operation["requestBody"]["content"].values():
            assert examples(content)
            for example in examples(content):
                validator(content["schema"]).validate(example)


@pytest.mark.parametrize(
    ("wanted", "schema"),
    [
        ("json", "Transcription"),
        ("diarized_json", "TranscriptionDiarized"),
        ("verbose_json", "TranscriptionVerbose"),
    ],
)
def test_each_format_has_a_schema_of_its_own(server: RunningServer, wav: bytes, wanted: str, schema: str) -> None:
    fields = {"response_format": wanted} | (
        {"timestamp_granularities[]": ["word", "segment"]} if wanted == "verbose_json" else {}
    )
    url = f"{server.url}/v1/audio/transcriptions"
    answer = httpx.post(url, files={"file": ("a.wav", wav)}, data=fields, timeout=60).json()
    validator({"$ref": f"#/components/schemas/{schema}"}).validate(answer)
    assert set(answer) <= set(DESCRIPTION["components"]["schemas"][schema]["properties"])
    for part, name in (("segments", "DiarizedSegment" if wanted == "diarized_json" else "Segment"), ("words", "Word")):
        for told in answer.get(part, ()):
            assert set(told) <= set(DESCRIPTION["components"]["schemas"][name]["properties"])


def test_each_format_has_an_example() -> None:
    told = DESCRIPTION["paths"]["/v1/audio/transcriptions"]["post"]["responses"]["200"]["content"]
    named = {name for kind in ("application/json", "text/plain") for name in told[kind]["examples"]}
    assert set(ResponseFormat) <= named | {"vtt"}
    assert told["text/vtt"]["example"].startswith("WEBVTT")


def test_parameters_are_told_as_they_are_sent() -> None:
    body = DESCRIPTION["paths"]["/v1/audio/transcriptions"]["post"]["requestBody"]["content"]
    fields = body["multipart/form-data"]["schema"]["properties"]
    assert '"null"' not in json.dumps(fields)
    assert fields["known_speaker_names"]["maxItems"] == 4
    assert fields["max_line_width"] == {
        "type": "integer",
        "minimum": 10,
        "maximum": 200,
        "default": 42,
        "description": "With srt, vtt and lrc: columns of a line; wide characters take two.",
    }


def test_events_are_described() -> None:
    content = DESCRIPTION["paths"]["/v1/audio/transcriptions"]["post"]["responses"]["200"]["content"]
    check = validator({"$ref": "#/components/schemas/TranscriptEvent"})
    events = [json.loads(example["data"]) for example in examples(content["text/event-stream"])]
    assert [event["type"].rpartition(".")[2] for event in events] == ["delta", "segment", "done"]
    for event in events:
        check.validate(event)
    assert not check.is_valid({"type": "transcript.text.other"})


def test_every_parameter_is_described() -> None:
    for path, parameters in (("transcriptions", TranscriptionParameters), ("diarization", DiarizationParameters)):
        body = DESCRIPTION["paths"][f"/v1/audio/{path}"]["post"]["requestBody"]["content"]
        for content, own in (("multipart/form-data", "file"), ("application/json", "input_audio")):
            fields = body[content]["schema"]["properties"]
            assert set(fields) == {own, *parameters.model_fields}
            assert all("description" in field or "description" in resolved(field) for field in fields.values())
    live = {"interim_results", "endpointing", "vad_events", "utterance_end_ms", "resume"}
    assert set(ListenQuery.model_fields) - live <= set(PARAMETERS)
    known = {"model", "version", "callback", "redact", *ListenQuery.model_fields}
    assert set(PARAMETERS) <= known


def finished_job(server: RunningServer, wav: bytes) -> str:
    """Examples have the id of a job that nobody has."""
    made = httpx.post(
        f"{server.url}/v1/audio/transcriptions", files={"file": wav}, data={"background": "true"}, timeout=60
    ).json()
    events = httpx.get(f"{server.url}{made['links']['events']}", timeout=60)  # until its end
    assert "transcript.text.done" in events.text
    job_id: str = made["id"]
    return job_id


def _sent(content: str, example: Any, wav: bytes) -> dict[str, Any]:
    """An example of a body as a request, with a recording where the example has a placeholder."""
    match content:
        case "multipart/form-data":
            fields = {name: value for name, value in example.items() if name != "file"}
            return {"files": {"file": ("a.wav", wav)}, "data": fields}
        case "application/json" if "messages" in example:
            (part,) = example["messages"][0]["content"]
            part = part | {"input_audio": {"data": base64.b64encode(wav).decode()}}
            return {"json": example | {"messages": [{"role": "user", "content": [part]}]}}
        case "application/json" if "input_audio" in example:
            return {"json": example | {"input_audio": {"data": base64.b64encode(wav).decode()}}}
        case "application/json":
            return {"json": example}
        case _:
            return {"content": wav, "headers": {"content-type": content.replace("*", "wav")}}


def _told(kind: str, answer: httpx.Response) -> list[Any]:
    """What an answer's schema is about: the body, or each event of a stream."""
    if kind == "text/event-stream":
        frames = [frame.splitlines() for frame in answer.text.split("\n\n") if frame]
        return [dict(line.split(": ", 1) for line in frame) for frame in frames]
    return [answer.json() if kind == "application/json" else answer.text]


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_what_the_examples_ask_for_is_answered_as_described(
    server: RunningServer, wav: bytes, path: str, method: str, operation: JsonObject
) -> None:
    url, query = server.url + path, {}
    if "{job_id}" in path:
        url = url.replace("{job_id}", finished_job(server, wav))
    for parameter in operation.get("parameters", ()):
        for example in examples(parameter):
            if parameter["in"] == "header":
                continue
            if parameter["in"] == "path":
                url = url.replace(f"{{{parameter['name']}}}", example)
            elif parameter["name"] not in ("encoding", "sample_rate"):  # of a body that is no wav
                query[parameter["name"]] = example
    bodies = [
        _sent(kind, example, wav)
        for kind, content in operation.get("requestBody", {"content": {"": {"example": None}}})["content"].items()
        for example in examples(content)
        if kind
    ]
    for body in bodies or [{}]:
        answer = httpx.request(method, url, params=query, timeout=60, **body)
        response = resolved(operation["responses"][str(answer.status_code)])
        assert answer.status_code == (400 if path.endswith("translations") else 200), answer.text
        kind = answer.headers["content-type"].partition(";")[0]
        content = response["content"]
        check = validator(content[kind if kind in content else "*/*"]["schema"])
        for told in _told(kind, answer):
            check.validate(told)
        assert set(response.get("headers", {})) - {"x-vibevoice-notes"} <= set(answer.headers)


def test_who_may_call_is_told() -> None:
    schemes = DESCRIPTION["components"]["securitySchemes"]
    assert {"bearer", "token"} == set(schemes)
    assert {} in DESCRIPTION["security"]
    keyed = described(api_keys=(KEY,), key_in_x_api_key=True, key_in_query=True)
    assert [*map(set, keyed["security"])] == [{"bearer"}, {"token"}, {"x-api-key"}, {"query"}]
    assert KEY not in json.dumps(keyed)
    assert keyed["paths"]["/health"]["get"]["security"] == []
