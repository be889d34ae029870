"""The parameters of a chat completion: OpenAI's, and what users of vLLM's server add to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from server.protocols.openai.chat.messages import MAX_MESSAGES, Message
from server.protocols.openai.errors import InvalidParameter
from server.protocols.service_tier import ServiceTier

_MAX_STOPS, _MAX_STOP = 16, 256


class StreamOptions(BaseModel):
    """Of a streamed answer."""

    model_config = ConfigDict(extra="ignore")

    include_usage: bool = False


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


_Stop = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=_MAX_STOP)], ...],
    Field(max_length=_MAX_STOPS),
    BeforeValidator(_listed),
]


def _one(value: int) -> int:
    if value != 1:
        raise ValueError("this server gives one answer to a request, so that n is 1")
    return value


class ChatParameters(BaseModel):
    """A request. Unknown members are ignored, as OpenAI's own future ones must be."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    messages: Annotated[tuple[Message, ...], Field(min_length=1, max_length=MAX_MESSAGES)] = Field(
        description="The first user message holds the recording; an assistant message at the end is how the answer "
        "begins. System messages stand in place of the system text of the model's template."
    )
    model: str | None = Field(None, description="Any name under which this model is known.")
    stream: bool = Field(False, description="Answer with server-sent events while the text comes.")
    stream_options: StreamOptions = Field(StreamOptions(), description="include_usage: a last event with the usage.")
    max_tokens: int | None = Field(None, ge=1, description="Ends the answer after so many tokens.")
    max_completion_tokens: int | None = Field(None, ge=1, description="The same, as OpenAI calls it today.")
    temperature: float = Field(
        0.0, ge=0, le=2, allow_inf_nan=False, description="0 takes the likeliest tokens; above, they are drawn."
    )
    top_p: float = Field(1.0, gt=0, le=1, description="Drawn only from the likeliest that have this share together.")
    seed: int | None = Field(None, ge=-(2**63), lt=2**64, description="Of the drawing; the same seed, the same answer.")
    stop: _Stop = Field((), description="Texts in front of which the answer ends.")
    logprobs: bool = Field(False, description="With the log-probability of every token.")
    top_logprobs: int = Field(
        0, ge=0, le=20, description="With as many of the likeliest tokens of each place; needs logprobs."
    )
    n: Annotated[int, AfterValidator(_one)] = Field(1, description="One answer.", json_schema_extra={"const": 1})
    service_tier: ServiceTier | None = Field(None, description="priority: before other requests, for keys that may.")

    @model_validator(mode="after")
    def _likeliest_of_what_is_told(self) -> Self:
        if self.top_logprobs and not self.logprobs:
            raise PydanticCustomError("top_logprobs", "top_logprobs needs logprobs to be true")
        return self

    @property
    def most_tokens(self) -> int | None:
        """Of the answer, where the caller has a limit."""
        return self.max_completion_tokens or self.max_tokens


def parameters_of(values: Mapping[str, JsonValue]) -> ChatParameters:
    """From a JSON object, where null is the same as absent. Raises InvalidParameter."""
    try:
        return ChatParameters.model_validate({name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(each) for each in first["loc"] if each not in ("text", "input_audio", "audio_url"))
        param = str(first["loc"][0]) if first["loc"] else "top_logprobs"
        told = first["msg"].removeprefix("Value error, ")
        raise InvalidParameter(param, f"{place}: {told}." if place else f"{told}.") from None
