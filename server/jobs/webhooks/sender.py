"""Sends what lies in the outbox, and again what nobody took."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from server.jobs.webhooks.outbox import Message
from server.jobs.webhooks.posting import NoAnswer, post
from server.jobs.webhooks.receivers import ForbiddenReceiver, Receiver, Receivers
from server.jobs.webhooks.refusals import refusal, status_refusal
from server.jobs.webhooks.signing import signed_headers
from server.tracing.tracer import NO_TRACES, Attribute, Kind, Span, Tracer, ending, working_for

logger = logging.getLogger(__name__)

Post = Callable[[Receiver, str, Mapping[str, str], bytes], Awaitable[int]]
_SECONDS: Final = 15.0
"""That a receiver has for its answer: Standard Webhooks recommends 15 to 30."""
_GONE: Final = 410
"""The receiver wants nothing more (Standard Webhooks, "Response codes")."""


class Taken(StrEnum):
    """What became of one try."""

    DELIVERED = "delivered"
    REFUSED = "refused"
    """Or not answered: it is tried again."""
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Try:
    """What became of it, and why it was none, for the eyes of the job's owner."""

    taken: Taken
    error: str | None = None


class Sender:
    """Sends messages.

    Args:
        receivers: who may get any.
        secrets: that sign them.
        clock: Unix time in seconds.
        tracer: is told of each try, which is linked to what accepted the job.

    Attributes:
        tries: how many there were, by what became of them.
    """

    def __init__(
        self,
        receivers: Receivers,
        secrets: Sequence[bytes],
        clock: Callable[[], float],
        tracer: Tracer = NO_TRACES,
        post: Post = post,
    ) -> None:
        self.receivers = receivers
        self._secrets = secrets
        self._clock = clock
        self._tracer = tracer
        self._post = post
        self._tries = Counter(dict.fromkeys(Taken, 0))

    @property
    def tries(self) -> Mapping[Taken, int]:
        return MappingProxyType(self._tries)

    async def send(self, message: Message) -> Try:
        """One try."""
        attributes: dict[str, Attribute] = {"http.request.method": "POST", "asr.attempt": message.attempt}
        span = self._tracer.start("job.webhook", None, kind=Kind.CLIENT, follows=message.trace, attributes=attributes)
        with ending(span), working_for(span, message.trace):
            tried = await self._try(message, span)
            self._tries[tried.taken] += 1
            return tried

    async def _try(self, message: Message, span: Span) -> Try:
        headers = signed_headers(message.id, message.body, int(self._clock()), self._secrets)
        headers |= {"content-type": "application/json", "user-agent": "vibevoice-asr-server"}
        if span.traceparent is not None:
            headers["traceparent"] = span.traceparent
        try:
            # The operator may allow less than he did when the job was accepted.
            receiver = self.receivers.read(message.url)
            async with asyncio.timeout(_SECONDS):
                address = await self.receivers.address_of(receiver)
                status = await self._post(receiver, address, headers, message.body.encode())
        except (ForbiddenReceiver, NoAnswer, OSError) as error:  # TimeoutError is one
            told = refusal(error, _SECONDS)
            fields = {"message": message.id, "attempt": message.attempt, "error": type(error).__name__, "told": told}
            logger.warning("a webhook was not reached", extra={"fields": fields})
            span.end(error=type(error).__name__)
            return Try(Taken.REFUSED, told)
        span.set({"http.response.status_code": status})
        if 200 <= status < 300:
            return Try(Taken.DELIVERED)
        fields = {"message": message.id, "attempt": message.attempt, "status": status}
        logger.warning("a webhook was refused", extra={"fields": fields})
        span.end(error=str(status))
        return Try(Taken.GONE if status == _GONE else Taken.REFUSED, status_refusal(status))
