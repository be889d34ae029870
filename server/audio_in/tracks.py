"""Which of several audio tracks is heard, and when its container's clock started.

A film has a track for each language, a screen recorder one for the microphone and one for what was played, and a
camera may write an empty one. Players take the one that is marked default.
"""

from __future__ import annotations

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Discard, Disposition, Stream
from av.video.stream import VideoStream

from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.formats import DECODERS
from server.audio_in.limits import check_shape

MAX_FRAME_SAMPLES = 1 << 20
"""Samples of one decoded frame. Real codecs stay below 2**16; a forged ALAC header asks for 2**24 per frame."""

_BESIDE = Disposition.comment | Disposition.visual_impaired | Disposition.descriptions | Disposition.clean_effects
"""Tracks for somebody else: who comments on the film, tells the blind about it, or left the voices out."""
_PICTURE = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
_ABSOLUTE = frozenset({"mov", "matroska", "avi"})
"""Containers whose clock starts at 0. That of the others runs on from one recording to the next."""
_MAX_START = 300.0
"""Seconds. A lone track that begins later was cut from something longer, and its clock ran on."""


def by_preference(container: InputContainer) -> list[int]:
    """The numbers, counted from 1, of the audio tracks that can be decoded, the likeliest first.

    Raises:
        AudioError: ``no_audio_stream``, or ``unsupported_format`` where none can be decoded.
    """
    streams = container.streams.audio
    if not streams:
        raise AudioError(AudioErrorCode.NO_AUDIO_STREAM, "The file has no audio stream.")
    decodable = [number for number, stream in enumerate(streams, 1) if _refusal(stream) is None]
    if not decodable:
        raise _refusal(streams[0]) or AssertionError
    return sorted(decodable, key=lambda number: _rank(streams[number - 1]))


def select(container: InputContainer, number: int) -> AudioStream:
    """Set ``container`` up for its audio track ``number``, counted from 1, and skip everything else.

    Raises:
        AudioError: ``no_such_track``, or ``unsupported_format`` when it cannot be decoded.
    """
    streams = container.streams.audio
    if not 1 <= number <= len(streams):
        have = "1 audio track" if len(streams) == 1 else f"{len(streams)} audio tracks"
        raise AudioError(AudioErrorCode.NO_SUCH_TRACK, f"There is no audio track {number}: the file has {have}.")
    chosen = streams[number - 1]
    if refusal := _refusal(chosen):
        raise refusal
    for stream in container.streams:
        stream.discard = Discard.default if stream is chosen else Discard.all
    context = chosen.codec_context
    context.options = {"max_samples": str(MAX_FRAME_SAMPLES)}
    context.thread_count = 1
    return chosen


def clock_start(container: InputContainer) -> float | None:
    """When the container starts, in seconds on the clock of its timestamps; None: with its first sample.

    With a picture it is when the first of picture and sound is presented, as players count. Alone, sound in a container
    whose clock begins at 0 starts there.
    """
    starts = [start for stream in container.streams if (start := _start(stream)) is not None]
    if any(isinstance(stream, VideoStream) and not stream.disposition & _PICTURE for stream in container.streams):
        return min(starts, default=None)
    if container.format.name.split(",")[0] in _ABSOLUTE and min(starts, default=0.0) <= _MAX_START:
        return 0.0
    return None


def _start(stream: Stream) -> float | None:
    if not isinstance(stream, AudioStream | VideoStream) or stream.disposition & _PICTURE:
        return None
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)


def _rank(stream: AudioStream) -> tuple[bool, bool]:
    return not stream.disposition & Disposition.default, bool(stream.disposition & _BESIDE)


def _refusal(stream: AudioStream) -> AudioError | None:
    """Why ``stream`` cannot be decoded."""
    context = stream.codec_context
    if context is None or context.codec.name not in DECODERS:
        message = "The codec of the file's audio stream is not supported."
        return AudioError(AudioErrorCode.UNSUPPORTED_FORMAT, message)
    try:
        check_shape(context.sample_rate, context.channels)
    except AudioError as error:
        return error
    return None
