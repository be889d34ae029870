"""A live session from the handshake to the last count, for every protocol."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from starlette.websockets import WebSocket

from server.http.auth.callers import caller_of
from server.http.service import Service
from server.http.sockets.audio import AudioInput
from server.http.sockets.delays import Delays
from server.http.sockets.handover import Handover
from server.http.sockets.resumption import Resumption
from server.http.sockets.session import LiveSession
from server.http.sockets.session_tasks import SessionLimits
from server.live.channel_transcribers import ChannelTranscribers
from server.live.vocabulary.protocol import LiveProtocol, Message
from server.live.vocabulary.resumption import Resumable
from server.metrics.labels import CANCELLED, CLIENT_CLOSED

_LAST_WORDS_SECONDS = 30.0


async def run_session(
    websocket: WebSocket,
    service: Service,
    protocol: LiveProtocol[Message],
    *,
    subprotocol: str | None,
    headers: Mapping[str, str] = MappingProxyType({}),
    channels: int = 1,
    resumable: Resumable | None = None,
) -> None:
    """Accept the connection with these ``headers``, run the session to its end and count it.

    ``channels``: the most that the session transcribes each for itself. ``resumable``: the protocol, where the client
    wants to be able to go on elsewhere.

    Raises what `to_api_error` knows, before anything is accepted, when there is no place for the session.
    """
    settings = service.settings
    limits = SessionLimits(
        idle=settings.live_idle_seconds,
        longest=settings.live_max_seconds,
        send=settings.live_send_seconds,
        last_words=min(_LAST_WORDS_SECONDS, settings.drain_seconds),
    )
    account = caller_of(websocket.scope).account
    with service.place_for_session(account, channels):
        try:
            await websocket.accept(subprotocol, [(name.encode(), value.encode()) for name, value in headers.items()])
        except OSError:
            websocket.state.log["end"] = CLIENT_CLOSED
            return
        make = partial(service.make_transcriber, websocket.state.request_id)
        audio = AudioInput(service.decoders.died)
        delays = Delays(service.metrics.live_final_word.observe, service.metrics.live_flush.observe)
        async with ChannelTranscribers(make) as transcribers:
            stopping = service.live.stopping
            resumption = None if resumable is None else _resumption(websocket, service, resumable, transcribers)
            session = LiveSession(
                websocket,
                protocol,
                transcribers,
                limits,
                stopping,
                delays,
                charge=account.charge,
                audio=audio,
                channels=channels,
                resumption=resumption,
            )
            end = CANCELLED
            try:
                with service.live.running(transcribers):
                    end = await session.run()
            finally:
                _count(websocket, service, session, delays, end)


def _resumption(
    websocket: WebSocket, service: Service, protocol: Resumable, transcribers: ChannelTranscribers
) -> Resumption:
    """A session that has no other name is called as its connection is."""
    handover = Handover(
        service.resume_tokens,
        kind=protocol.kind,
        digest=caller_of(websocket.scope).digest,
        name=websocket.state.request_id,
    )
    return Resumption(protocol, handover, transcribers)


def _count(websocket: WebSocket, service: Service, session: LiveSession[Message], delays: Delays, end: str) -> None:
    metrics, log = service.metrics, websocket.state.log
    endpoint: str = websocket.scope["route"].path
    metrics.live_sessions.labels(endpoint, end).inc()
    metrics.live_audio.inc(session.heard * session.channels)
    log |= {"end": str(end), "audio_s": round(session.heard, 3)}
    if delays.first_words is not None:
        metrics.live_first_words.observe(delays.first_words)
        log["first_words_s"] = round(delays.first_words, 3)
