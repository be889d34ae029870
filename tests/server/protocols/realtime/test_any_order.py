"""Whatever happens in whatever order: nothing is raised, every event is one of OpenAI's, and no word is lost."""

from __future__ import annotations

import itertools
from collections import deque
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.live.vocabulary.actions import Action, Discard, Flush, Hear, SetTurns
from server.live.vocabulary.events import (
    AudioHeard,
    Finished,
    Flushed,
    Hypothesis,
    IdleTimedOut,
    LiveEvent,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId, flush_ids
from server.live.vocabulary.protocol import SessionEnd
from server.protocols.openai.realtime.schemas import LOGPROBS
from server.transcript.words import Word
from tests.server.protocols.realtime.conversation import TRANSCRIPTION, Conversation, closed, turn, words

PROPERTY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

times = st.floats(0, 1e5)
numbers = st.integers(0, 3)
texts = st.text("ab 好.", min_size=1).map(str.strip).filter(bool)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with any of these fields, each perhaps with a value of no sense, or no object at all."""
    return st.one_of(
        *[st.fixed_dictionaries({}, optional={name: value | json_values for name, value in fields.items()})] * 4,
        json_values,
    )


turn_detection = some(
    type=st.sampled_from(["server_vad", "semantic_vad"]),
    threshold=st.floats(0, 1),
    silence_duration_ms=st.integers(0, 2_000),
    eagerness=st.sampled_from(["low", "high"]),
    idle_timeout_ms=st.sampled_from([0, 5_000]),
)
transcription = some(model=st.text(max_size=5), prompt=st.text(max_size=5), keywords=st.lists(st.text(max_size=5)))
sounds = some(type=st.sampled_from(["audio/pcm", "audio/pcmu"]), rate=st.integers(8_000, 48_000))
sessions = some(
    type=st.sampled_from(["transcription", "realtime"]),
    model=st.text(max_size=3),
    include=st.lists(st.text(max_size=3) | st.just(LOGPROBS)),
    output_modalities=st.just(["text"]),
    input_audio_format=st.sampled_from(["pcm16", "g711_alaw"]),
    turn_detection=turn_detection,
    audio=some(
        input=some(
            format=sounds,
            transcription=transcription,
            noise_reduction=some(type=st.just("near_field"), strength=st.floats(0, 1)),
            turn_detection=turn_detection,
        )
    ),
)
frames = st.one_of(st.text(max_size=10), st.binary(max_size=10))
client_events = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            [
                "session.update",
                "transcription_session.update",
                "input_audio_buffer.append",
                "input_audio_buffer.commit",
                "input_audio_buffer.clear",
                "conversation.item.retrieve",
                "conversation.item.delete",
                "conversation.item.truncate",
                "response.create",
                "nonsense",
            ]
        )
    },
    optional={
        "session": sessions,
        "item_id": st.sampled_from(["item_1", "item_2"]),
        "audio": st.sampled_from(["AAAA", "AAA", "?"]),
        "event_id": json_values,
    },
)
live_events = st.one_of(
    st.builds(AudioHeard, times),
    st.builds(SpeechStarted, times),
    st.builds(SpeechStopped, times, st.builds(turn, numbers)),
    st.builds(IdleTimedOut, times, times, st.builds(turn, numbers)),
    st.builds(Flushed, times, st.builds(FlushId, st.sampled_from(Asker), numbers)),
    st.builds(Finished, times),
    st.just(Hypothesis(())),
    st.builds(words, texts, segment=st.integers(0, 3), speaker=st.none() | st.integers(0, 30), start=times),
    st.builds(closed, texts, times, times, segment=st.integers(0, 3), speaker=st.none() | st.integers(0, 30)),
)


@given(st.lists(frames | client_events | live_events, max_size=30), st.sampled_from(SessionEnd))
@PROPERTY
def test_any_sequence_gives_valid_events(acts: list[Any], why: SessionEnd) -> None:
    talk = Conversation()
    for act in acts:
        if isinstance(act, dict):
            talk.says(**act)
        elif isinstance(act, str | bytes):
            talk.sends(act)
        else:
            talk.hears(act)
    talk.ends(why)
    check_items(talk.events)


def check_items(events: list[dict[str, Any]]) -> None:
    """Of every item: committed once, then completed or failed once with the text of its deltas, in order."""

    def told(kind: str) -> list[str]:
        return [event["item_id"] for event in events if event["type"] == kind]

    committed = told("input_audio_buffer.committed")
    completed = told(f"{TRANSCRIPTION}.completed")
    assert len(set(committed)) == len(committed)
    assert committed[: len(completed)] == completed
    assert told(f"{TRANSCRIPTION}.failed")[: len(committed) - len(completed)] == committed[len(completed) :]
    for item_id, events_of_item in itertools.groupby(
        sorted((event for event in events if "delta" in event or "transcript" in event), key=lambda it: it["item_id"]),
        key=lambda event: event["item_id"],
    ):
        told_events = list(events_of_item)
        if item_id in completed:
            assert "".join(event["delta"] for event in told_events[:-1]) == told_events[-1]["transcript"]


class SpeakingSession:
    """A live session by the book: it does at once what it is told, and what it says is heard later."""

    def __init__(self) -> None:
        self.said: deque[LiveEvent] = deque()
        self.spoken: list[str] = []
        self._now = 0.0
        self._turns = False
        self._turn_ids = flush_ids(Asker.TURNS)
        self._speaking = False
        self._unsaid: list[Word] = []
        self._segment: list[str] = []
        self._index = 0

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Hear(audio):
                    self._now += len(audio) / 48_000
                case SetTurns(turns):
                    self._turns, self._speaking = turns is not None, False
                case Flush(flush):
                    self._flush(flush)
                case Discard():
                    self._unsaid.clear()

    def speak(self) -> None:
        """Another word in the audio that was just heard."""
        word = f"w{len(self.spoken)}"
        self.spoken.append(word)
        self._unsaid.append(Word(word, self._now - 0.1, self._now, 0))

    def transcribe(self) -> None:
        if self._unsaid:
            text = " ".join(word.word for word in self._unsaid)
            self.said.append(WordsCommitted(self._index, 0, tuple(self._unsaid), text))
            self._segment.append(text)
            self._unsaid.clear()

    def turn(self) -> None:
        """Speech begins, or it stops."""
        if self._turns:
            self._speaking = not self._speaking
            flush = next(self._turn_ids)
            self.said.append(SpeechStarted(self._now) if self._speaking else SpeechStopped(self._now, flush))
            if not self._speaking:
                self._flush(flush)

    def _flush(self, flush: FlushId) -> None:
        self.transcribe()
        if self._segment:
            self.said.append(closed(" ".join(self._segment), 0.0, self._now, segment=self._index))
            self._segment.clear()
            self._index += 1
        self.said.append(Flushed(self._now, flush))


ACTS = ("speak", "speak", "transcribe", "turn", "listen", "listen", "commit", "append", "detect", "do not detect")


def play(acts: list[str]) -> tuple[Conversation, SpeakingSession]:
    """A client and a session that do these things; at last everything is committed and told."""
    talk, live = Conversation(), SpeakingSession()
    live.do(talk.opening)
    for act in [*acts, "append", "commit"]:
        match act:
            case "append":
                live.do(talk.appends(bytes(4_800)))
            case "speak":
                live.do(talk.appends(bytes(4_800)))
                live.speak()
            case "transcribe":
                live.transcribe()
            case "turn":
                live.turn()
            case "listen" if live.said:
                talk.hears(live.said.popleft())
            case "commit":
                live.do(talk.says("input_audio_buffer.commit"))
            case "clear":
                live.do(talk.says("input_audio_buffer.clear"))
            case "detect":
                live.do(talk.configures(turn_detection={"type": "server_vad"}))
            case "do not detect":
                live.do(talk.configures(turn_detection=None))
    while live.said:
        talk.hears(live.said.popleft())
    return talk, live


def transcripts(talk: Conversation) -> list[str]:
    return [event["transcript"] for event in talk.events if "transcript" in event]


@given(st.lists(st.sampled_from(ACTS), max_size=60))
@PROPERTY
def test_every_word_is_in_one_item(acts: list[str]) -> None:
    talk, live = play(acts)
    check_items(talk.events)
    committed = [event for event in talk.events if event["type"] == "input_audio_buffer.committed"]
    assert len(transcripts(talk)) == len(committed)
    assert " ".join(transcripts(talk)).split() == live.spoken
    segments = [event["text"] for event in talk.events if event["type"] == f"{TRANSCRIPTION}.segment"]
    assert " ".join(segments).split() == live.spoken


@given(st.lists(st.sampled_from([*ACTS, "clear"]), max_size=60))
@PROPERTY
def test_clear_costs_words_and_nothing_else(acts: list[str]) -> None:
    talk, live = play(acts)
    check_items(talk.events)
    committed = [event for event in talk.events if event["type"] == "input_audio_buffer.committed"]
    assert len(transcripts(talk)) == len(committed)
    told = " ".join(transcripts(talk)).split()
    assert told == [word for word in live.spoken if word in told]
