"""The list of formats: each gives its sound, and what is foreign is told from it and named."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from server.audio_in.formats import DECODERS, DEMUXERS
from tests.server.audio_in.audio_media import TONES, Floats, Format, amplitude, assert_tones, clip_of, media, tones

RECORDINGS = Path(__file__).parent / "recordings"

WMA2 = Format("asf", "wmav2", bit_rate=128_000)
NEAR = [
    (WMA2, 44_100, 2),
    (Format("asf", "wmav1", bit_rate=128_000), 44_100, 1),
    (Format("asf", "wmav2", bit_rate=32_000), 16_000, 1),
    (Format("asf", "mp3"), 44_100, 2),
    (Format("asf", "aac", video=True), 44_100, 2),
    *((Format("au", f"pcm_{kind}"), 8_000, 1) for kind in ("s16be", "s8", "s24be", "f32be", "mulaw", "alaw")),
    (Format("au", "g726le"), 8_000, 1),
    (Format("flv", "mp3"), 44_100, 2),
    (Format("flv", "aac"), 44_100, 2),
    (Format("flv", "adpcm_swf"), 22_050, 1),
    (Format("flv", "pcm_mulaw"), 8_000, 1),
    (Format("f4v", "aac"), 44_100, 1),
    *((Format("avi", codec), 44_100, 2) for codec in ("pcm_s16le", "mp3", "ac3", "aac", "adpcm_ms")),
    (Format("avi", "mp2", video=True), 44_100, 2),
    (Format("avi", "wmav2", bit_rate=128_000), 44_100, 2),
    (Format("caf", "adpcm_ima_qt"), 44_100, 2),
    (Format("mov", "adpcm_ima_qt"), 44_100, 2),
    (Format("aiff", "adpcm_ima_qt"), 44_100, 2),
    *((Format("caf", codec), 44_100, 1) for codec in ("alac", "flac", "pcm_f32le", "pcm_mulaw")),
    *((Format("aiff", f"pcm_{kind}"), 44_100, 1) for kind in ("s16le", "f32be", "f64be", "mulaw", "alaw", "s24be")),
    *((Format("mov", codec), 44_100, 1) for codec in ("pcm_s16be", "pcm_f64le", "pcm_mulaw", "alac", "mp3", "ac3")),
    *((Format("mp4", codec), 48_000, 1) for codec in ("flac", "libopus", "mp3", "mp2", "pcm_s16le", "eac3")),
    *((Format(container, "aac"), 44_100, 1) for container in ("3gp", "3g2", "ismv")),
    (Format("wav", "g722"), 16_000, 1),
    (Format("wav", "g726"), 8_000, 1),
    (Format("wav", "g723_1", bit_rate=6_300), 8_000, 1),
    (Format("wav", "adpcm_yamaha"), 22_050, 1),
    (Format("wav", "wmav2", bit_rate=128_000), 44_100, 1),
    *((Format("wav", codec), 44_100, 1) for codec in ("mp3", "mp2", "ac3", "flac")),
    (Format("latm", "aac"), 44_100, 1),
    (Format("mpegts", "aac", options=(("mpegts_flags", "latm"),)), 48_000, 1),
    (Format("mpegts", "aac", options=(("mpegts_m2ts_mode", "1"),)), 48_000, 2),
    (Format("mpegts", "libopus"), 48_000, 1),
    (Format("mpegts", "mp3"), 48_000, 1),
    (Format("vob", "pcm_dvd"), 48_000, 1),
    (Format("vob", "ac3", video=True), 48_000, 1),
    (Format("wv", "wavpack"), 44_100, 2),
    (Format("matroska", "wavpack"), 44_100, 1),
    (Format("tta", "tta"), 44_100, 2),
    (Format("matroska", "tta"), 44_100, 1),
    (Format("matroska", "mp2"), 44_100, 1),
    (Format("ac3", "ac3"), 44_100, 2),
    (Format("eac3", "eac3"), 44_100, 2),
    (Format("mp2", "mp2"), 44_100, 2),
    (Format("rm", "real_144"), 8_000, 1),
    (Format("rm", "ac3"), 44_100, 1),
    (Format("w64", "pcm_mulaw"), 44_100, 1),
    (Format("voc", "pcm_s16le"), 22_050, 1),
    (Format("voc", "pcm_u8"), 8_000, 1),
    (Format("ircam", "pcm_s16le"), 22_050, 1),
    (Format("sox", "pcm_s32le"), 22_050, 1),
    (Format("mxf_opatom", "pcm_s16le"), 48_000, 1),
    (Format("nut", "libopus"), 48_000, 1),
    (Format("wtv", "mp2"), 44_100, 1),
    (Format("RF64", "pcm_16", by_soundfile=True), 8_000, 1),
    (Format("RF64", "float", by_soundfile=True), 48_000, 2),
    (Format("WAVEX", "pcm_24", by_soundfile=True), 48_000, 2),
    (Format("AU", "g721_32", by_soundfile=True), 8_000, 1),
    (Format("W64", "gsm610", by_soundfile=True), 8_000, 1),
    (Format("RAW", "gsm610", by_soundfile=True), 8_000, 1),
    (Format("AIFF", "ima_adpcm", by_soundfile=True), 8_000, 1),
    (Format("AIFF", "gsm610", by_soundfile=True), 8_000, 1),
    (Format("NIST", "pcm_16", by_soundfile=True), 16_000, 1),
    (Format("NIST", "ulaw", by_soundfile=True), 8_000, 1),
    (Format("PVF", "pcm_16", by_soundfile=True), 8_000, 1),
    (Format("AVR", "pcm_16", by_soundfile=True), 8_000, 1),
]
"""Codecs that keep both tones as they are."""
ROUGH = [
    (Format("amr", "libopencore_amrnb", bit_rate=12_200), 8_000, 1),
    (Format("3gp", "libopencore_amrnb", bit_rate=12_200), 8_000, 1),
    (Format("mov", "libopencore_amrnb", bit_rate=4_750), 8_000, 1),
    (Format("caf", "libopencore_amrnb", bit_rate=12_200), 8_000, 1),
    (Format("flv", "nellymoser"), 8_000, 1),
]
"""Codecs that are made for voices: both tones are there."""


def assert_rough_tones(samples: Floats) -> None:
    assert abs(len(samples) / 24_000 - 2) < 0.1
    for start, hertz, other in ((0, *TONES), (24_000, *reversed(TONES))):
        half = samples[start + 2_400 : start + 21_600]
        assert amplitude(half, hertz) > 0.06
        assert amplitude(half, other) < 0.03


@pytest.mark.parametrize(("form", "rate", "channels"), NEAR, ids=str)
def test_what_is_recorded_is_heard(form: Format, rate: int, channels: int) -> None:
    clip = clip_of(media(form, rate, channels))
    assert_tones(clip.samples)
    assert clip.report.notes == ()


@pytest.mark.parametrize(("form", "rate", "channels"), ROUGH, ids=str)
def test_telephone_codecs(form: Format, rate: int, channels: int) -> None:
    clip = clip_of(media(form, rate, channels))
    assert_rough_tones(clip.samples)
    assert clip.report.notes == ()


@pytest.mark.parametrize("name", ["tones.spx", "tones.mpc", "tones.dts"])
def test_recordings(name: str) -> None:
    assert_tones(clip_of((RECORDINGS / name).read_bytes()).samples)


def test_amr_wb() -> None:
    assert_rough_tones(clip_of((RECORDINGS / "tones.awb").read_bytes()).samples)


def remuxed(name: str, container: str, **options: str) -> bytes:
    """The packets of one of the recordings in another container."""
    output = io.BytesIO()
    with (
        av.open(str(RECORDINGS / name), "r") as source,
        av.open(output, "w", format=container, options=options) as made,
    ):
        stream = made.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                made.mux(packet)
    return output.getvalue()


def test_speex_in_wav() -> None:
    assert_tones(clip_of(remuxed("tones.spx", "wav")).samples)


@pytest.mark.parametrize("container", ["matroska", "wav", "mpegts", "avi"])
def test_dts_in_other_containers(container: str) -> None:
    assert_tones(clip_of(remuxed("tones.dts", container)).samples)


def test_amr_wb_in_a_phones_container() -> None:
    assert_rough_tones(clip_of(remuxed("tones.awb", "3gp")).samples)


def test_truehd_alone_and_in_matroska() -> None:
    data = (RECORDINGS / "tone.mka").read_bytes()
    with av.open(io.BytesIO(data), "r") as source:
        stream = b"".join(bytes(packet) for packet in source.demux(audio=0))
    for seconds, file in ((0.3, data), (2.4, stream * 8)):
        samples = clip_of(file).samples
        assert abs(samples.size / 24_000 - seconds) < 0.05
        assert amplitude(samples[:6_000], TONES[0]) > 0.1


def wav(tag: int, rate: int, block: int, bits: int, data: bytes, extra: bytes = b"") -> bytes:
    """A WAV file of any codec: ``block`` bytes a packet."""
    form = struct.pack("<HHIIHHH", tag, 1, rate, rate * bits // 8, block, bits, len(extra)) + extra
    content = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(content)) + content


def test_g729_in_wav() -> None:
    data = (RECORDINGS / "tones.g729").read_bytes()
    assert_rough_tones(clip_of(wav(0x0083, 8_000, 10, 1, data)).samples)


def test_monkeys_audio() -> None:
    """A file of one frame that says of itself that it is silent."""
    frame = struct.pack(">II", 0x8000_0000, 3) + bytes(16)
    head = struct.pack("<4sHHIIIIIII16s", b"MAC ", 3990, 0, 52, 24, 4, 0, len(frame), 0, 0, bytes(16))
    form = struct.pack("<HHIIIHHI", 1_000, 0, 73_728, 48_000, 1, 16, 1, 24_000)
    file = head + form + struct.pack("<I", len(head) + len(form) + 4)
    swapped = np.frombuffer(frame, ">u4").astype("<u4").tobytes()
    samples = clip_of(file + swapped).samples
    assert samples.size == 48_000
    assert not samples.any()


def test_qcelp() -> None:
    """Fifty packets of a quarter of the full rate: background noise."""
    guid = bytes.fromhex("416d7f5e15b1d011ba9100805fb4b97e")
    form = struct.pack("<BB16sH80sHHHHH", 1, 0, guid, 2, b"", 13_000, 0, 160, 8_000, 16) + struct.pack(
        "<I10B26x", 5, 34, 4, 16, 3, 7, 2, 3, 1, 0, 0
    )
    data = (b"\x02" + bytes(7)) * 50
    content = b"QLCMfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    assert clip_of(b"RIFF" + struct.pack("<I", len(content)) + content).samples.size == 24_000


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_wav_of_big_endian_numbers(subtype: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, tones(16_000, 2).T, 16_000, format="WAV", subtype=subtype, endian="BIG")
    assert file.getvalue().startswith(b"RIFX")
    clip = clip_of(file.getvalue())
    assert_tones(clip.samples)
    assert (clip.report.channels, clip.report.notes) == (2, ())


def test_the_header_that_wavpack_keeps_is_no_second_recording() -> None:
    plain = media(Format("wv", "wavpack"), 44_100)
    size = int.from_bytes(plain[4:8], "little")
    kept = media(Format("wav", "pcm_s16le"), 44_100)[:44]
    packed = plain[:4] + (size + 46).to_bytes(4, "little") + plain[8:32] + b"\x21\x16" + kept + plain[32:]
    clip = clip_of(packed)
    assert_tones(clip.samples)
    assert clip.report.notes == ()


def test_every_name_is_one_of_ffmpegs() -> None:
    for name in DECODERS:
        assert av.Codec(name, "r").type == "audio", name
    known = set(av.formats_available)
    assert set(DEMUXERS) <= known
    assert len(set(DEMUXERS)) == len(DEMUXERS)
    assert len(set(DECODERS)) == len(DECODERS)


def test_nothing_that_opens_other_files_or_the_network_is_named() -> None:
    openers = {
        "hls", "concat", "dash", "image2", "image2pipe", "lavfi", "tee", "rtsp", "rtp", "sdp", "sap", "hds", "imf",
        "webm_dash_manifest", "ffmetadata", "alsa", "v4l2", "x11grab", "kmsgrab", "fbdev", "oss", "srt",
    }  # fmt: skip
    assert not openers & set(DEMUXERS)
