"""Timelines, answers read behind forced segments, the gate, and the voices that are kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE, Samples
from model.seam.streams import Question
from server.engine.client.engine import LiveStream
from server.engine.client.stream import LiveAnswer
from server.live.ears.gate import SpeechGate
from server.transcript.segments import Segment
from server.windows.answer import opening, read, written
from server.windows.timeline import Timeline
from server.windows.voices import Voices
from server.windows.window import Block, VoiceSample, Window
from tests.support.author import Author
from tests.support.snapshot import snapshot
from tests.support.speaking_runner import CHECKPOINT

FRAME = 0.032


VOCABULARIES: dict[str, Callable[[], Path]] = {"twin's": lambda: CHECKPOINT, "real": snapshot}


@pytest.fixture(scope="module", params=VOCABULARIES)
def author(request: pytest.FixtureRequest) -> Author:
    return Author(VOCABULARIES[request.param]())


def test_a_timeline_leaves_gaps_out_and_finds_its_way_back() -> None:
    timeline = Timeline()
    timeline.add(10 * SAMPLE_RATE, 2 * SAMPLE_RATE)
    timeline.add(12 * SAMPLE_RATE, SAMPLE_RATE)
    timeline.add(20 * SAMPLE_RATE, SAMPLE_RATE)
    assert timeline.seconds == 4.0
    assert timeline.start(1.0) == 11.0
    assert timeline.start(3.0) == 20.0
    assert timeline.end(3.0) == 13.0
    assert timeline.end(3.5) == 20.5
    assert timeline.window(11.0) == 1.0
    assert timeline.window(20.5) == 3.5
    assert timeline.window(15.0) == 3.0


CONTENTS = [
    "Hello there.", "Yes", "Really?", "No!", "Well,", "Wait...", "(laughs)", "and/or", "a}", "[Laughter] {x}",
    'He said "no"', 'He said "no".', "back\\", "你好。", "はい」", "नमस्ते", "ที่", "كيف حالكم؟", "👍🏽", "שלום\u200f",
]  # fmt: skip


@pytest.mark.parametrize("content", CONTENTS)
def test_an_answer_is_read_behind_the_forced_segment(author: Author, content: str) -> None:
    segments = [written(0.0, 1.5, 2, content), written(1.6, 2.5, 0, "Yes."), written(2.5, 4, None, "[Silence]")]
    whole, prefix = opening(segments), opening(segments[:1])
    reading = read(author.whole_answer(whole + "]", prefix=prefix), author.vocabulary, seconds=10)
    assert [(s.start, s.end, s.speaker, s.text) for s in reading.segments] == [(1.6, 2.5, 0, "Yes.")]
    assert [said.json for said in reading.written] == segments[1:]
    ended = read(author.whole_answer(prefix + "]", prefix=prefix), author.vocabulary, seconds=10)
    assert (ended.segments, ended.written) == ((), ())
    cut = read(author.whole_answer(whole[:-4], prefix=prefix, cut=True), author.vocabulary, seconds=10)
    assert cut.segments == reading.segments


@pytest.mark.parametrize(
    ("content", "grown", "added"),
    [
        ("Hello", "Hello, my friend.", "my friend."),
        ("你好。", "你好。我们开始吧。", "我们开始吧。"),
        ("[Unintelligible Speech]", "[Unintelligible Speech] you know", "you know"),
        ("Yes", "Yes!", None),
    ],
)
def test_what_the_model_adds_to_a_forced_segment_is_not_lost(
    author: Author, content: str, grown: str, added: str | None
) -> None:
    prefix, then = opening([written(0.0, 1.5, 2, content)]), written(2, 3, 1, "Then.")
    answer = opening([written(0.0, 1.5, 2, grown), then]) + "]"
    reading = read(author.whole_answer(answer, prefix=prefix), author.vocabulary, seconds=10)
    behind = [] if added is None else [(1.5, 2, added)]
    assert [(s.start, s.speaker, s.text) for s in reading.segments] == [*behind, (2.0, 1, "Then.")]
    assert [said.json for said in reading.written] == [then]


def test_a_segment_that_is_written_twice_is_kept_once(author: Author) -> None:
    twice = [written(1, 3, 0, "Philip has every house."), written(3.6, 3.0, 0, "Philip has every house.")]
    for forced in (0, 1):
        answer = author.whole_answer(opening(twice) + "]", prefix=opening(twice[:forced]))
        assert [s.start for s in read(answer, author.vocabulary, seconds=10).segments] == [1.0][forced:]
    said_again = opening([written(1, 3, 0, "No, no."), written(4, 5.5, 0, "No, no.")])
    assert len(read(author.whole_answer(said_again + "]"), author.vocabulary, seconds=10).segments) == 2


class ScriptedStream:
    """A stream of the engine that answers as told and remembers what it was asked."""

    def __init__(self, author: Author, *answers: str) -> None:
        self.author = author
        self.answers = list(answers)
        self.questions: list[Question] = []

    async def append(self, samples: Samples) -> None: ...

    async def ask(self, question: Question) -> LiveAnswer:
        self.questions.append(question)
        return self.author.whole_answer(self.answers.pop(0), prefix=question.prefix)


async def test_what_is_said_twice_is_closed_twice_each_at_its_own_time(author: Author) -> None:
    both = opening([written(0.5, 1.0, 0, "Yes."), written(4.0, 4.5, 0, "Yes.")])
    then = written(5.0, 5.5, 1, "Well.")
    stream = ScriptedStream(author, both + "]", f"{both},{then}]", f"{both},{then}]")
    window = Window(cast(LiveStream, stream), author.vocabulary)
    await window.append(Block(0, np.zeros(6 * SAMPLE_RATE, np.float32)))
    for segment in await window.ask():
        window.close_segment(segment)
    await window.ask()
    await window.ask()
    assert stream.questions == [Question(), Question(both, both), Question(both, f"{both},{then}")]


async def test_a_closed_segment_is_forced_as_the_model_wrote_it(author: Author) -> None:
    """In its own spelling, so that it goes on from its own tokens; what it never said so is spelled for it."""
    own = '{"Start":0,"End":1.50,"Speaker":0,"Content":"Caf\\u00e9 noir."}'
    later = written(2.0, 2.5, 1, "One two one two one two one two.")
    stream = ScriptedStream(author, f"[{own},{later}]", f"[{own}]")
    window = Window(cast(LiveStream, stream), author.vocabulary)
    await window.append(Block(0, np.zeros(6 * SAMPLE_RATE, np.float32)))
    first, _ = await window.ask()
    assert first.text == "Café noir."
    window.close_segment(first)
    await window.ask()
    assert stream.questions[-1] == Question(f"[{own}", f"[{own},{later}")
    window.close_segment(Segment(1, 2.0, 2.5, 1, "One two."))
    assert stream.answers == []
    stream.answers.append(f"[{own},{written(2.0, 2.5, 1, 'One two.')}]")
    await window.ask()
    assert stream.questions[-1].prefix == f"[{own},{written(2.0, 2.5, 1, 'One two.')}"


async def test_nothing_new_is_heard_in_the_voices_in_front(author: Author) -> None:
    again, early = written(0.0, 2.0, 1, "I say it again."), written(1.5, 4.0, 1, "Good day.")
    stream = ScriptedStream(author, opening([written(0.0, 2.0, 1, "I am here."), again, early]) + "]")
    window = Window(cast(LiveStream, stream), author.vocabulary)
    await window.introduce(VoiceSample(1, "I am here.", Block(7 * SAMPLE_RATE, np.zeros(2 * SAMPLE_RATE, np.float32))))
    await window.append(Block(100 * SAMPLE_RATE, np.zeros(6 * SAMPLE_RATE, np.float32)))
    (heard,) = await window.ask()
    assert (heard.text, heard.start) == ("Good day.", 100.0)
    assert heard.end == pytest.approx(101.7)


def test_a_cut_answer_loses_the_segment_that_ran_in_circles(author: Author) -> None:
    text = f"[{written(0, 1, 0, 'Yes.')},{written(1, 2, 1, 'no no')}"[:-4]
    reading = read(author.whole_answer(text, cut=True), author.vocabulary, seconds=10)
    assert [segment.text for segment in reading.segments] == ["Yes."]


def test_a_loop_is_read_once(author: Author) -> None:
    text = opening([written(0, 9, 0, "and " + "no " * 9)]) + "]"
    reading = read(author.live_answer(text), author.vocabulary, seconds=10)
    assert [segment.text for segment in reading.segments] == ["and no"]


def test_tags_are_no_speech_but_part_of_what_was_written(author: Author) -> None:
    segments = [written(0, 4, None, "[Silence]"), written(4, 5, 0, 'Braces {in} "quotes".')]
    reading = read(author.whole_answer(opening(segments) + "]"), author.vocabulary, seconds=10)
    assert [segment.text for segment in reading.segments] == ['Braces {in} "quotes".']
    assert [said.json for said in reading.written] == segments


def frame(number: int) -> Block:
    size = round(FRAME * SAMPLE_RATE)
    return Block(number * size, np.full(size, number, np.float32))


def test_the_gate_passes_speech_with_its_surroundings_once() -> None:
    gate = SpeechGate(frame=FRAME, silence=1.0)
    probabilities = [0.01] * 100 + [0.9] * 50 + [0.01] * 100
    passed, silences = [], 0
    for number, probability in enumerate(probabilities):
        audio, silent = gate.feed(frame(number), probability)
        silences += silent
        if audio:
            passed.append(audio)
    first, last = passed[0].block.start / SAMPLE_RATE, passed[-1].block.end / SAMPLE_RATE
    assert 100 * FRAME - 0.6 < first < 100 * FRAME - 0.4
    assert 150 * FRAME + 0.9 < last < 150 * FRAME + 1.1
    assert all(one.block.end == other.block.start for one, other in itertools.pairwise(passed))
    assert silences == 1
    assert gate.quiet == pytest.approx(100 * FRAME)


def voice(speaker: int, seconds: float, text: str = "") -> VoiceSample:
    return VoiceSample(speaker, text, Block(0, np.zeros(round(seconds * SAMPLE_RATE), np.float32)))


def test_the_first_voice_sample_of_its_length_stays() -> None:
    voices = Voices()
    voices.offer(None)
    voices.offer(voice(0, 0.3, "too short to keep"))
    assert voices.chosen(60) == []
    voices.offer(voice(0, 4.1, "good"))
    voices.offer(voice(0, 1.0, "short"))
    voices.offer(voice(0, 4.5, "later"))
    assert [kept.text for kept in voices.chosen(60)] == ["good"]
    assert [kept.text for kept in voices.chosen(2)] == ["short"]


def test_voice_samples_are_short_enough_for_everybody_to_be_there() -> None:
    voices = Voices()
    for speaker in (2, 0, 1):
        for seconds in (4.0, 2.5, 1.0):
            voices.offer(voice(speaker, seconds))
    assert [(kept.speaker, kept.seconds) for kept in voices.chosen(12.0)] == [(0, 4.0), (1, 4.0), (2, 4.0)]
    assert [(kept.speaker, kept.seconds) for kept in voices.chosen(9.0)] == [(0, 2.5), (1, 2.5), (2, 2.5)]


def test_where_there_is_no_room_for_everybody_those_heard_last_are_there() -> None:
    voices = Voices()
    for speaker in (0, 2, 1):
        voices.offer(voice(speaker, 3.0))
    assert [kept.speaker for kept in voices.chosen(7.0)] == [1, 2]
    voices.offer(voice(0, 0.7))
    assert [kept.speaker for kept in voices.chosen(5.0)] == [0, 1]


def test_a_crowd_does_not_make_all_samples_useless() -> None:
    voices = Voices()
    for speaker in range(40):
        for seconds in (0.7, 1.5, 4.0):
            voices.offer(voice(speaker, seconds))
    chosen = voices.chosen(16.0)
    assert [kept.speaker for kept in chosen] == list(range(32, 40))
    assert {kept.seconds for kept in chosen} == {1.5}
