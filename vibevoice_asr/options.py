"""What one may wish of a transcription, under the names that the server's API has for it."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypedDict

from server.protocols.openai.recording_request import parameters_from_json
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.protocols.openai.transcription_wishes import transcription_wishes
from server.recordings.wishes import Wishes

Recording = str | os.PathLike[str] | bytes
"""A path, or a whole file in memory; in any format that FFmpeg reads."""


class Options(TypedDict, total=False):
    """All of them may be left out.

    Attributes:
        prompt: background that helps with names and terms.
        hotwords: names and terms to expect; one text has them with commas between them.
        instruction: what to ask instead of having it transcribed. The answer is one segment of text.
        known_speakers: name → 2 to 10 seconds of the voice. ``Transcript.speaker_names`` tells which number each has.
        temperature: 0 takes the likeliest words, the default; above, up to 1, they are drawn.
        channels: ``split`` transcribes each channel for itself.
        chunking_strategy: ``none`` hears a long recording at once, where the model's context holds it.
        max_completion_tokens: cut the answer after so many tokens.
        streaming_segment_duration: seconds that are encoded at once, at most; a multiple of 2/15 s.
        acoustic_tokenizer_chunk_size: the same in samples at 24 kHz.
    """

    prompt: str
    hotwords: Sequence[str]
    instruction: str
    known_speakers: Mapping[str, Recording]
    temperature: float
    channels: Literal["mix", "split"]
    chunking_strategy: Literal["auto", "none"]
    max_completion_tokens: int
    streaming_segment_duration: float
    acoustic_tokenizer_chunk_size: int


def wishes_of(options: Options) -> Wishes:
    """What the model is to do. Reads the known speakers' clips.

    Raises InvalidParameter, OSError, and TypeError for an option that there is not.
    """
    if unknown := set(options) - set(Options.__annotations__):
        raise TypeError(f"There is no option {sorted(unknown)[0]!r}: there are {', '.join(Options.__annotations__)}.")
    values: dict[str, Any] = dict(options)
    clips: Mapping[str, Recording] = values.pop("known_speakers", {})
    hotwords = values.get("hotwords", ())
    values["hotwords"] = hotwords if isinstance(hotwords, str) else list(hotwords)  # one text is cut as a server does
    values["known_speaker_names"] = list(clips)
    values["known_speaker_references"] = [_encoded(clip) for clip in clips.values()]
    return transcription_wishes(parameters_from_json(TranscriptionParameters, values))


def opened(recording: Recording) -> BinaryIO:
    """The file, to be closed by whoever opened it. Raises OSError."""
    return io.BytesIO(recording) if isinstance(recording, bytes) else Path(recording).expanduser().open("rb")


def _encoded(clip: Recording) -> str:
    with opened(clip) as file:
        return base64.b64encode(file.read()).decode()
