"""Chat completions as plain objects: whole, and as the events of a stream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.protocols.openai.chat.request import ChatParameters
from server.transcript.logprobs import TokenLogprob
from server.transcript.segments import Usage

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Completions:
    """Writes the answer to one request.

    Attributes:
        id: of the answer.
        created: Unix time.
        model: as the client calls it.
        parameters: of the request.
    """

    id: str
    created: int
    model: str
    parameters: ChatParameters

    def whole(self, text: str, tokens: Iterable[TokenLogprob], *, cut: bool, usage: Usage, cached: int = 0) -> Object:
        """``chat.completion``. ``cached``: tokens of the prompt that were known from an earlier turn."""
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "refusal": None},
            "logprobs": self._logprobs(tokens),
            "finish_reason": _reason(cut),
        }
        return self._object("chat.completion", [choice]) | {"usage": usage_object(usage, cached)}

    def begin(self) -> Object:
        """The first event: who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str, tokens: Iterable[TokenLogprob]) -> Object:
        """More of the text."""
        return self._chunk({"content": text}, logprobs=self._logprobs(tokens))

    def end(self, *, cut: bool, usage: Usage, cached: int = 0) -> list[Object]:
        """The last events: why it ended, and, for who asks, what it cost."""
        events = [self._chunk({}, reason=_reason(cut))]
        if self._tells_usage:
            events.append(self._object("chat.completion.chunk", []) | {"usage": usage_object(usage, cached)})
        return events

    @property
    def _tells_usage(self) -> bool:
        return self.parameters.stream_options.include_usage

    def _chunk(self, delta: Mapping[str, str], *, logprobs: Object | None = None, reason: str | None = None) -> Object:
        choice = {"index": 0, "delta": dict(delta), "logprobs": logprobs, "finish_reason": reason}
        usage: Object = {"usage": None} if self._tells_usage else {}
        return self._object("chat.completion.chunk", [choice]) | usage

    def _object(self, kind: str, choices: list[Object]) -> Object:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model, "choices": choices}

    def _logprobs(self, tokens: Iterable[TokenLogprob]) -> Object | None:
        if not self.parameters.logprobs:
            return None
        told = [_told(token) | {"top_logprobs": list(map(_told, token.likeliest))} for token in tokens]
        return {"content": told, "refusal": None}


def _told(token: TokenLogprob) -> Object:
    return {"token": token.token, "bytes": list(token.bytes), "logprob": token.logprob}


def usage_object(usage: Usage, cached: int = 0) -> Object:
    """Tokens of prompt and answer, the recording's among the prompt's, and those that were ``cached``."""
    prompt = usage.audio_tokens + usage.text_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": usage.answer_tokens,
        "total_tokens": prompt + usage.answer_tokens,
        "prompt_tokens_details": {"audio_tokens": usage.audio_tokens, "cached_tokens": min(cached, prompt)},
    }


def _reason(cut: bool) -> str:
    return "length" if cut else "stop"
