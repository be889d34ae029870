"""Structured logs: one JSON object or one readable line per record, with the ids of its request and its trace.

What a record says beyond its message comes in ``extra={"fields": {...}}``. Transcripts, prompts, keys, file names and
query strings are never logged.
"""

from __future__ import annotations

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal

from server import traceparent

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that the running task works for."""


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Everything a record says apart from time, level, logger and message."""
    fields: dict[str, object] = dict(getattr(record, "fields", {}))
    if (current := request_id.get()) is not None:
        fields.setdefault("request_id", current)
    if (trace := traceparent.current.get()) is not None:
        fields.setdefault("trace_id", traceparent.trace_id(trace))
    return fields


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "ts": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class ConsoleFormatter(logging.Formatter):
    """``12:34:56.789 INFO message key=value``."""

    def format(self, record: logging.LogRecord) -> str:
        time = _time(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        pairs = "".join(f" {key}={value}" for key, value in fields_of(record).items())
        line = f"{time} {record.levelname:<7} {record.getMessage()}{pairs}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure_logging(level: str, style: Literal["console", "json"]) -> None:
    """Send everything at ``level`` and above to standard error; the HTTP server's own chatter only from warnings on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else ConsoleFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
