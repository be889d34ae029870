"""Channels in any order, and mono of any name: what the layout says does not matter to the mix, and crashes nothing."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from tests.server.audio_in.audio_media import Floats, assert_tones, clip_of, tones
from tests.server.audio_in.films import RATE, Sound, film

LABELS = [[0], [3], [42], [0xFFFFFFFF], [2, 1], [3, 1], [1, 1], [0xFFFFFFFF] * 2, [65_536, 65_537], [3, 1, 2, 5, 6, 4]]
"""Of channels, as Apple's "Core Audio Format" numbers them: left 1, right 2, centre 3, the low frequencies 4, ..."""


def layout(labels: list[int]) -> bytes:
    """The content of a ``chan`` box: no tag, no bits, a description of each channel."""
    described = b"".join(struct.pack(">II3f", label, 0, 0, 0, 0) for label in labels)
    return struct.pack(">III", 0, 0, len(labels)) + described


def caf(labels: list[int]) -> bytes:
    count, wave = len(labels), tones(RATE, 1)[0]
    pcm = (np.repeat(wave[:, None], count, axis=1) * 32_767).astype(">i2").tobytes()
    data = b"caff\0\1\0\0desc" + struct.pack(">qd4sIIIII", 32, RATE, b"lpcm", 0, 2 * count, 1, count, 16)
    data += b"chan" + struct.pack(">q", len(layout(labels))) + layout(labels)
    return data + b"data" + struct.pack(">qI", len(pcm) + 4, 0) + pcm


def mov(labels: list[int]) -> bytes:
    """With the channels' order in the place of an edit list, which is as long as is needed."""
    wave: Floats = np.repeat(tones(RATE, 1), len(labels), axis=0)
    data = film("mov", Sound(wave, "pcm_s16le"))
    at = data.index(b"chan") - 4
    length = int.from_bytes(data[at : at + 4])
    box = struct.pack(">I4sI", 12 + len(layout(labels)), b"chan", 0) + layout(labels)
    grown, changed = len(box) - length, bytearray(data[:at] + box + data[at + length :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"sowt"):  # the index stands behind the samples
        place = changed.index(name) - 4
        changed[place : place + 4] = (int.from_bytes(changed[place : place + 4]) + grown).to_bytes(4)
    return bytes(changed)


@pytest.mark.parametrize("labels", LABELS, ids=str)
def test_channels_in_any_order_are_mixed(labels: list[int]) -> None:
    for data in (caf(labels), caf(labels) * 2):
        clip = clip_of(data)
        assert_tones(clip.samples[:48_000], tolerance=0.01)
        assert clip.report.channels == len(labels)


@pytest.mark.parametrize("labels", [labels for labels in LABELS if len(labels) <= 2], ids=str)
def test_channels_in_any_order_in_a_mov_file(labels: list[int]) -> None:
    clip = clip_of(mov(labels))
    assert_tones(clip.samples, tolerance=0.01)
    assert clip.report.notes == ()
