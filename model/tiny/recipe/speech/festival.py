"""What festival says. Needs the system program festival with its voices.

Debian's packages: festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts festlex-cmu festlex-poslex.
"""

import atexit
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache

import soundfile  # type: ignore[import-untyped]

from .speaker import Part, Speaker, utterance
from .utterance import Utterance

VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")

_END = "that is all"

# `speak` prints a line for each word and each sound, with tabs. By itself festival takes some letters for Roman numbers
# or for the article; "I", mostly the pronoun, is left to it. Of the two paces, the second is that of the voices by HTS.
# What is set, the next `voice.select` undoes.
_SPEAK = """
(defvar hts_engine_params nil)
(define (speak text voice stretch file)
  (voice.select voice)
  (let ((usual token_to_words))
    (set! token_to_words
      (lambda (token name)
        (if (string-matches name "[A-HJ-Z]")
          (list (list (list 'name name) (list 'pos token.letter_pos)))
          (usual token name)))))
  (Parameter.set 'Duration_Stretch (* stretch (Parameter.get 'Duration_Stretch)))
  (set! hts_engine_params (append hts_engine_params (list (list "-r" (/ 1 stretch)))))
  (let ((said (utt.synth (eval (list 'Utterance 'Text text)))))
    (mapcar
      (lambda (word)
        (format t "word\\t%s\\t%f\\t%f\\t%s\\n" (item.name word) (item.feat word "word_start")
          (item.feat word "word_end") (item.feat word "R:Token.parent.id")))
      (utt.relation.items said 'Word))
    (mapcar
      (lambda (sound) (format t "sound\\t%s\\t%f\\n" (item.name sound) (item.feat sound "end")))
      (utt.relation.items said 'Segment))
    (utt.save.wave said file 'riff)))
"""


class _Festival:
    """The program, which takes a while to start and then says one utterance after the other."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - for as long as the program runs; it leaves no trace
        self.path = f"/dev/fd/{self.file.fileno()}"  # of the file, to the program
        self._program = subprocess.Popen(
            ["festival", "--pipe"],  # noqa: S607 - wherever the system has it
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            pass_fds=[self.file.fileno()],
        )
        atexit.register(self.close)
        self.evaluate(_SPEAK)

    def close(self) -> None:
        """End the program, as the end of its input also does."""
        self._program.communicate()
        self.file.close()

    def evaluate(self, expression: str) -> list[str]:
        """The lines that it prints, its complaints among them."""
        assert self._program.stdin is not None
        assert self._program.stdout is not None
        self._program.stdin.write(f'{expression}\n(begin (format t "{_END}\\n") (fflush))\n')
        self._program.stdin.flush()
        lines: list[str] = []
        for line in self._program.stdout:
            if line.strip() == _END:
                return lines
            lines.append(line.strip())
        raise OSError(f"festival ended: {' '.join(lines)}")


@cache
def _festival(process: int) -> _Festival:  # a fork needs its own
    return _Festival()


def say(words: Sequence[str], separator: str, speaker: Speaker) -> Utterance:
    """The words as one utterance, with `separator` (", " or " ") between them; a single capital is a letter's name.

    OSError where festival or the voice is not installed. ValueError where it says other words than these.
    """
    festival = _festival(os.getpid())
    text = json.dumps(separator.join(words))
    parts, ends = [], []
    for line in festival.evaluate(f"(speak {text} '{speaker.name} {speaker.stretch} {json.dumps(festival.path)})"):
        match line.split("\t"):
            case ["word", name, start, end, token]:
                parts.append(Part(name, float(start), float(end), token))
            case ["sound", name, end]:
                ends.append((name, float(end)))
            case _:
                raise OSError(f"festival, for {text}: {line}")
    festival.file.seek(0)
    samples, rate = soundfile.read(festival.file, dtype="int16")
    return utterance(words, samples, rate, parts, ends)
