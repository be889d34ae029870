"""Whether a recording, and what its caller adds to the prompt, fit the context: told before anything is begun."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from model.seam.runner import RunnerInfo
from server.context import ContextRoom, ContextTooLong, context_tokens
from server.engine.budget import context_limit, context_room, pass_seconds
from server.engine.capacity import check_pass
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.recordings.errors import NotOfThisModel, UnusableReference
from server.recordings.wishes import Wishes
from server.transcript.detokenizer import Vocabulary

_SHORT_CONTEXT = 2_000
"""Characters whose tokens are counted in less time than a thread takes to begin."""
_LEAST_WINDOW = 30.0
"""Seconds: in shorter ones a recording is not heard for the sake of a long context."""


def check_family(info: RunnerInfo, wishes: Wishes) -> None:
    """Raise UnusableReference, or NotOfThisModel, for what a model that writes by turns with the audio cannot do."""
    if info.family.turns is None:
        return
    if wishes.speakers:
        raise UnusableReference(
            f"{info.family.name} writes no times, without which known speakers cannot be recognised."
        )
    if wishes.instruction is not None:
        raise NotOfThisModel(f"{info.family.name} writes what it hears, and takes no instruction.")


async def tokens_told(vocabulary: Vocabulary, wishes: Wishes) -> int:
    """Of all that the caller adds; of something long they are counted in a thread."""
    told, count = wishes.told, vocabulary.count
    if not told:
        return 0
    return count(told) if len(told) <= _SHORT_CONTEXT else await asyncio.to_thread(count, told)


def check_told(info: RunnerInfo, tokens: int, seconds: float, wishes: Wishes) -> None:
    """Raise ContextTooLong where ``seconds`` of audio would fit without so many tokens of the caller's."""
    room = context_room(info, seconds, answer_tokens=wishes.max_tokens)
    if tokens and room >= 0:
        ContextRoom(room, seconds, len).check_tokens(tokens)


def check_heard(
    info: RunnerInfo, lengths: Sequence[float], at_once: Sequence[float], longest: float, wishes: Wishes
) -> None:
    """Raise EngineError where what is heard at once, or the least of it that makes sense, never fits.

    Raise ContextTooLong where it is the context that leaves less than that.

    Args:
        info: of the runner.
        lengths: seconds of the streams.
        at_once: seconds of each that are heard at once.
        longest: seconds of a window where nothing but the wish counts.
        wishes: of the caller.
    """
    for heard, length in zip(at_once, lengths, strict=True):
        if wishes.instruction is not None:
            _check_whole(info, length, wishes)
        least = min(length, _LEAST_WINDOW, longest)
        check_pass(info, max(heard, least), answer_tokens=wishes.max_tokens)
        if heard < least:
            raise ContextTooLong(f"leaves room to hear {heard:.0f} s of audio at once, and {least:.0f} s are needed")


def _check_whole(info: RunnerInfo, seconds: float, wishes: Wishes) -> None:
    """What is asked about all of a recording is asked when all of it was heard: windows have no common answer."""
    longest = pass_seconds(info.family, context_limit(info) - context_tokens(wishes.told))
    if seconds > longest:
        raise EngineError(
            FailureCode.TOO_LONG,
            f"An instruction is answered about a recording that is heard at once, of which this server has room for "
            f"{int(longest)} s, and this one lasts {seconds:.0f} s: send a part of it, or leave the instruction out to "
            "have all of it transcribed, in windows.",
        )
