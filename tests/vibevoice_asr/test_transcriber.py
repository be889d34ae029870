"""Transcribing in Python: what a script, a notebook and a program with an event loop do, over a scripted model."""

from __future__ import annotations

import asyncio
import multiprocessing
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import server.in_process as in_process
from server.app import engine_settings
from server.engine.client.engine import Engine
from server.recordings.errors import NotOfThisModel
from server.settings import Settings
from tests.server.http.conftest import tone
from tests.support.failing_starts import miss_a_checkpoint
from tests.support.speaking_runner import SEGMENTS, TEXT, SpeakingRunner
from vibevoice_asr import AsyncTranscriber, Options, Outcome, Recording, Transcriber, TranscriptionError, render
from vibevoice_asr.errors import told as expected
from vibevoice_asr.options import wishes_of

ANSWER = "[They greet each other.]"


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Engine]:
    """Those that were made."""
    made: list[Engine] = []

    def make(settings: Settings, failed_starts: int) -> Engine:
        made.append(Engine(partial(SpeakingRunner, step_seconds=0.001), engine_settings(settings)))
        return made[-1]

    monkeypatch.setattr(in_process, "make_engine", make)
    return made


@pytest.fixture
def model(engines: list[Engine]) -> Iterator[Transcriber]:
    with Transcriber("tiny", voice_encoder="none", at_once=3) as opened:
        yield opened


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    file = tmp_path / "talk.wav"
    file.write_bytes(tone(3.0))
    return file


def test_five_lines(model: Transcriber, engines: list[Engine], talk: Path) -> None:
    heard = [(one.start, one.end, one.speaker, one.text) for one in model.transcribe(talk).segments]
    assert heard == [(one["Start"], one["End"], one.get("Speaker"), one["Content"]) for one in SEGMENTS]
    assert model.transcribe(str(talk)).text == model.transcribe(talk.read_bytes()).text == TEXT
    model.close()
    assert engines[0].worker_pid is None
    with pytest.raises(RuntimeError, match="closed"):
        model.transcribe(talk)
    model.close()


def test_every_option_reaches_the_model(model: Transcriber, talk: Path) -> None:
    assert model.transcribe(talk, prompt='[{"Start":0,"End":1,"Speaker":0,"Content":"Hi."}]').text == "Hi."
    hotwords = ['[{"Start":0,"End":1,', '"Speaker":0,"Content":"Ho."}]']
    assert model.transcribe(talk, hotwords=hotwords).text == "Ho."
    answer = model.transcribe(talk, instruction=ANSWER, streaming_segment_duration=2.0)
    assert (answer.text, answer.segments[0].speaker) == (ANSWER, None)
    assert model.transcribe(talk, max_completion_tokens=5).complete is False
    assert {one.channel for one in model.transcribe(talk, channels="split").segments} == {0}
    usages = [model.transcribe(talk, **more).usage for more in (Options(), Options(known_speakers={"Ada": talk}))]
    plain, named = (0 if usage is None else usage.audio_tokens for usage in usages)
    assert named > 2 * plain, "the clip stands in front"
    assert str(render(model.transcribe(talk), "srt")).startswith("1\n00:00:0")
    with pytest.raises(ValueError, match="srt needs to know what is said when"):
        render(answer, "srt")
    with pytest.raises(ValueError, match="no format 'doc'"):
        render(answer, "doc")


def test_names_in_one_text_are_those_between_its_commas() -> None:
    """And not each of its letters, which is what a text is a sequence of."""
    assert wishes_of({"hotwords": "Grün, Kyjiw"}).context == wishes_of({"hotwords": ["Grün", "Kyjiw"]}).context


def test_many_are_computed_together_and_fail_alone(model: Transcriber, engines: list[Engine], talk: Path) -> None:
    recordings: list[Recording] = [talk, "/nowhere.wav", talk, b"no sound", talk]
    outcomes = list(model.transcribe_all(recordings))
    assert [outcome.recording for outcome in outcomes] == recordings
    assert [outcome.transcript.text for outcome in outcomes[::2]] == [TEXT] * 3
    assert isinstance(outcomes[1].error, FileNotFoundError)
    assert isinstance(outcomes[3].error, TranscriptionError)
    assert outcomes[3].error.code == "unsupported_format"
    with pytest.raises(TranscriptionError, match="not audio"):
        _ = outcomes[3].transcript
    rows = engines[0].done.rows
    assert rows.total > sum(rows.counts), "rows of the same steps"


