"""What times count from: the start of the picture, or of the container, whatever its clock says there."""

from __future__ import annotations

import numpy as np
import pytest

from server.audio_in.listening import Listening
from tests.server.audio_in.audio_media import AMPLITUDE, TONES, amplitude, clip_of, silence, tones
from tests.server.audio_in.films import RATE, Picture, Sound, film

WAVE = tones(RATE, 1)
FRAGMENTED = (("movflags", "frag_keyframe+empty_moov"),)
HYBRID = (("movflags", "frag_keyframe"),)


def onset(data: bytes, listening: Listening = Listening()) -> float:  # noqa: B008 - frozen
    """When the first tone begins, in seconds, as the answer's times say it."""
    clip = clip_of(data, listening)
    steps = clip.samples[: clip.samples.size // 240 * 240].reshape(-1, 240)
    loud = np.abs(steps).max(axis=1) > AMPLITUDE / 2
    start = int(np.argmax(loud)) / 100
    heard = clip.samples[round(24_000 * start) + 2_400 :][:19_200]
    assert amplitude(heard, TONES[0]) == pytest.approx(AMPLITUDE, rel=0.15)
    return clip.report.lead_seconds + start


@pytest.mark.parametrize(
    ("container", "codec", "picture", "options"),
    [
        ("matroska", "aac", "mpeg4", ()),
        ("webm", "libopus", "libvpx", ()),
        ("mp4", "aac", "mpeg4", ()),
        ("mov", "pcm_s16le", "mpeg4", ()),
        ("mp4", "aac", "mpeg4", FRAGMENTED),
        ("mp4", "aac", "mpeg4", HYBRID),
        ("mpegts", "mp2", "mpeg2video", ()),
        ("mpegts", "mp2", "mpeg2video", (("output_ts_offset", "90000"),)),
        ("mpeg", "mp2", "mpeg2video", ()),
        ("flv", "aac", "flv", ()),
        ("asf", "libmp3lame", "mpeg4", ()),
    ],
)
@pytest.mark.parametrize("late", [0.0, 1.5])
def test_sound_that_begins_behind_the_picture(
    container: str, codec: str, picture: str, options: tuple[tuple[str, str], ...], late: float
) -> None:
    data = film(container, Sound(WAVE, codec, late), picture=Picture(codec=picture), options=options)
    assert onset(data) == pytest.approx(late, abs=0.1)
    told = [note for note in clip_of(data).report.notes if "The sound begins" in note]
    if not options or options[0][0] != "movflags":  # those hold silence of their own
        assert bool(told) == bool(late)
        assert onset(data, Listening(from_first_sample=True)) == pytest.approx(0, abs=0.1)


def test_the_note_says_what_times_count_from() -> None:
    data = film("matroska", Sound(WAVE, "pcm_s16le", 2.0), picture=Picture())
    assert clip_of(data).report.notes == ("The sound begins 2.0 s after the file's start; times count from there.",)
    assert clip_of(data, Listening(from_first_sample=True)).report.notes == ()


def test_a_picture_that_begins_behind_the_sound_moves_nothing() -> None:
    data = film("matroska", Sound(WAVE), picture=Picture(start=1.0))
    assert onset(data) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_sound_alone_counts_from_the_containers_start(container: str) -> None:
    """An MP4 says so with an empty edit, Matroska with its timestamps."""
    assert onset(film(container, Sound(WAVE, start=1.5))) == pytest.approx(1.5, abs=0.1)


def test_a_clock_that_ran_on_from_something_longer_says_nothing() -> None:
    late = film("matroska", Sound(WAVE, "pcm_s16le", 5_000.0))
    assert onset(late) == pytest.approx(0, abs=0.1)
    both = film("matroska", Sound(WAVE, "pcm_s16le", 5_001.0), picture=Picture(start=5_000.0))
    assert onset(both) == pytest.approx(1.0, abs=0.1)


def test_an_hour_before_the_sound_costs_no_audio() -> None:
    data = film("matroska", Sound(WAVE, "pcm_s16le", 3_600.0), picture=Picture(seconds=0.5))
    clip = clip_of(data)
    assert (clip.report.seconds, clip.report.filled_seconds) == (2.0, 0.0)
    assert clip.report.lead_seconds == pytest.approx(3_600, abs=0.01)


def test_an_edit_that_leaves_out_the_start_is_obeyed() -> None:
    """What an editor cut away in an MP4 is still in the file, and no player plays it."""
    whole = film("mp4", Sound(np.concatenate([silence(RATE, 1.0), WAVE], axis=1)), picture=Picture())
    assert onset(whole) == pytest.approx(1.0, abs=0.1)
    first = whole.index(b"elst") + 16  # behind version, count and duration: where in the sound its only edit begins
    cut = whole[:first] + (RATE // 2 + 1_024).to_bytes(4) + whole[first + 4 :]
    assert onset(cut) == pytest.approx(0.5, abs=0.1)


def test_what_follows_in_a_joined_file_keeps_its_own_lead() -> None:
    data = film("matroska", Sound(WAVE, "pcm_s16le", 1.5), picture=Picture())
    clip = clip_of(data + data)
    assert clip.report.lead_seconds == pytest.approx(1.5, abs=0.01)
    assert clip.report.filled_seconds == pytest.approx(1.5, abs=0.01)
    assert clip.report.seconds == pytest.approx(5.5, abs=0.01)


def test_recordings_whose_clock_runs_on_are_joined_without_a_gap() -> None:
    """A recorder that writes its header again, as after a change of network, goes on counting."""
    first, second = (film("matroska", Sound(WAVE, "pcm_s16le", start), picture=Picture(2.0, start)) for start in (0, 2))
    for one, other in ((first, second), (film("mp4", Sound(WAVE)), film("mp4", Sound(WAVE, start=2.0)))):
        clip = clip_of(one + other)
        assert clip.report.filled_seconds < 0.1
        assert clip.report.seconds == pytest.approx(4.0, abs=0.1)


def test_timestamps_that_are_rarely_there_are_no_gaps() -> None:
    data = film(
        "mpegts", Sound(WAVE, "mp2"), picture=Picture(codec="mpeg2video"), options=(("pes_payload_size", "60000"),)
    )
    assert onset(data) == pytest.approx(0, abs=0.1)
    assert clip_of(data).report.filled_seconds == 0
