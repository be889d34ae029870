"""Ten new words for the tiny checkpoint, and whether it keeps the old ones.

    python -m bench.new_words [--recordings 2400] [--steps 900] [--work .cache/new_words] [--record]

Recordings are made with espeak-ng, half of them with words that the checkpoint has never heard. The decoder itself
learns from them (model.finetune), its head as well: the checkpoint has never written the tokens of these words. Then
both checkpoints answer recordings by voices that neither has heard. A quarter of an hour on one core; with 400
recordings and 140 steps it takes three minutes, and the old words suffer.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tokenizers import Tokenizer

from bench.new_words.material import NEW_WORDS, Material, make
from bench.support.engine import transcribe
from bench.support.report import Goal, Report, machine, parser
from model.finetune.command import run
from model.finetune.evaluation import edits, said_in, words_of
from model.finetune.hearing import read_audio
from model.finetune.lines import Line, read_lines
from model.finetune.training import LOG, WHOLE
from model.start import load_runner

_TOKENS = 400
_NEW = frozenset(word.casefold() for word in NEW_WORDS)
_AT_ONCE = 12


@dataclass(frozen=True, slots=True)
class Heard:
    """Of some recordings: ``wrong`` of ``words``; ``found`` of the new words in them, which are ``new``."""

    wrong: int
    words: int
    found: int
    new: int

    @property
    def word_errors(self) -> float:
        return self.wrong / self.words

    @property
    def recall(self) -> float:
        return self.found / max(1, self.new)


def main() -> None:
    """Make, teach, measure."""
    command = parser(__doc__)
    command.add_argument("--recordings", type=int, default=2400)
    command.add_argument("--held-out", type=int, default=24)
    command.add_argument("--steps", type=int, default=900)
    command.add_argument("--seed", type=int, default=3)
    command.add_argument("--work", type=Path, default=Path(".cache/new_words"))
    options = command.parse_args()
    report = Report("new words")
    report.say(f"{machine()}. The words: {', '.join(NEW_WORDS)}.")
    began = monotonic()
    material = make(options.work, recordings=options.recordings, held_out=options.held_out, seed=options.seed)
    made = monotonic()
    _teach(material, options.work / "taught", options.steps)
    measured = _measured(material, options.work / "taught" / WHOLE)
    _tell(report, measured, (made - began) / 60, _minutes(options.work / "taught" / LOG))
    if options.record:
        report.record(Path("docs/finetuning.md"))


def _teach(material: Material, folder: Path, steps: int) -> None:
    """Goes on with what an earlier run has left."""
    course = ["--model", "tiny", "--method", "full", "--learned", "answer", "--no-recompute"]
    course += ["--rate", "4e-4", "--batch", "8", "--accumulate", "1", "--steps", str(steps)]
    resume = ["--resume"] if (folder / "state.pt").exists() else []
    if status := run([str(material.learned), "--output", str(folder), *course, *resume], prog="teaching"):
        raise SystemExit(status)


def _minutes(log: Path) -> float:
    """Of all steps, also those of earlier runs."""
    steps = [json.loads(line) for line in log.read_text().splitlines()]
    return float(sum(step.get("seconds", 0) for step in steps)) / 60


def _measured(material: Material, taught: Path) -> dict[tuple[str, str], Heard]:
    """By recordings (new, old) and checkpoint (before, after)."""
    found = {}
    for when, source in (("before", "tiny"), ("after", str(taught))):
        runner = load_runner(source, device="cpu", dtype="float32")
        tokenizer = Tokenizer.from_file(str(Path(runner.info.checkpoint_path) / "tokenizer.json"))
        for kind, file in (("new", material.new), ("old", material.old)):
            lines = read_lines(file)
            clips = [read_audio(line.audio) for line in lines]
            answers = transcribe(runner, clips, concurrency=_AT_ONCE, tokens=_TOKENS)
            found[kind, when] = _heard(lines, [tokenizer.decode(tokens) for tokens in answers])
    return found


def _heard(lines: list[Line], answers: list[str]) -> Heard:
    wrong = words = found = new = 0
    for line, answer in zip(lines, answers, strict=True):
        true, written = words_of(" ".join(each.text for each in line.segments)), words_of(said_in(answer))
        wrong += edits(true, written)
        words += len(true)
        wanted = Counter(word for word in true if word in _NEW)
        new += wanted.total()
        found += (wanted & Counter(written)).total()
    return Heard(wrong, words, found, new)


def _tell(report: Report, measured: dict[tuple[str, str], Heard], making: float, teaching: float) -> None:
    rows = []
    for kind, name in (("new", "with new words, other voices"), ("old", "old words, the bundled held-out set")):
        before, after = measured[kind, "before"], measured[kind, "after"]
        recall = f"{before.found} → {after.found} of {after.new}" if after.new else ""
        rows.append([name, f"{before.word_errors:.1%} → {after.word_errors:.1%} of {after.words}", recall])
    report.table(["recordings", "word errors, before → after", "new words found"], rows)
    report.say(f"Recordings made in {making:.1f} minutes, learned in {teaching:.1f} minutes.")
    lost = measured["old", "after"].word_errors - measured["old", "before"].word_errors
    report.goals(
        [
            Goal("new-words-found", measured["new", "after"].recall, 0.8),
            Goal("old-words-lost", lost, 0.02, at_least=False),
        ]
    )


if __name__ == "__main__":
    main()
