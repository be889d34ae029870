"""What a stream is and what it is asked: the verbs append, ask, crop and close, in what they take and bring about."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from model.seam.audio import Level

MOST_LIKELY = 20
"""Tokens that are told of a place where its likeliest are asked for."""

Likeliest = tuple[tuple[int, float], ...]
"""Tokens of one place with their log-probabilities, the likeliest first."""


class Priority(IntEnum):
    """Who goes first where not all can."""

    LIVE = 0
    """Somebody waits for every word while it is spoken. Asks for little at a time."""
    HIGH = 1
    """A recording that somebody paid, or has the right, to have before others."""
    NORMAL = 2
    BACKGROUND = 3
    """Nobody waits for it: it has what the others leave."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a stream is asked for.

    In float32, and everywhere with one order of summation, a guess changes how fast tokens come and none of them.

    Attributes:
        context: hotwords or background text for the instruction, or None.
        prefix: text the answer is forced to begin with: nothing, or ``[`` and whole segments (``[{...},{...}``). The
            model decides itself what follows the last segment's content; the answer tells which text was forced.
        guess: an answer that this one may resemble, such as the one to less audio, from its beginning on.
        temperature: 0 decodes greedily; above 0 samples from the scaled distribution.
        seed: of the sampling. It alone decides the noise, whatever the company in the batch.
        max_tokens: the answer is cut here and reported as such.
        whole: the started last frame of the audio is filled up with silence and heard; without, it waits for more.
        force_header: write the assistant header instead of letting the model say it (saves three steps).
        begun: answer tokens that were given before. They stand behind ``prefix`` as they are, none of them is emitted
            again, and the answer goes on as if it had not been interrupted: what is drawn next is drawn with the noise
            of its place. They count for ``max_tokens``. Behind the same audio those that the last question left in the
            KV cache are not computed again.
        top_p: of drawn tokens only the likeliest, which have this much of the probability together.
        said: a conversation about the audio in place of the request for a transcription: what user and assistant said
            by turns, the user first and last. Where the first words are none, they are that request. The context, where
            there is one, is told in front of them as in front of the request.
        likeliest: with each token come the ``MOST_LIKELY`` likeliest of its place.
    """

    context: str | None = None
    prefix: str = ""
    guess: str = ""
    temperature: float = 0.0
    seed: int = 0
    max_tokens: int = 4096
    whole: bool = True
    force_header: bool = True
    begun: tuple[int, ...] = ()
    top_p: float = 1.0
    said: tuple[str, ...] = ()
    likeliest: bool = False


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a stream will be; fixed for its life. It decides the room that is reserved.

    Attributes:
        frames: audio it will have at most.
        question: the most that it will be asked: room for its instruction and its longest answer.
        level: the gain that brings the audio to the level the model was trained on.
        priority: who goes first.
        system: text in place of the template's own in front of the audio; none leaves that.
        segment_frames: of the audio that are encoded at once, at most; None leaves it to the engine. In float32 it
            changes no embedding.
        adapter: name of the one that it is decoded with; None: the checkpoint as it is.
    """

    frames: int
    question: Question = field(default_factory=Question)
    level: Level = field(default_factory=Level)
    priority: Priority = Priority.NORMAL
    system: str = ""
    segment_frames: int | None = None
    adapter: str | None = None


class CannotFork(Exception):  # noqa: N818 - nothing is wrong
    """What a stream has heard cannot be another one's too: that one has to hear it by itself."""


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """How far a stream is.

    Attributes:
        waiting: whole audio frames that are not encoded.
        encoded: audio frames whose embeddings are inputs.
        queued: inputs that are not in the KV cache; none where the next one is not known before the last step is read.
        cached: inputs in the KV cache.
        kept: inputs in the KV cache beside them, which a question that was taken back has left there.
        answered: tokens of the present answer, those given before and those of unread steps included.
        later: inputs that become queued as the answer goes on: windows of a stream that is written by turns.
    """

    waiting: int = 0
    encoded: int = 0
    queued: int = 0
    cached: int = 0
    answered: int = 0
    kept: int = 0
    later: int = 0
