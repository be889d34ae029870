"""Drafts: answer tokens a forward, by kind of recording, as the runner would accept them.

python -m bench.parts.drafts [--tokenizer FOLDER]

Replays written answers token by token: no model and no clock, the figures are the same everywhere. FOLDER holds a
tokenizer.json, of the real checkpoint for instance; by default the bundled one's. Text and times are made up.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from transformers import AutoTokenizer

from bench.support.report import Report, parser
from model.drafts.answer_draft import AnswerDraft
from model.drafts.bounds import DRAFT_POSITIONS
from model.drafts.phrases import context_phrases
from model.drafts.token_texts import TokenTexts
from model.family import VIBEVOICE_ASR

ANSWERS = Path(__file__).with_name("answers.json")
TINY = Path(__file__).parents[2] / "model" / "tiny" / "checkpoint"


class Draft(Protocol):
    """Follows an answer and guesses how it goes on."""

    def follow(self, tokens: list[int]) -> None: ...

    def guess(self, unread: int = 0) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model might write as the answer to a recording of some kind. ``context``: of the prompt."""

    kind: str
    context: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Replay:
    """How an answer came about.

    Attributes:
        tokens: of the answer.
        forwards: in which they came.
        guessed: tokens that were verified beside them.
        right: of these.
        held: forwards that had guesses in them.
    """

    tokens: int
    forwards: int
    guessed: int
    right: int
    held: int

    @property
    def rate(self) -> float:
        """Tokens a forward."""
        return self.tokens / self.forwards


def answers() -> list[Answer]:
    """The answers of the bench."""
    return [
        Answer(one["kind"], one["context"], json.dumps(one["segments"], ensure_ascii=False, separators=(",", ":")))
        for one in json.loads(ANSWERS.read_text(encoding="utf-8"))
    ]


def answer_draft(tokenizer: Any, answer: Answer) -> AnswerDraft:
    """The runner's draft behind the header."""
    texts = TokenTexts(tokenizer)
    grammar = VIBEVOICE_ASR.grammar
    draft = AnswerDraft(texts, grammar.outline(), context_phrases(texts, answer.context))
    draft.follow(texts.ids(grammar.header))
    return draft


def replay(draft: Draft, tokens: Sequence[int], *, ahead: bool) -> Replay:
    """Let an answer come about. ``ahead``: a step is launched before the last one is read, unless that had guesses.

    What rides behind an unread token is guessed without knowing it.
    """
    place = unread = forwards = guessed = right = held = 0
    while place + unread < len(tokens):
        guess = draft.guess(unread)[:DRAFT_POSITIONS]
        forwards += 1
        draft.follow(list(tokens[place : place + unread]))
        place += unread
        matches = [guessed == token for guessed, token in zip(guess, tokens[place:], strict=False)]
        confirmed = matches.index(False) if False in matches else len(matches)
        if not guess and ahead:
            unread = 1
            continue
        unread = 0
        came = tokens[place : place + confirmed + 1]
        draft.follow(list(came))
        place += len(came)
        guessed, right, held = guessed + len(guess), right + confirmed, held + bool(guess)
    return Replay(len(tokens), forwards, guessed, right, held)


def main() -> None:
    """Run the bench and print its table."""
    command = parser(__doc__)
    command.add_argument("--tokenizer", type=Path, default=TINY)
    options = command.parse_args()
    if not (options.tokenizer / "tokenizer.json").is_file():
        command.error(f"{options.tokenizer} has no tokenizer.json")
    tokenizer = AutoTokenizer.from_pretrained(options.tokenizer)
    report = Report("drafts")
    rows = []
    for answer in answers():
        tokens = TokenTexts(tokenizer).ids(answer.text)
        known, unknown = (replay(answer_draft(tokenizer, answer), tokens, ahead=ahead) for ahead in (False, True))
        shares = (f"{known.right / known.guessed:.2f}", f"{known.held / known.forwards:.2f}")
        rows.append([answer.kind, str(len(tokens)), f"{known.rate:.2f}", f"{unknown.rate:.2f}", *shares])
    header = ["recording", "tokens", "tokens a forward", "launched ahead", "guesses right", "forwards with guesses"]
    report.table(header, rows)
    if options.record:
        report.record()


if __name__ == "__main__":
    main()
