"""What a recording takes of what all share: work of the device and its turn, and room for samples that wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.runner import RunnerInfo
from model.seam.streams import Priority
from server.audio_in.kept_samples import on_disk
from server.engine.budget import work_seconds
from server.engine.client.admission import Ticket
from server.engine.segments import sample_frames, segment_frames
from server.recordings.arriving_channels import arriving_of
from server.recordings.sound import ArrivingSound, Sound
from server.recordings.stream_audio import StreamAudio
from server.recordings.wishes import Wishes
from server.resources import Budget, Share


def priority_of(wishes: Wishes) -> Priority:
    """When it is its turn."""
    return Priority.BACKGROUND if wishes.background else priority(wishes.urgent)


def priority(urgent: bool) -> Priority:
    """Of somebody who waits for it."""
    return Priority.HIGH if urgent else Priority.NORMAL


def encoded_at_once(wishes: Wishes, info: RunnerInfo) -> int | None:
    """Frames, at most, by the caller's wish. Raises UnevenSegment."""
    if wishes.segment_samples is not None:
        return sample_frames(info.geometry, wishes.segment_samples)
    return None if wishes.segment_seconds is None else segment_frames(info.geometry, wishes.segment_seconds)


def count_work(ticket: Ticket, streams: Sequence[StreamAudio], info: RunnerInfo, tokens: int) -> None:
    """Count what the model has to do: for the streams that are worth hearing by now, and for others once they are.

    ``tokens``: of the prompt, that the caller adds. Raises Overloaded.
    """
    costs = [work_seconds(info.family, audio.length / SAMPLE_RATE, tokens) for audio in streams]
    ticket.add_audio(sum(cost for audio, cost in zip(streams, costs, strict=True) if audio.worth_hearing))
    if (arriving := arriving_of(streams)) is not None:
        arriving.tell(lambda number: ticket.add_late_audio(costs[number]))


@dataclass(frozen=True, slots=True)
class SampleRoom:
    """Where samples may be held. ``in_memory_seconds``: of one recording; more lie on the disk."""

    memory: Budget
    disk: Budget
    in_memory_seconds: float

    async def share(self, sound: Sound | None, samples: int) -> Share:
        """Room for as many as are held of a recording at once. Raises BudgetSpent."""
        lie_on_disk = on_disk(samples, self.in_memory_seconds)
        share = (self.disk if lie_on_disk else self.memory).share()
        share.take(octets(samples))
        try:
            if lie_on_disk and isinstance(sound, ArrivingSound):
                await sound.keep_on_disk()
        except BaseException:
            share.give_back()
            raise
        return share


def octets(samples: int) -> int:
    """Bytes of so many samples."""
    return samples * np.dtype(np.float32).itemsize


def giving_back(blocks: Iterator[Samples], share: Share) -> Iterator[Samples]:
    """``blocks``; when all are taken, ``share`` is given back."""
    yield from blocks
    share.give_back()
