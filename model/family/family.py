"""What has to be known of a family of checkpoints. No torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from model.family.geometry import Geometry


class Prompt(Protocol):
    """Token ids around the audio, for one checkpoint of the family.

    Attributes:
        before_audio: in front of the first frame; the same for every request that has no ``system`` of its own.
        stop_ids: tokens that end an answer.
    """

    before_audio: list[int]
    stop_ids: frozenset[int]

    def before(self, system: str) -> list[int]:
        """In front of the first frame where a caller's ``system`` stands in place of the template's; that where it is
        none, or the template has no place for it."""
        ...

    def after_audio(self, seconds: float, context: str | None = None, *, said: Sequence[str] = ()) -> list[int]:
        """Behind the last frame: the instruction, which may name how long the audio is, and the caller's context.

        Args:
            said: what user and assistant said by turns, the user's words behind the audio first and last. It stands in
                place of all that the template would say there: no duration, no instruction. Where the first words are
                none, they are the template's. With a context they stand behind it, as the template's own request does.
        """
        ...

    def answer_start(self, prefix: str = "", *, header: bool = True) -> list[int]:
        """What the answer is forced to begin with: a header, then ``prefix`` as far as the model may go on from it."""
        ...

    def answer(self, text: str, *, header: bool = True) -> list[int]:
        """An answer as the model would write it."""
        ...

    def text(self, ids: list[int]) -> str:
        """The text that ``ids`` stand for."""
        ...


class Outline(Protocol):
    """Follows one answer and tells how it goes on where the grammar says so.

    Attributes:
        in_content: the text goes on with what was said.
    """

    in_content: bool

    def follow(self, text: str) -> None:
        """The text of the next token."""
        ...

    def foreseen(self, *, unread: bool = False) -> str:
        """What comes next as far as it can be told. ``unread``: the next token is chosen, but nobody knows it yet."""
        ...


class Grammar(Protocol):
    """How answers are written. Holds nothing, so that it can be sent to another process.

    Attributes:
        header: text in front of an answer where the model is not spared to write it.
        lead: with which every segment begins.
    """

    @property
    def header(self) -> str: ...

    @property
    def lead(self) -> str: ...

    def segment(self, start: float, end: float, speaker: int | None, text: str) -> str:
        """A segment as the model writes it; times in seconds, no speaker where nobody speaks."""
        ...

    def begun(self, start: float) -> str:
        """The beginning of a segment that starts then: what comes next is when it ends."""
        ...

    def opening(self, segments: Iterable[str]) -> str:
        """The beginning of an answer that has these segments, with nothing said about what follows the last one."""
        ...

    def outline(self) -> Outline:
        """For an answer that is about to be written."""
        ...


@dataclass(frozen=True, slots=True)
class Turns:
    """Of a family that hears and writes by turns: a window of audio, what is said in it, the next window behind that.

    Attributes:
        end: token behind the text of a window; -1 where the checkpoint's vocabulary is not known.
        longest: tokens of text that a window may have.
    """

    end: int
    longest: int


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of checkpoint.

    Attributes:
        name: short, as in ``model.family``.
        repository: of the checkpoint that messages tell to take.
        model_type: in the ``config.json`` that Transformers writes for it; None where it has no class of its own.
        original: pattern of the architecture in the ``config.json`` of Microsoft's own code, whose model type says
            nothing.
        geometry: how it cuts audio into frames.
        grammar: how it writes its answers.
        prompt_tokens: most of a prompt beside audio and context: instruction, duration, header.
        check_processor: (processor, configuration, name of the checkpoint) → None; raises CheckpointError where the
            tokenizer or template is of another model.
        prompt: a processor that was checked → the checkpoint's prompt.
        levelled: audio is brought to the level that the model was trained on; else it is heard as it is.
        turns: of a family that writes while it hears; None where the answer comes behind all of the audio.
        of_checkpoint: (folder of the small files, processor, name of the checkpoint) → the family as this checkpoint
            has it, where not all of them are alike; raises CheckpointError.
    """

    name: str
    repository: str
    model_type: str | None
    original: str
    geometry: Geometry
    grammar: Grammar
    prompt_tokens: int
    check_processor: Callable[[Any, Any, str], None]
    prompt: Callable[[Any], Prompt]
    levelled: bool = True
    turns: Turns | None = None
    of_checkpoint: Callable[[Path, Any, str], Family] | None = None