def test_whoever_takes_no_more_leaves_nothing_in_work(model: Transcriber, engines: list[Engine], talk: Path) -> None:
    for outcome in model.transcribe_all([talk] * 20):
        assert outcome.transcript.text == TEXT
        break
    assert model.transcribe(talk).text == TEXT


def test_what_is_wrong_is_one_error_with_a_code(model: Transcriber, talk: Path) -> None:
    with pytest.raises(TranscriptionError, match="whole frames") as told:
        model.transcribe(talk, streaming_segment_duration=1.0)
    assert (told.value.code, told.value.option) == ("invalid_value", "streaming_segment_duration")
    with pytest.raises(TranscriptionError) as told:
        model.transcribe(talk, temperature=7)
    assert told.value.option == "temperature"
    with pytest.raises(TranscriptionError) as told:
        model.transcribe(talk, prompt="x" * 20_000)
    assert told.value.code == "context_too_long"
    wrong: dict[str, Any] = {"promt": "trains"}
    with pytest.raises(TypeError, match="no option 'promt': there are prompt, hotwords"):
        model.transcribe(talk, **wrong)
    with pytest.raises(FileNotFoundError):
        model.transcribe("/nowhere.wav")


def test_what_this_model_cannot_do_is_told_likewise() -> None:
    with pytest.raises(TranscriptionError, match="takes no instruction") as refused, expected():
        raise NotOfThisModel("It takes no instruction.")
    assert refused.value.code == "not_of_this_model"


def test_a_forked_process_is_told_that_it_has_no_model(model: Transcriber, talk: Path) -> None:
    """Its threads did not come along: it would wait for ever."""
    there = multiprocessing.get_context("fork").Process(target=_transcribe_in_another, args=(model, talk))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads, since Python 3.12
        there.start()
    there.join(20)
    if there.is_alive():
        there.kill()
        there.join()
    assert there.exitcode == 0
    assert model.transcribe(talk).text == TEXT


def _transcribe_in_another(model: Transcriber, talk: Path) -> None:
    with pytest.raises(RuntimeError, match="another process"):
        model.transcribe(talk)


def test_settings_and_models_that_are_none() -> None:
    with pytest.raises(ValueError, match="window_minutes: Input should be greater than 0"):
        Transcriber("tiny", window_minutes=-1)
    with pytest.raises(ValueError, match="widow_minutes"):
        Transcriber("tiny", widow_minutes=1)
    with pytest.raises(ValueError, match="at_once"):
        Transcriber("tiny", at_once=0)


def test_a_model_that_does_not_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(settings: Settings, failed_starts: int) -> Engine:
        return Engine(miss_a_checkpoint, engine_settings(settings))

    monkeypatch.setattr(in_process, "make_engine", make)
    with pytest.raises(TranscriptionError, match=r"tokenizer\.json missing") as told:
        Transcriber("tiny", voice_encoder="none")
    assert told.value.code == "model_not_loaded"


def test_an_event_loop_that_runs_is_no_hindrance(engines: list[Engine], talk: Path) -> None:
    """As in a notebook; and the same with coroutines."""

    async def cell() -> list[str]:
        with Transcriber("tiny", voice_encoder="none") as blocking:
            texts = [blocking.transcribe(talk).text]
        async with AsyncTranscriber("tiny", voice_encoder="none") as model:
            texts += [one.text for one in await asyncio.gather(model.transcribe(talk), model.transcribe(talk))]
            outcomes: list[Outcome] = [outcome async for outcome in model.transcribe_all([talk])]
        with pytest.raises(RuntimeError, match="closed"):
            await model.transcribe(talk)
        return [*texts, *(outcome.transcript.text for outcome in outcomes)]

    assert asyncio.run(cell()) == [TEXT] * 4
    assert [engine.worker_pid for engine in engines] == [None, None]
