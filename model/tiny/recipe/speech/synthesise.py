"""Make the speech of Kokoro, flite and festival: `python -m model.tiny.recipe.speech.synthesise kokoro`.

One file for an utterance; what is there already stays, so that a stopped run goes on, and several runs may share the
work (`--part 0 --of 2`). Kokoro takes hours, the others minutes.
"""
# ruff: noqa: T201

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from . import casts, festival, flite, kokoro
from .script import Line, file_of, script
from .speaker import Speaker
from .utterance import Utterance

_TAKES = 4
"""So often one of the few voices of flite and festival says everything, at other paces each time."""

Says = Callable[[Sequence[str], str, Speaker], Utterance]
Job = tuple[str, int, Line, Callable[[Line], Utterance]]
"""A speaker's name, the number of a line among his, the line, and who says it."""


def _kokoro(model: Path) -> Iterator[Job]:
    voice = kokoro.Kokoro(model)
    learned, held_out = kokoro.speakers(voice.names)
    for speaker in (*held_out, *learned):

        def say(line: Line, speaker: kokoro.Blend = speaker) -> Utterance:
            return voice.say(line.words, speaker, line.separator, line.speed)

        for number, line in enumerate(script(speaker.name)):
            yield speaker.name, number, line, say


def _festival() -> Iterator[Job]:
    for voice in (*casts.LEARNED, *casts.HELD_OUT):
        says = flite.say if voice.program == "flite" else festival.say

        def say(line: Line, voice: Speaker = voice, says: Says = says) -> Utterance:
            return says(line.words, line.separator, replace(voice, stretch=1 / line.speed))

        for take in range(_TAKES):
            for number, line in enumerate(script(f"{casts.name_of(voice)}/{take}")):
                yield casts.name_of(voice), 1000 * take + number, line, say


def _make(folder: Path, jobs: Iterator[Job], part: int, of: int) -> None:
    """What is not there yet of every `of`th job."""
    for place, (name, number, line, say) in enumerate(jobs):
        path = file_of(folder, name, number, listed=line.listed)
        if place % of != part or path.exists():
            continue
        try:
            say(line).save(path)
        except ValueError as error:  # the program said other words
            print(f"{path.name}: {error}", flush=True)


def main() -> None:
    """Say everything that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("family", choices=("kokoro", "festival"))
    parser.add_argument("--work", type=Path, default=Path(".cache/tiny"), help="speech is kept in its folder speech")
    parser.add_argument("--voices", type=Path, help="the folder of the npm package kokoro-js that holds its voices")
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--of", type=int, default=1)
    options = parser.parse_args()
    os.nice(5)
    folder = options.work / "speech" / options.family
    folder.mkdir(parents=True, exist_ok=True)
    if options.family == "festival":
        _make(folder, _festival(), options.part, options.of)
        return
    model = options.work / "kokoro"
    if not (model / "model.onnx").exists():
        if options.voices is None:
            parser.error("say with --voices where the voices are")
        kokoro.build(model, options.voices)
    _make(folder, _kokoro(model), options.part, options.of)


if __name__ == "__main__":
    main()
