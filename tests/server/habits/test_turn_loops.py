"""Loops within a window of a model that writes by turns: told once, nothing taken back, and the next window is heard.

Over Qwen2.5's own tokens, of which a loop's unit may be one, or a part, or several.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import httpx
import numpy as np
import pytest

from model.family.vibevoice_asr_streaming.protocol import LONGEST_TURN
from server.transcript.repetition.window_repeats import COPIES
from tests.server.habits.conftest import Habitual
from tests.server.habits.test_live import PCM, transcribe
from tests.support import qwen
from tests.support.scripted_server import running_server
from tests.support.talks import wav_of
from tests.support.turning_runner import WINDOWS, Script, TurningRunner

ASKED = " \n Speaker 0: How are you?"
ANSWERED = " \n Speaker 1: Quite well."
LAST = " And the others?"
STRIDE = WINDOWS.stride / WINDOWS.sample_rate
UNITS = {
    "word": " malo",
    "word and comma": " malo,",
    "one token": " the",
    "phrase": " thank you very much.",
    "sentence": " I do not know what you mean by that, sir.",
    "letter": "a",
    "syllable": "ha",
    "Chinese": "是的，",
    "one sign": "的",
    "Japanese": "はい",
    "Arabic": " نعم",
    "Thai": "ครับ",
    "rare sign, of several tokens": "𓂀",
    "emoji": "👩‍💻",
    "digits": " 7",
    "marks": ".",
    "blanks": " ",
    "speakers": " \n Speaker 1: Yes. \n Speaker 0: No.",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Habitual]:
    runner = partial(TurningRunner, checkpoint=qwen.vocabulary_folder(), pages=4096)
    with running_server(runner) as running, httpx.Client(base_url=running.url, timeout=60) as client:
        yield Habitual(running, client)


def wav(windows: int) -> bytes:
    return wav_of(np.zeros(windows * WINDOWS.stride, np.float32))


def ended(server: Habitual) -> float:
    return sum(
        sample.value
        for family in server.running.service.metrics.registry.collect()
        for sample in family.samples
        if sample.name == "asr_answer_loops_total" and sample.labels["outcome"] == "ended"
    )


def test_what_is_repeated_is_told_once_and_the_next_window_is_heard(server: Habitual) -> None:
    """A window that is stuck in each of the units, and a sound one in front of it and behind."""
    before, given, thrown = ended(server), server.tokens, server.running.metric("asr_loop_tokens_total")
    script: Script = [entry for unit in UNITS.values() for entry in ([ASKED], [ANSWERED, unit])]
    answer = server.post(json.dumps([*script, [ASKED], [LAST]]), wav(len(script) + 2)).json()
    first, *told, last = answer["text"].split("How are you?")
    assert (first, last.strip()) == ("", LAST.strip())
    for (kind, unit), text in zip(UNITS.items(), told, strict=True):
        assert text.strip().startswith("Quite well."), kind
        repeated = text.strip().removeprefix("Quite well.").strip()
        words = unit.replace(" \n Speaker 1:", "").replace(" \n Speaker 0:", "")
        assert repeated in words.strip(), kind
    assert "\N{REPLACEMENT CHARACTER}" not in answer["text"]
    assert "Speaker" not in answer["text"]
    loops = answer["repetitions"]
    assert [loop["outcome"] for loop in loops] == ["ended"] * len(UNITS)
    assert [round(loop["start"] / STRIDE, 2) for loop in loops] == list(range(1, len(script), 2))
    assert [round(loop["end"] / STRIDE, 2) for loop in loops] == list(range(2, len(script) + 1, 2))
    assert sum("what it said there is told once" in note for note in answer["notes"]) == len(UNITS)
    assert not any("limit" in note for note in answer["notes"])
    assert ended(server) == before + len(UNITS)
    server.running.wait_for(lambda: server.tokens > given, "tokens are counted")
    wasted = server.running.metric("asr_loop_tokens_total") - thrown
    assert 0 < wasted < len(UNITS) * LONGEST_TURN / 2


def test_in_any_window_and_nothing_that_was_told_is_taken_back(server: Habitual) -> None:
    """The first, the last, and each between."""
    script: Script = [[ASKED, " malo"], [ANSWERED, " thank you very much."], ["", " yes"], [LAST, " bye"]]
    events = server.stream(json.dumps(script), wav(4))
    deltas = "".join(event["delta"] for event in events if event["type"] == "transcript.text.delta")
    (done,) = [event for event in events if event["type"] == "transcript.text.done"]
    assert deltas == done["text"]
    assert done["text"] == "How are you? malo Quite well. thank you very much. yes And the others? bye"
    assert sum("is told once" in note for note in done["notes"]) == 4


def test_what_can_be_said_in_the_time_stays(server: Habitual) -> None:
    said = [
        8 * " no",
        24 * " no",
        6 * " ha, ha,",
        2 * " one two three one two three",
        5 * " bye",
        7 * "对",
        " 555 0100 555 0100",
    ]
    answer = server.post(json.dumps([[text] for text in said]), wav(len(said))).json()
    assert answer["text"] == "".join(said).strip()
    assert "repetitions" not in answer


def test_live_too(server: Habitual) -> None:
    before = ended(server)
    heard = transcribe(server, json.dumps([[ASKED], [ANSWERED, " malo"], [LAST]]))
    deltas = "".join(event["delta"] for event in heard if event["type"].endswith("transcription.delta"))
    assert deltas == heard[-1]["transcript"] == "How are you? Quite well. malo And the others?"
    assert ended(server) == before + 1


REFRAIN = " and the bells of the city are ringing."
AGAIN = COPIES + 7
"""Windows that say the same, some of them too many."""


def test_a_clause_in_one_window_after_the_other_is_told_so_often_and_then_left_out(server: Habitual) -> None:
    before, script = server.running.metric("asr_loop_tokens_total"), [[ASKED], *([[REFRAIN]] * AGAIN), [ANSWERED]]
    answer = server.post(json.dumps(script), wav(len(script))).json()
    assert answer["text"].count(REFRAIN.strip()) == COPIES - 1
    assert answer["text"].endswith("Quite well.")
    (loop,) = answer["repetitions"]
    assert loop["outcome"] == "skipped"
    assert round(loop["start"] / STRIDE, 2) == COPIES
    assert round(loop["end"] / STRIDE, 2) == AGAIN + 1
    assert sum("for one stretch of audio after the other" in note for note in answer["notes"]) == 1
    server.running.wait_for(lambda: server.running.metric("asr_loop_tokens_total") > before, "it is counted")


def test_nothing_of_it_that_was_told_is_taken_back(server: Habitual) -> None:
    script = [*([[REFRAIN]] * AGAIN), [LAST]]
    events = server.stream(json.dumps(script), wav(len(script)))
    deltas = "".join(event["delta"] for event in events if event["type"] == "transcript.text.delta")
    (done,) = [event for event in events if event["type"] == "transcript.text.done"]
    assert deltas == done["text"]
    assert done["text"].count(REFRAIN.strip()) == COPIES - 1


def test_live_it_is_left_out_too_where_a_live_window_is_as_long() -> None:
    """Each window is another question there, behind what was told."""
    script = [*([[REFRAIN]] * AGAIN), [LAST]]
    length = 2 * len(script) * WINDOWS.stride
    talk = (PCM * (length // len(PCM) + 1))[:length]
    runner = partial(TurningRunner, checkpoint=qwen.vocabulary_folder(), pages=4096)
    with (
        running_server(runner, live_window_seconds=120) as running,
        httpx.Client(base_url=running.url, timeout=60) as client,
    ):
        heard = transcribe(Habitual(running, client), json.dumps(script), talk)
    deltas = "".join(event["delta"] for event in heard if event["type"].endswith("transcription.delta"))
    assert deltas == heard[-1]["transcript"]
    assert deltas.count(REFRAIN.strip()) == COPIES - 1
    assert deltas.endswith(LAST)


def test_a_window_that_is_stuck_counts_with_what_is_told_of_it(server: Habitual) -> None:
    script = [*([["", " and so it goes on."]] * AGAIN), [LAST]]
    answer = server.post(json.dumps(script), wav(len(script))).json()
    assert answer["text"] == " ".join([*(["and so it goes on."] * (COPIES - 1)), LAST.strip()])


def test_refrains_and_roll_calls_are_heard_to_their_end(server: Habitual) -> None:
    """A refrain whose bars are no windows wanders over their edges; a roll has names; few words are said for long."""
    sung = (REFRAIN * AGAIN).split(" ")
    per = len(REFRAIN.split(" ")) + 1
    wandering = [[" ".join(["", *sung[first : first + per]])] for first in range(1, len(sung), per)]
    called = [[f" Number {number}. Here."] for number in range(AGAIN)]
    yes = [[" Yes."]] * AGAIN
    for script in (wandering, called, yes, [[REFRAIN], [" hey"]] * AGAIN, [[REFRAIN]] * (COPIES - 1)):
        answer = server.post(json.dumps(script), wav(len(script))).json()
        assert "repetitions" not in answer
        assert answer["text"] == "".join(text for (text,) in script).strip()
