"""What a session does so that its client can go on elsewhere, or comes from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from server.http.sockets.handover import Flushes, Handover, Passed, ResumeRefused
from server.live.channel_transcribers import ChannelTranscribers
from server.live.vocabulary.actions import Action, Resume
from server.live.vocabulary.events import Checkpoint
from server.live.vocabulary.flush import FlushId
from server.live.vocabulary.resumption import Place, Refusal, Resumable, Voices


class Resumption:
    """Of one session. An offer is made whenever all that was told of every channel is known at their places.

    Args:
        protocol: the session's.
        handover: makes and reads tokens.
        transcribers: the session's.

    Attributes:
        leaving: the next offer is the last message of the session.
        left: it was made.
    """

    def __init__(self, protocol: Resumable, handover: Handover, transcribers: ChannelTranscribers) -> None:
        self.leaving = False
        self.left = asyncio.Event()
        self._protocol = protocol
        self._handover = handover
        self._transcribers = transcribers
        self._places: dict[int, Place] = {}
        self._voices: dict[int, Voices] = {}
        self._known: set[int] = set()  # channels of which nothing was told behind their places
        transcribers.set_resumable()

    def told(self, channel: int) -> None:
        """Something was told of a channel: its place is behind that no more."""
        self._known.discard(channel)

    async def reached(self, event: Checkpoint, asked: Mapping[tuple[int, FlushId], float]) -> Sequence[Action]:
        """A place that is behind all that was told of its channel.

        ``asked``: by channel, flushes of the protocol that are not answered, and the seconds of the session at which
        they were asked for.
        """
        first = event.channel.number not in self._known
        self._known.add(event.channel.number)
        self._places[event.channel.number], self._voices[event.channel.number] = event.place, event.voices
        if len(self._known) < self._transcribers.count:
            if first:
                self._transcribers.checkpoint()
            return []
        voices = await self._handover.voices_token(self._voices)
        flushes: dict[int, list[tuple[float, FlushId]]] = {}
        for (channel, flush), at in asked.items():
            flushes.setdefault(channel, []).append((at, flush))
        offer = self._handover.offer(self._protocol.snapshot(), self._places, flushes, voices)
        if self.leaving:
            self.left.set()
        return self._protocol.offered(offer, leaving=self.leaving)

    def note(self) -> None:
        """The client changed something."""
        self._transcribers.checkpoint()

    def leave(self) -> None:
        """Make the last offer."""
        self.leaving = True
        self._transcribers.checkpoint()

    async def passed(self, wish: Resume, most_channels: int) -> tuple[Passed, float, Mapping[int, Voices]]:
        """The session that the client wants to go on with, where in it the audio begins, and its voices.

        Raises ResumeRefused.
        """
        passed = self._handover.passed(wish)
        if max(passed.places) >= most_channels:
            raise ResumeRefused(Refusal.TOO_FEW_CHANNELS)
        at = passed.audio_start if wish.audio_start is None else wish.audio_start
        return passed, at, await self._handover.voices(wish.voices)

    def begun(self, passed: Passed, at: float) -> Sequence[Action]:
        """The protocol's part of it. Raises ResumeRefused."""
        try:
            return self._protocol.resumed(passed.snapshot, at)
        except ValueError:
            raise ResumeRefused(Refusal.INVALID) from None

    def refused(self, why: Refusal) -> Sequence[Action]:
        """What the client is told."""
        return self._protocol.refused(why)


def asked_of(flushes: Flushes) -> dict[tuple[int, FlushId], float]:
    """By channel and id, when each is due."""
    return {(channel, flush): at for channel, asked in flushes.items() for at, flush in asked}
