"""The parameters of a transcription: what OpenAI's clients send."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field

from server.protocols.openai.errors import InvalidParameter
from server.protocols.openai.recording_request import Lowered, RecordingParameters
from server.protocols.openai.request_values import Flag, MaybeFlag, Words, lowered, object_in
from server.protocols.openai.response_format import AnyFormat, ResponseFormat
from server.transcript.formats import DEFAULT_SUBTITLES, SubtitleOptions

STREAMED_FORMATS = frozenset({ResponseFormat.JSON, ResponseFormat.TEXT, ResponseFormat.DIARIZED_JSON})
"""Formats that OpenAI's events can carry. With the others ``stream`` is ignored, as OpenAI ignores it for whisper-1:
gateways set format and streaming independently of each other, and the whole answer is what they can use."""


TEXT_FORMATS: Final = STREAMED_FORMATS | {ResponseFormat.VERBOSE_JSON}
"""Formats that can carry an answer without knowing who says it when."""


class ServerVad(BaseModel):
    """OpenAI's voice activity settings. Cuts are made in silence, but where windows end; the numbers are checked and
    change nothing: a recording that was cut at every pause would be heard worse.
    """

    type: Literal["server_vad"]
    prefix_padding_ms: int | None = None
    silence_duration_ms: int | None = None
    threshold: float | None = Field(None, ge=0, le=1)


_Granularities = Annotated[tuple[Annotated[Literal["word", "segment"], Lowered], ...], Words]
_Formats = Annotated[tuple[Annotated[AnyFormat, Lowered], ...], Words]
_Includes = Annotated[tuple[Annotated[Literal["logprobs"], Lowered], ...], Words]


def _strategy(value: Any) -> Any:
    return lowered(object_in(value)) or None


class TranscriptionParameters(RecordingParameters):
    """Form fields beside the file."""

    response_format: Annotated[ResponseFormat, Lowered] = Field(
        ResponseFormat.JSON, description="How the answer is written."
    )
    instruction: str | None = Field(
        None,
        description="What to ask about the recording instead of having it transcribed. The answer is text in the "
        "model's own words; with json, text, verbose_json and diarized_json.",
    )
    stream: Flag = Field(
        False,
        description="Answer with server-sent events while the text comes; with json, text and diarized_json. "
        "With the other formats the answer comes whole.",
    )
    formats: _Formats = Field(
        (),
        description="With a stream: what else the answer is to be written as, all of it from one hearing; the last "
        "event has them in formats, by their names. Those of response_format, and rttm.",
    )
    progress: Flag = Field(
        False,
        description="With a stream: events transcription.progress tell how long the recording is and how much of it is "
        "heard.",
    )
    timestamp_granularities: _Granularities = Field(
        (), description="With verbose_json: segments (default), words, or both. Word times are estimated."
    )
    include: _Includes = Field((), description="With json: logprobs of the text's tokens.")
    chunking_strategy: Annotated[Literal["auto", "none"] | ServerVad | None, BeforeValidator(_strategy)] = Field(
        None,
        description="auto (default) and server_vad: recordings longer than a window are heard in windows that are cut "
        "in silence. none: in one pass as long as the model's context holds it.",
    )
    background: Flag = Field(
        False,
        description="Answer with a job at once (202), which is done when there is time. In the query it counts before "
        "the body is read, so that a busy server takes it.",
    )
    webhook_url: str | None = Field(
        None, description="With background: where the end of the job is told, if the server's operator allows the host."
    )
    max_completion_tokens: int | None = Field(
        None, ge=1, description="Ends the answer after so many tokens; those of times and speakers count too."
    )
    max_line_width: int = Field(
        DEFAULT_SUBTITLES.line_width,
        ge=10,
        le=200,
        description="With srt, vtt and lrc: columns of a line; wide characters take two.",
    )
    max_line_count: int = Field(
        DEFAULT_SUBTITLES.line_count, ge=1, le=4, description="With srt, vtt and lrc: lines of a cue."
    )
    min_cue_duration: float = Field(
        DEFAULT_SUBTITLES.min_duration, ge=0, le=10, description="With srt, vtt and lrc: seconds, where there is room."
    )
    max_cue_duration: float = Field(
        DEFAULT_SUBTITLES.max_duration, ge=0.5, le=30, description="With srt, vtt and lrc: seconds."
    )
    max_cps: float = Field(
        DEFAULT_SUBTITLES.max_cps,
        ge=5,
        le=100,
        description="With srt, vtt and lrc: columns that people read in a second.",
    )
    min_cue_gap: float = Field(
        DEFAULT_SUBTITLES.min_gap, ge=0, le=2, description="With srt, vtt and lrc: seconds between two cues."
    )
    speaker_labels: Flag = Field(True, description="With srt, vtt and lrc: say who speaks, where there are several.")
    tag_audio_events: MaybeFlag = Field(
        None,
        description="Tell of sounds that are no speech, such as [Music]: as segments in verbose_json and diarized_json "
        "(and its events; their speaker is null or empty), as cues in srt, vtt and lrc. The text never has them. By "
        "default, unless the server has another, verbose_json tells of them and the others do not.",
    )

    waveform: Flag = Field(
        False,
        description="With diarized_json: how loud the recording is in each of 400 equal parts where it is loudest, in "
        "dBFS, for a picture of it. Not where channels are split.",
    )

    def _check_instruction(self) -> None:
        """Raise InvalidParameter for what an answer in the model's own words cannot have."""
        for name, given in (("response_format", (self.response_format,)), ("formats", self.formats)):
            if timed := next((form for form in given if form not in TEXT_FORMATS), None):
                told = ", ".join(sorted(TEXT_FORMATS))
                raise InvalidParameter(
                    name,
                    f"{timed} needs to know what is said when, and the answer to an instruction is text without times: "
                    f"take one of {told}, or leave the instruction out.",
                )
        if set(self.timestamp_granularities) == {"word"}:
            raise InvalidParameter(
                "timestamp_granularities", "The answer to an instruction is text: its words have no times."
            )
        if self.channels == "split":
            raise InvalidParameter("channels", "An instruction is answered about all channels together: channels=mix.")
        if self.known_speaker_names:
            raise InvalidParameter(
                "known_speaker_names",
                "Known speakers are recognised by the segments of a transcript; the answer to an instruction has none.",
            )

    @property
    def subtitles(self) -> SubtitleOptions:
        """How srt and vtt are to be made."""
        return SubtitleOptions(
            line_width=self.max_line_width,
            line_count=self.max_line_count,
            min_duration=self.min_cue_duration,
            max_duration=self.max_cue_duration,
            max_cps=self.max_cps,
            min_gap=self.min_cue_gap,
            speaker_labels=self.speaker_labels,
            audio_events=self.shows_audio_events,
        )

    @property
    def shows_audio_events(self) -> bool:
        """Whether sounds that are no speech are told of."""
        if self.tag_audio_events is None:
            return self.response_format is ResponseFormat.VERBOSE_JSON
        return self.tag_audio_events

    @property
    def streamed(self) -> bool:
        """Whether the answer is a stream of events."""
        return self.stream and self.response_format in STREAMED_FORMATS

    def check(self) -> None:
        """See RecordingParameters."""
        super().check()
        answer = self.response_format
        if self.instruction is not None:
            self._check_instruction()
        # Segments come with verbose_json anyway, and no other format has room for them: to ask for them does no harm,
        # and clients do it whatever the format. Words alone are what somebody wants to have.
        written = {answer, *self.formats}
        if set(self.timestamp_granularities) == {"word"} and ResponseFormat.VERBOSE_JSON not in written:
            raise InvalidParameter(
                "timestamp_granularities", "timestamp_granularities[]=word needs response_format=verbose_json."
            )
        if self.include and ResponseFormat.JSON not in written:
            raise InvalidParameter("include", "include[]=logprobs needs response_format=json.")
        if self.waveform and ResponseFormat.DIARIZED_JSON not in written:
            raise InvalidParameter("waveform", "waveform=true needs response_format=diarized_json.")
        if self.formats and not self.streamed:
            raise InvalidParameter("formats", "formats[] need stream=true, with json, text or diarized_json.")
        if self.min_cue_duration > self.max_cue_duration:
            raise InvalidParameter("min_cue_duration", "min_cue_duration must not be greater than max_cue_duration.")
