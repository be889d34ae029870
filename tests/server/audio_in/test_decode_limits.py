"""Limits hold while decoding, whatever the file claims, and memory stays flat."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.limits import DecodeLimits
from server.audio_in.report import DecodeReport
from tests.server.audio_in.audio_media import LIMITS, Format, decode, media, silence, tones

BOMBS = [Format("flac", "flac"), Format("ipod", "aac"), Format("ogg", "libopus"), Format("mp3", "mp3")]


class CountingFile(io.BytesIO):
    """Knows how many bytes were read from it."""

    bytes_read = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        return data


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.parametrize("form", BOMBS, ids=str)
def test_a_bomb_stops_at_the_limit_with_flat_memory(form: Format) -> None:
    data = media(form, 8_000, wave=silence(8_000, 400))
    report = DecodeReport()
    growth: list[int] = []
    before = resident_bytes()
    blocks = decode(io.BytesIO(data), DecodeLimits(max_seconds=300, work_seconds=60), report)
    with pytest.raises(AudioError, match="300 seconds") as caught:
        growth.extend(resident_bytes() - before for _ in blocks)
    assert caught.value.code == AudioErrorCode.AUDIO_TOO_LONG
    if form.container == "ipod":
        assert report.seconds == 0, "its header says how long it is: nothing has to be decoded"
    else:
        assert 300 < report.seconds < 303
    assert max(growth, default=0) < 16 << 20  # 300 s are 29 MB


def test_nothing_is_read_beyond_the_limit() -> None:
    file = CountingFile(media(Format("wav", "pcm_s16le"), 48_000, wave=silence(48_000, 120)))
    with pytest.raises(AudioError):
        list(decode(file, DecodeLimits(max_seconds=10, work_seconds=60), DecodeReport()))
    assert file.bytes_read < len(file.getvalue()) / 5


def test_audio_of_exactly_the_limit_passes() -> None:
    for rate in (8_000, 24_000, 44_100):
        data = media(Format("wav", "pcm_s16le"), rate, wave=silence(rate, 3))
        report = DecodeReport()
        list(decode(io.BytesIO(data), DecodeLimits(max_seconds=3, work_seconds=60), report))
        assert report.seconds == 3


def test_work_is_bounded_in_time_and_waiting_for_the_caller_is_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    data = media(Format("wav", "pcm_s16le"), 24_000, wave=silence(24_000, 10))
    limits = DecodeLimits(max_seconds=60, work_seconds=5)
    samples = 0
    for (block,) in decode(io.BytesIO(data), limits, DecodeReport()):
        samples += block.size
        now += 100
    assert samples == 240_000

    class SlowFile(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            nonlocal now
            now += 2
            return super().read(size)

    with pytest.raises(AudioError) as caught:
        list(decode(SlowFile(data), limits, DecodeReport()))
    assert caught.value.code == AudioErrorCode.DECODE_TIMEOUT


def test_leaving_the_generator_early_closes_the_container() -> None:
    file = CountingFile(media(Format("wav", "pcm_s16le"), 24_000, wave=tones(24_000, 1, seconds=60)))
    blocks = decode(file, LIMITS, DecodeReport())
    next(blocks)
    blocks.close()
    assert not file.closed
    assert file.bytes_read < len(file.getvalue()) / 2


@pytest.mark.parametrize("form", [Format("wav", "pcm_s16le"), Format("ipod", "aac"), Format("flac", "flac")], ids=str)
def test_a_recording_of_the_limit_passes_whatever_its_encoder_adds(form: Format) -> None:
    data = media(form, 24_000, wave=silence(24_000, 3))
    report = DecodeReport()
    list(decode(io.BytesIO(data), DecodeLimits(max_seconds=3.2, work_seconds=60), report))
    assert report.seconds == pytest.approx(3, abs=0.2)
