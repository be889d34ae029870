"""Several channels, each transcribed for itself, as one transcript: one numbering of segments and one of speakers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.logprobs import TokenLogprob
from server.transcript.segments import Segment, Transcript, Usage


class ChannelAssembler:
    """Assembles the events of all channels, which come in the order of the transcript, one segment after the other.

    Joined, the texts of all deltas equal ``Transcript.text``.

    Args:
        duration: of the recording, in seconds.
        channels: how many it has.
        known: names of known speakers, whichever channels they are heard on.
        begun: the transcript's first segments, where they are there and nobody is known.
    """

    def __init__(
        self, duration: float, channels: int, known: Sequence[str] = (), begun: Sequence[Segment] = ()
    ) -> None:
        self._duration = duration
        self._channels = channels
        self._speakers = _Speakers(channels, known)
        self._segments = list(begun)
        self._logprobs: list[TokenLogprob] = []
        self._in_segment = False
        self._spoken = any(segment.is_speech for segment in begun)
        for channel, segments in channels_of(begun, channels).items():
            for segment in (segment for segment in segments if segment.is_speech):
                self._speakers.meet(channel, segment.speaker)

    @property
    def speaker_names(self) -> Mapping[int, str]:
        """Known speakers by number."""
        return self._speakers.names

    def add(self, channel: int, event: TranscriptEvent, names: Mapping[int, str]) -> TranscriptEvent:
        """The next event, as callers get it. ``names``: known speakers by the number that they have on the channel."""
        if isinstance(event, SegmentClosed):
            return self._close(channel, event, names)
        text = event.text
        if not self._in_segment:
            # The channel's own space stands behind its own segments; here those of others stand between them.
            text = " " * self._spoken + text.lstrip()
            self._in_segment = self._spoken = True
        self._logprobs += event.logprobs
        return replace(event, segment=len(self._segments), text=text)

    def _close(self, channel: int, event: SegmentClosed, names: Mapping[int, str]) -> SegmentClosed:
        segment = event.segment
        speaker = self._speakers.number(channel, segment.speaker, names) if segment.is_speech else None
        closed = replace(segment, index=len(self._segments), speaker=speaker, channel=channel)
        self._segments.append(closed)
        self._in_segment = False
        return replace(event, segment=closed)

    def finish(self, parts: Mapping[int, Transcript], notes: Iterable[str] = ()) -> Transcript:
        """The transcript. ``parts``: of each channel that was heard. ``notes``: about the recording, to stand first."""
        usages = [part.usage for part in parts.values() if part.usage is not None]
        return Transcript(
            segments=tuple(self._segments),
            duration=self._duration,
            complete=all(part.complete for part in parts.values()),
            logprobs=tuple(self._logprobs),
            usage=Usage(
                sum(usage.audio_tokens for usage in usages),
                sum(usage.text_tokens for usage in usages),
                sum(usage.answer_tokens for usage in usages),
            ),
            notes=(*notes, *(self._told(channel, note) for channel, part in parts.items() for note in part.notes)),
            speaker_names=self.speaker_names,
            channels=self._channels,
            loops=tuple(replace(loop, channel=channel) for channel, part in parts.items() for loop in part.loops),
        )

    def _told(self, channel: int, note: str) -> str:
        return f"Channel {channel}: {note}" if self._channels > 1 else note


def channels_of(segments: Iterable[Segment], channels: int) -> dict[int, list[Segment]]:
    """Segments of a transcript in which nobody is known, by channel, with numbers that count each one's speakers."""
    found: dict[int, list[Segment]] = {}
    for segment in segments:
        assert segment.channel is not None
        own = None if segment.speaker is None else segment.speaker // channels
        found.setdefault(segment.channel, []).append(replace(segment, speaker=own))
    return found


class _Speakers:
    """Numbers speakers over all channels: known ones first, then the first of each channel, then whoever comes.

    So whoever speaks first on a channel has the same number whichever channel speaks first. Somebody known is the same
    on all channels; nobody else is heard on two.

    Attributes:
        names: known speakers by number.
    """

    def __init__(self, channels: int, known: Sequence[str]) -> None:
        self.names = dict(enumerate(known))
        self._channels = channels
        self._known = {name: number for number, name in self.names.items()}
        self._places: list[dict[int | None, int]] = [{} for _ in range(channels)]

    def meet(self, channel: int, speaker: int | None) -> int:
        """Which of the channel's speakers, in order of their first words, this one is."""
        places = self._places[channel]
        return places.setdefault(speaker, len(places))

    def number(self, channel: int, speaker: int | None, names: Mapping[int, str]) -> int:
        """Of the one who is ``speaker`` on the channel; None, whom the model did not number, is somebody too."""
        if speaker is not None and speaker in names:
            return self._known[names[speaker]]
        place = self.meet(channel, speaker)
        return len(self._known) + place * self._channels + channel
