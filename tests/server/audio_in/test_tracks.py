"""Several audio tracks: the one that can be heard is, the others are told of, and the caller may choose."""

from __future__ import annotations

import numpy as np
import pytest

from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.listening import Listening
from tests.server.audio_in.audio_media import Floats, amplitude, assert_tones, clip_of, silence, tones
from tests.server.audio_in.films import RATE, Picture, Sound, film

TONES = tones(RATE, 1)
SILENCE = silence(RATE, 2.0)
OTHER = (0.2 * np.sin(2 * np.pi * 3_000 * np.arange(2 * RATE) / RATE))[None].astype(np.float32)


def note(number: int, tracks: int = 2) -> str:
    return f"Of the file's {tracks} audio tracks number {number} was heard."


@pytest.mark.parametrize(
    ("container", "codec"), [("matroska", "aac"), ("mp4", "aac"), ("mov", "pcm_s16le"), ("mpegts", "mp2")]
)
def test_a_silent_first_track_does_not_hide_the_second(container: str, codec: str) -> None:
    clip = clip_of(film(container, Sound(SILENCE, codec), Sound(TONES, codec)))
    assert_tones(clip.samples[:48_000], tolerance=0.15)
    assert clip.report.notes == (note(2),)


@pytest.mark.parametrize("floor", [SILENCE + np.float32(0.1), SILENCE + np.float32(2e-4) * OTHER], ids=["dc", "noise"])
def test_an_offset_and_a_noise_floor_are_silence(floor: Floats) -> None:
    clip = clip_of(film("matroska", Sound(floor, "pcm_f32le"), Sound(TONES, "pcm_s16le")))
    assert clip.report.track == 2


def test_the_track_that_is_marked_default_is_heard_unless_it_is_silent() -> None:
    first, second = Sound(OTHER, default=False), Sound(TONES, default=True)
    assert clip_of(film("matroska", first, second)).report.track == 2
    assert clip_of(film("matroska", Sound(TONES, default=False), Sound(SILENCE, default=True))).report.track == 1


def test_silence_alone_is_no_error() -> None:
    clip = clip_of(film("matroska", Sound(SILENCE), Sound(SILENCE)))
    assert (clip.report.track, clip.report.tracks) == (1, 2)
    assert amplitude(clip.samples, 440.0) < 1e-4


def of_an_unknown_codec() -> bytes:
    """Two tracks, the first in a codec that nobody knows."""
    return film("matroska", Sound(OTHER, "pcm_s24le"), Sound(TONES)).replace(b"A_PCM/INT/LIT", b"A_UNKNOWN/XYZ")


def test_a_track_that_cannot_be_decoded_is_passed_over() -> None:
    clip = clip_of(of_an_unknown_codec())
    assert_tones(clip.samples[:48_000], tolerance=0.15)
    assert clip.report.notes == (note(2),)


def test_a_track_of_damaged_packets_is_passed_over() -> None:
    data = film("matroska", Sound(OTHER, "libmp3lame"), Sound(TONES, "pcm_s16le"))
    assert data.count(b"\xff\xfb") > 50
    clip = clip_of(data.replace(b"\xff\xfb", b"\0\0"))
    assert_tones(clip.samples[:48_000], tolerance=0.15)
    assert clip.report.track == 2


def test_the_caller_chooses() -> None:
    data = film("matroska", Sound(OTHER), Sound(TONES), Sound(SILENCE), picture=Picture())
    for number, hertz in ((1, 3_000.0), (2, 440.0)):
        clip = clip_of(data, Listening(track=number))
        assert amplitude(clip.samples[4_800:19_200], hertz) > 0.15
        assert clip.report.notes == (note(number, 3),)
    assert amplitude(clip_of(data, Listening(track=3)).samples, 440.0) < 1e-3


@pytest.mark.parametrize(("tracks", "have"), [(1, "1 audio track"), (2, "2 audio tracks")])
@pytest.mark.parametrize("number", [0, 3, 99])
def test_a_track_that_is_not_there_is_refused_with_how_many_there_are(tracks: int, have: str, number: int) -> None:
    data = film("matroska", *[Sound(TONES)] * tracks)
    with pytest.raises(AudioError, match=f"There is no audio track {number}: the file has {have}\\.") as caught:
        clip_of(data + data, Listening(track=number))
    assert caught.value.code == AudioErrorCode.NO_SUCH_TRACK


def test_a_track_that_cannot_be_decoded_is_refused_when_it_is_asked_for() -> None:
    with pytest.raises(AudioError) as caught:
        clip_of(of_an_unknown_codec(), Listening(track=1))
    assert caught.value.code == AudioErrorCode.UNSUPPORTED_FORMAT
