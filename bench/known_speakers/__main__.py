"""Whether segments of known speakers get their names, and nobody else's do.

    python -m bench.known_speakers [--recordings 24] [--seed 0] [--voice-encoder ge2e] [--record]

A server is sent talks of 20 to 45 seconds among held-out voices, with clips of some of them from other recordings, as a
client sends them. A segment that was said is right where the transcript has, for most of its time, the name of who said
it, or none if that is nobody known. Once with a voice encoder, once by the model's numbers alone.
"""

from __future__ import annotations

import argparse
import base64
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import httpx

from bench.support import service, talks
from bench.support.report import Goal, Report, machine, parser

_SECONDS = (20.0, 45.0)
_PATIENCE: Final = 600.0


@dataclass(frozen=True, slots=True)
class Case:
    """``absent``: of the known, who do not speak."""

    name: str
    speakers: int
    known: int
    absent: int = 0


CASES = (
    Case("two known of three", 3, 2),
    Case("one known of two", 2, 1),
    Case("one of two known is silent", 2, 2, 1),
    Case("one of three known is silent", 2, 3, 1),
)
BARS = {"known-speakers-named-right": CASES[0], "known-speakers-named-right-one-silent": CASES[2]}


@dataclass(frozen=True, slots=True)
class Sent:
    """A talk, and the clips by names that are the voices' numbers."""

    talk: talks.Talk
    clips: dict[str, bytes]


@dataclass(slots=True)
class Count:
    """Segments that were said."""

    right: int = 0
    wrong: int = 0
    unnamed: int = 0

    @property
    def all(self) -> int:
        return self.right + self.wrong + self.unnamed

    def cells(self) -> list[str]:
        return [str(self.all), *(f"{each / self.all:.1%}" for each in (self.right, self.wrong, self.unnamed))]


def main() -> None:
    """Run the bench and print its table and goals."""
    options = _options()
    report = Report("known-speakers")
    about = f"{options.recordings} recordings of each kind, seed {options.seed}, voice encoder {options.voice_encoder}"
    report.say(f"{machine()}: {about}")
    sent = {case: [_made(case, options.seed, n) for n in range(options.recordings)] for case in CASES}
    counts: dict[tuple[str, Case], Count] = {}
    for way, encoder in {"voices heard": options.voice_encoder, "numbers alone": "none"}.items():
        with service.running_server("--voice-encoder", encoder) as server:
            for case in CASES:
                counts[way, case] = _count(server.base, sent[case])
    rows = [[case.name, way, *count.cells()] for (way, case), count in counts.items()]
    report.table(["recordings", "by", "segments", "right", "wrong name", "no name"], rows)
    right = {name: counts["voices heard", case] for name, case in BARS.items()}
    report.goals([Goal(name, count.right / count.all, 0.9) for name, count in right.items()])
    if options.record:
        report.record()


def _made(case: Case, seed: int, number: int) -> Sent:
    rng = random.Random(f"known speakers/{case.name}/{seed}/{number}")
    voices = talks.voices(case.speakers + case.absent, rng)
    speaking, silent = voices[: case.speakers], voices[case.speakers :]
    known = [*rng.sample(speaking, case.known - case.absent), *silent]
    talk = talks.talk(speaking, rng.uniform(*_SECONDS), rng)
    return Sent(talk, {str(voice): service.as_wav(talks.clip(voice, rng)) for voice in known})


def _count(base: str, sent: Sequence[Sent]) -> Count:
    count = Count()
    with httpx.Client(base_url=base, timeout=_PATIENCE, verify=False) as client:
        for each in sent:
            answer = client.post(
                "/v1/audio/transcriptions",
                files={"file": ("talk.wav", service.as_wav(each.talk.samples))},
                data={
                    "model": "whisper-1",
                    "response_format": "diarized_json",
                    "known_speaker_names[]": list(each.clips),
                    "known_speaker_references[]": [_url(clip) for clip in each.clips.values()],
                },
            )
            answer.raise_for_status()
            _add(count, each, answer.json()["segments"])
    return count


def _add(count: Count, sent: Sent, segments: Sequence[dict[str, Any]]) -> None:
    for turn in sent.talk.turns:
        overlap = {id(s): min(s["end"], turn.end) - max(s["start"], turn.start) for s in segments}
        heard = max(segments, key=lambda segment: overlap[id(segment)], default=None)
        found = heard["speaker"] if heard is not None and overlap[id(heard)] > 0 else None
        name = found if found in sent.clips else None
        if name == (str(turn.voice) if str(turn.voice) in sent.clips else None):
            count.right += 1
        elif name is None:
            count.unnamed += 1
        else:
            count.wrong += 1


def _url(clip: bytes) -> str:
    return f"data:audio/wav;base64,{base64.b64encode(clip).decode()}"


def _options() -> argparse.Namespace:
    options = parser(__doc__)
    options.add_argument("--recordings", type=int, default=24, help="of each kind")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--voice-encoder", default="ge2e", help="as the server takes it")
    return options.parse_args()


if __name__ == "__main__":
    main()
