"""A window is opened: its level, what is reserved for it, and what stands in front of its audio."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.seam.audio import SAMPLE_RATE, Level, clip_level
from model.seam.streams import Priority, Question, StreamSpec
from server.context import context_tokens
from server.engine.budget import answer_budget, live_answer_budget
from server.engine.client.engine import Engine
from server.transcript.detokenizer import Vocabulary
from server.windows.block import Block
from server.windows.heard_audio import HeardAudio
from server.windows.speakers import Speakers
from server.windows.turn_window import TurnWindow
from server.windows.voices import VoiceSample
from server.windows.window import Window


async def open_window(
    engine: Engine,
    vocabulary: Vocabulary,
    *,
    seconds: float,
    context: str | None,
    priority: Priority,
    request_id: str,
    speakers: Speakers,
    voices: Sequence[VoiceSample],
    going_on: int | None = None,
    blocks: Sequence[Block],
    level: Level | None = None,
    loop_guard: bool = True,
    adapter: str | None = None,
) -> Window:
    """A window of at most ``seconds``, with what was said by ``voices`` in front of ``blocks``; not both are empty.

    ``voices``: of some of the ``speakers``. ``going_on``: who speaks where ``blocks`` begin, if known.

    The level, where none is given, is that of this audio. It stays for the window's life: what is in the KV cache
    cannot become louder. Raises EngineError, and EngineUnavailable where no worker can be had any more.
    """
    assert engine.info is not None
    if level is None:
        heard = (*(voice.block.samples for voice in voices), *(block.samples for block in blocks))
        level = clip_level(np.concatenate(heard))
    family = engine.info.family
    if family.turns is not None:  # each pause fills a window up
        seconds += family.geometry.filling(1) / SAMPLE_RATE
    budget_of = live_answer_budget if priority is Priority.LIVE else answer_budget
    budget = budget_of(engine.info, seconds, context_tokens=context_tokens(context))
    question = Question(context, max_tokens=budget)
    spec = StreamSpec(family.geometry.frames_of(seconds), question, level, priority, adapter=adapter)
    source = HeardAudio()
    stream = engine.open(spec, request_id=request_id, source=source)
    kind = Window if family.turns is None else TurnWindow
    numbers = speakers.numbers([voice.speaker for voice in voices], going_on)
    window = kind(stream, source, vocabulary, family, question, level, numbers, loop_guard=loop_guard)
    try:
        for voice in voices:
            await window.introduce(voice)
        for block in blocks:
            await window.append(block)
    except BaseException:
        window.close()
        raise
    return window
