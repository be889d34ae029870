"""The device that is played by ``make bench-overhead``, under the real step loop."""

from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer

from bench.overhead.speaker import TINY, Speaker, answer_to
from bench.overhead.start import PIECES, large_vocabulary
from bench.support.engine import Job, work_off
from model.seam.audio import SAMPLE_RATE
from server.engine.settings import EngineSettings
from server.transcript.detokenizer import Vocabulary

_LONGEST = 32_768
"""Tokens of an answer."""


def test_says_as_much_as_there_is_audio_whoever_else_is_there() -> None:
    seconds = [2.0, 30.0, 61.0, 300.0]
    speaker = Speaker()
    jobs = [Job.of(np.zeros(round(each * SAMPLE_RATE), np.float32), _LONGEST) for each in seconds]
    answers = work_off(speaker, jobs, concurrency=3, settings=EngineSettings())
    tokenizer = Tokenizer.from_file(str(TINY / "tokenizer.json"))
    assert [tokenizer.decode(answer) for answer in answers] == list(map(answer_to, seconds))
    assert speaker.free_pages == speaker.info.pages


def test_an_hour_is_no_longer_than_an_answer_may_be() -> None:
    tokenizer = Tokenizer.from_file(str(TINY / "tokenizer.json"))
    assert len(tokenizer.encode(answer_to(3600)).ids) < _LONGEST


def test_a_large_vocabulary_can_be_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    vocabulary = Vocabulary.load(large_vocabulary(tmp_path_factory.mktemp("checkpoint")))
    assert vocabulary.bytes_of(PIECES)
