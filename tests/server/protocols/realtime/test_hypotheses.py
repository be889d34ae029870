"""Words before they are certain, for clients that ask for them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from server.live.vocabulary.actions import Action, Send
from server.live.vocabulary.events import Flushed, Hypothesis
from server.protocols.openai.realtime.schemas import HYPOTHESIS, LOGPROBS
from server.transcript.segments import Segment
from tests.server.protocols.realtime import conversation
from tests.server.protocols.realtime.conversation import Conversation, asked, closed, sent, told, words


@pytest.fixture(autouse=True)
def known_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenAI's types know neither the event nor that it is asked for."""
    check = conversation.check_server_event

    def check_the_rest(event: Mapping[str, Any]) -> None:
        if not event["type"].endswith(".hypothesis"):
            check(json.loads(json.dumps(event).replace(HYPOTHESIS, LOGPROBS)))

    monkeypatch.setattr(conversation, "check_server_event", check_the_rest)


@pytest.fixture
def client() -> Conversation:
    conversation = Conversation(start={"include": [HYPOTHESIS]})
    conversation.configures(turn_detection=None)
    return conversation


def supposed(text: str, *, segment: int, speaker: int | None = 0, start: float = 0.0, end: float = 1.0) -> Segment:
    return Segment(segment, start, end, speaker, text)


def rows(actions: Sequence[Action]) -> list[tuple[Any, ...]]:
    """What the last event shows: id, speaker, what stays, what may change."""
    events = [action.event for action in actions if isinstance(action, Send)]
    last = [event for event in events if event["type"].endswith(".hypothesis")][-1]
    return [(row["id"], row["speaker"], row["text"], row["tentative"]) for row in last["segments"]]


def test_who_does_not_ask_is_told_nothing() -> None:
    client = Conversation(start={"include": [LOGPROBS]})
    assert client.hears(Hypothesis((supposed("Who", segment=0),))) == []
    update = client.says("session.update", session={"include": [HYPOTHESIS, "of.tomorrow"]})
    assert sent(update, "session.updated")["session"]["include"] == [HYPOTHESIS]
    assert rows(client.hears(Hypothesis((supposed("Who", segment=0),)))) == [("seg_0", "A", "", "Who")]


def test_committed_words_and_what_may_follow_are_one_segment(client: Conversation) -> None:
    client.hears(words("Who is"))
    heard = client.hears(Hypothesis((supposed("there?", segment=0), supposed("Me.", segment=1, speaker=1))))
    assert rows(heard) == [("seg_0", "A", "Who is", " there?"), ("seg_1", "B", "", "Me.")]
    assert sent(heard, "hypothesis")["segments"][0]["end"] == 1.0
    heard = client.hears(words("there?"), Hypothesis((supposed("It is me.", segment=1, speaker=1),)))
    assert rows(heard) == [("seg_0", "A", "Who is there?", ""), ("seg_1", "B", "", "It is me.")]


@pytest.mark.parametrize(("lead", "shown"), [(" ", " 好"), ("", "好"), (None, "好")])
def test_what_stands_between_the_two_is_told(client: Conversation, lead: str | None, shown: str) -> None:
    client.hears(words("你"))
    heard = client.hears(Hypothesis((supposed("好", segment=0),), lead))
    assert rows(heard) == [("seg_0", "A", "你", shown)]


def test_a_closed_segment_is_not_open_any_more(client: Conversation) -> None:
    client.hears(words("Who is there?"), Hypothesis((supposed("Me.", segment=1),)))
    assert rows(client.hears(closed("Who is there?", 0.0, 1.0), Hypothesis(()))) == []


def test_nothing_is_told_twice(client: Conversation) -> None:
    client.hears(Hypothesis((supposed("Who", segment=0),)))
    assert client.hears(Hypothesis((supposed("Who", segment=0),))) == []
    assert rows(client.hears(Hypothesis((supposed("Whose", segment=0),)))) == [("seg_0", "A", "", "Whose")]
    assert told(client.hears(words("Whose"), closed("Whose", 0.0, 1.0), Hypothesis(()))) == ["delta", "segment"]


def test_somebody_who_is_supposed_for_a_moment_takes_no_letter(client: Conversation) -> None:
    heard = client.hears(Hypothesis((supposed("Who?", segment=0, speaker=5),)))
    assert rows(heard) == [("seg_0", "A", "", "Who?")]
    client.hears(words("Who?", speaker=2))
    assert sent(client.hears(closed("Who?", 0.0, 1.0, speaker=2)), "segment")["speaker"] == "A"
    heard = client.hears(Hypothesis((supposed("Me.", segment=1, speaker=5),)))
    assert rows(heard) == [("seg_1", "B", "", "Me.")]


def test_what_is_cleared_is_not_shown_again(client: Conversation) -> None:
    client.appends()
    client.hears(words("Who is"), Hypothesis((supposed("there?", segment=0),)))
    client.says("input_audio_buffer.clear")
    heard = client.hears(Hypothesis((supposed("there?", segment=0), supposed("Me.", segment=1, start=1.0, end=1.5))))
    assert rows(heard) == [("seg_1", "A", "", "Me.")]


def test_a_session_that_goes_on_elsewhere_knows_its_open_segment(client: Conversation) -> None:
    client.appends()
    client.says("input_audio_buffer.commit")
    client.hears(words("Who is"))
    other = Conversation()
    other.session.resumed(client.session.snapshot(), 1.0)
    heard = other.hears(Hypothesis((supposed("there?", segment=0),)))
    assert rows(heard) == [("seg_0", "A", "Who is", " there?")]
    other.hears(words("there?"), closed("Who is there?", 0.0, 1.0), Hypothesis(()))
    assert told(other.hears(Flushed(1.0, asked(0)))) == ["completed", "conversation.item.done"]


def test_snapshots_of_servers_that_knew_no_hypotheses_are_read(client: Conversation) -> None:
    snapshot: dict[str, Any] = json.loads(json.dumps(client.session.snapshot()))
    del snapshot["items"]["begun"]
    other = Conversation()
    other.session.resumed(snapshot, 1.0)
    assert rows(other.hears(Hypothesis((supposed("Who", segment=0),)))) == [("seg_0", "A", "", "Who")]
