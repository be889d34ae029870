"""What a recording takes of what all share: its turn at the device, and room for samples that wait for it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from model.seam.audio import Samples
from model.seam.streams import Priority
from server.recordings.recording import StreamAudio
from server.recordings.wishes import Wishes
from server.resources import Share


def priority_of(wishes: Wishes) -> Priority:
    """When it is its turn."""
    return Priority.BACKGROUND if wishes.background else priority(wishes.urgent)


def priority(urgent: bool) -> Priority:
    """Of somebody who waits for it."""
    return Priority.HIGH if urgent else Priority.NORMAL


def octets(audio: StreamAudio) -> int:
    """Bytes of its samples."""
    return audio.length * np.dtype(np.float32).itemsize


def giving_back(blocks: Iterator[Samples], share: Share) -> Iterator[Samples]:
    """``blocks``; when all are taken, ``share`` is given back."""
    yield from blocks
    share.give_back()
