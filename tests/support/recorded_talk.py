"""A talk as a recording, and a scripted runner that hears what is said in it.

Decoding takes away what does not swing, so a turn of such a talk is a square wave of its level.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
import soundfile  # type: ignore[import-untyped]

from model.family.vibevoice_asr.geometry import HOP
from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.streams import Question
from tests.support.listening_runner import Said, answer_to, audio_of
from tests.support.speaking_runner import SpeakingRunner


def recorded(talk: Sequence[Said], *, channels: int = 1) -> bytes:
    """A file of the talk, on each of its channels a little louder than on the one before."""
    samples = recording_of(talk)
    sides = [samples * np.float32(1 + side / 1000) + hiss(samples.size, side) for side in range(channels)]
    file = BytesIO()
    soundfile.write(file, np.stack(sides, 1), SAMPLE_RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


def recording_of(talk: Sequence[Said]) -> Samples:
    """[n] at 24 kHz."""
    samples = audio_of(talk)
    samples[1::2] *= -1
    return samples


def hiss(count: int, seed: int) -> Samples:
    """So soft that nobody hears it, and on each channel another one."""
    return (np.random.default_rng(seed).standard_normal(count) * 1e-4 * bool(seed)).astype(np.float32)


@dataclass
class RecordedTalkRunner(SpeakingRunner):
    """Hears the talks of such recordings; the context names the one that is heard.

    Attributes:
        talks: what is said in them.
    """

    talks: Mapping[str | None, Sequence[Said]] = field(default_factory=dict)
    heard: dict[int, list[Samples]] = field(default_factory=dict)

    def append(self, stream: int, samples: Samples) -> None:
        self.heard.setdefault(stream, []).append(samples)
        super().append(stream, samples)

    def ask(self, stream: int, question: Question) -> str:
        super().ask(stream, question)
        return _forced(question.prefix)

    def positions_of(self, prefix: str) -> str:
        return "".join(map(chr, self.encoded(_forced(prefix))))

    def answer_to(self, stream: int, question: Question) -> list[int]:
        if question.context not in self.talks:
            return super().answer_to(stream, question)
        samples = np.abs(np.concatenate(self.heard[stream])[: self.streams[stream].frames_taken * HOP])
        answer = answer_to(self.numbered(self.talks[question.context], question.prefix), samples, question.prefix)
        return self.encoded(answer.removeprefix(_forced(question.prefix)))

    def numbered(self, talk: Sequence[Said], prefix: str) -> Sequence[Said]:
        """The talk with the numbers that its speakers have in an answer which begins with ``prefix``."""
        return talk

    def fork(self, stream: int, of: int) -> None:
        super().fork(stream, of)
        self.heard[stream] = [*self.heard.get(of, [])]

    def release(self, stream: int) -> None:
        super().release(stream)
        self.heard.pop(stream, None)


@dataclass
class WilfulRunner(RecordedTalkRunner):
    """Numbers people the other way round, unless it is forced to say who is who."""

    def numbered(self, talk: Sequence[Said], prefix: str) -> Sequence[Said]:
        speakers = {said.text: said.speaker for said in talk}
        forced = json.loads(f"{prefix}]") if prefix else []
        numbers = {speakers[segment["Content"]]: segment["Speaker"] for segment in forced}
        highest = max(speakers.values())
        return [said._replace(speaker=numbers.get(said.speaker, highest - said.speaker)) for said in talk]


@dataclass
class MistakenRunner(WilfulRunner):
    """Takes whoever says the first turn for another one, and is forced to say who is who later."""

    def numbered(self, talk: Sequence[Said], prefix: str) -> Sequence[Said]:
        if prefix:
            return super().numbered(talk, prefix)
        return [talk[0]._replace(speaker=talk[0].speaker + 1), *talk[1:]]


@dataclass
class InventingRunner(WilfulRunner):
    """Does not recognise the first of those whom it is forced to name: it has a new number for him."""

    def numbered(self, talk: Sequence[Said], prefix: str) -> Sequence[Said]:
        numbered = super().numbered(talk, prefix)
        if not prefix:
            return numbered
        invented = max(said.speaker for said in numbered) + 1
        return [said._replace(speaker=said.speaker or invented) for said in numbered]


@dataclass
class HastyRunner(WilfulRunner):
    """Ends its answers early as well.

    Attributes:
        most: segments behind those that are forced.
        always: also where somebody is introduced.
    """

    most: int = 3
    always: bool = False

    def answer_to(self, stream: int, question: Question) -> list[int]:
        if question.context not in self.talks or (question.prefix and not self.always):
            return super().answer_to(stream, question)
        samples = np.abs(np.concatenate(self.heard[stream])[: self.streams[stream].frames_taken * HOP])
        talk = self.numbered(self.talks[question.context], question.prefix)
        answer = json.loads(answer_to(talk, samples, question.prefix))
        said = answer[: question.prefix.count('"Start"') + self.most]
        text = json.dumps(said, ensure_ascii=False, separators=(",", ":"))
        return self.encoded(text.removeprefix(_forced(question.prefix)))


@dataclass
class OverwhelmedRunner(RecordedTalkRunner):
    """Says nothing where it hears more than ``most_seconds``, but what it is forced to."""

    most_seconds: float = 16.0

    def answer_to(self, stream: int, question: Question) -> list[int]:
        overwhelmed = self.streams[stream].frames_taken * HOP > self.most_seconds * SAMPLE_RATE
        if question.context not in self.talks or not overwhelmed:
            return super().answer_to(stream, question)
        return self.encoded('"}]' if question.prefix else "[]")


@dataclass
class StutteringRunner(RecordedTalkRunner):
    """Says the first thing of a window, behind voices in front, twice: in no time first, and then again."""

    def answer_to(self, stream: int, question: Question) -> list[int]:
        if question.context not in self.talks:
            return super().answer_to(stream, question)
        samples = np.abs(np.concatenate(self.heard[stream])[: self.streams[stream].frames_taken * HOP])
        answer = json.loads(answer_to(self.talks[question.context], samples, question.prefix))
        first = question.prefix.count('"Start"')
        if len(answer) > first:
            end = answer[first]["Start"]
            answer.insert(first, answer[first] | {"End": end})
        text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
        return self.encoded(text.removeprefix(_forced(question.prefix)))


def _forced(prefix: str) -> str:
    """The end of its last content is the model's to write."""
    return prefix.removesuffix('"}')
