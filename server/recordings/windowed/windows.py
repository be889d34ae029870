"""Which recordings are heard in windows, and how such a transcription is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count

from model.seam.audio import SAMPLE_RATE
from model.seam.streams import Priority
from server.context import context_tokens
from server.engine.budget import context_limit, pass_seconds
from server.engine.client.engine import Engine
from server.recordings.begun import Begun
from server.recordings.recording import Recording
from server.recordings.sound import ArrivingSound
from server.recordings.stream_audio import StreamAudio
from server.recordings.windowed.linked import LinkedTranscription
from server.recordings.windowed.transcription import ChannelSound, WindowedTranscription
from server.recordings.windowed.window import WindowOpener
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from server.recordings.wishes import Wishes
from server.transcript.detokenizer import Vocabulary
from server.voices.encoder import VoiceEncoder

_POOL_SHARE = 0.9
"""Of what one pass holds: a window's answer may be denser than ordinary talk."""


class Windows:
    """Sets up transcriptions in windows.

    Args:
        engine: to open streams on.
        vocabulary: of its checkpoint.
        windowing: as it is wished for.
        encoder: tells voices apart, where there is one.
        loop_guard: answers that run in circles are asked for again.
    """

    def __init__(
        self,
        engine: Engine,
        vocabulary: Vocabulary,
        windowing: Windowing,
        encoder: VoiceEncoder | None = None,
        *,
        loop_guard: bool = True,
    ) -> None:
        self._loop_guard = loop_guard
        self._engine = engine
        self._vocabulary = vocabulary
        self._windowing = windowing
        self._encoder = encoder

    @property
    def longest(self) -> float:
        """Seconds of a window where nothing but the wish counts."""
        return self._windowing.seconds

    def at_once(self, wishes: Wishes) -> float:
        """Seconds up to which a recording is heard in one pass."""
        if wishes.whole or self._by_turns:
            return self._pass_seconds(wishes)
        return self._of(wishes).seconds

    def held(self, audio: StreamAudio, wishes: Wishes) -> int:
        """Samples of it that are held at once."""
        if isinstance(audio.sound, ArrivingSound):
            return min(audio.length, round(self._of(wishes).held * SAMPLE_RATE))
        return audio.length

    def needed(self, audio: StreamAudio, wishes: Wishes) -> bool:
        """Whether it is longer than a window, or than what one pass holds where the caller wishes for one."""
        return audio.length / SAMPLE_RATE > self.at_once(wishes)

    def heard_at_once(self, audio: StreamAudio, wishes: Wishes) -> float:
        """Seconds of the longest stream."""
        seconds = audio.length / SAMPLE_RATE
        return self._of(wishes).seconds if self.needed(audio, wishes) and not self._by_turns else seconds

    def transcription(
        self,
        recording: Recording,
        audio: StreamAudio,
        wishes: Wishes,
        decode_seconds: float,
        *,
        priority: Priority,
        request_id: str,
        fingerprint: str,
        begun: Begun,
        names: Mapping[int, str] | None = None,
    ) -> WindowedTranscription:
        """Of ``audio``, whose samples are there. ``names``: numbers that known speakers have in what is begun.

        Windows are linked only where that can be: a voice that is known, numbers that stand, log-probabilities and a
        limit on the answer are kept from one window to the next.
        """
        assert audio.sound is not None
        by_name = dict(zip((clip.name for clip in audio.clips), audio.voices, strict=True))
        if names is None:
            names = dict(enumerate(by_name))
        else:
            taken = {*names, *(segment.speaker for segment in begun.segments)}
            free = (number for number in count() if number not in taken)
            lost = [name for name in by_name if name not in names.values()]
            names = {**names, **dict(zip(free, lost, strict=False))}
        clips = {number: by_name[name] for number, name in sorted(names.items())}
        sound = ChannelSound(audio.sound, clips, names)
        opener = WindowOpener(
            self._engine, self._vocabulary, wishes, priority, request_id, fingerprint, self._loop_guard
        )
        windowing = self._of(wishes)
        linked = windowing.continuity is SpeakerContinuity.LINKED
        if linked and not (begun.segments or clips or wishes.logprobs or wishes.max_tokens):
            return LinkedTranscription(recording, sound, opener, windowing, decode_seconds, self._encoder)
        return WindowedTranscription(recording, sound, opener, windowing, decode_seconds, self._encoder, begun)

    def _of(self, wishes: Wishes) -> Windowing:
        """No longer than what the model and its memory hold."""
        longest = _POOL_SHARE * self._pass_seconds(wishes)
        return replace(self._windowing, seconds=min(self._windowing.seconds, longest))

    @property
    def _by_turns(self) -> bool:
        """The model has windows of its own, and nothing could be put in front of another stream of them."""
        info = self._engine.info
        return info is not None and info.family.turns is not None

    def _pass_seconds(self, wishes: Wishes) -> float:
        info = self._engine.info
        assert info is not None
        return pass_seconds(info.family, context_limit(info) - context_tokens(wishes.told))
