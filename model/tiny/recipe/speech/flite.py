"""What flite says. Needs the system program flite, as a library (Debian's package: flite)."""

import ctypes
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from .speaker import Part, Speaker, utterance
from .utterance import Utterance

VOICES = ("awb", "rms", "slt", "kal16")

# Letters that flite may take for the article or for Roman numbers are words of our own to it. "I" is
# left to it: mostly the pronoun.
_LETTERS = {"A": "ey1", "V": "v iy1", "X": "eh1 k s"}
_OURS = {letter: f"letter{letter.lower()}" for letter in _LETTERS}
_THEIRS = {name: letter for letter, name in _OURS.items()}

_FIRST_SOUND = b"R:SylStructure.daughter1.daughter1.R:Segment."
_LAST_SOUND = b"R:SylStructure.daughtern.daughtern."


class _Voice(ctypes.Structure):
    """The beginning of cst_voice of flite's cst_voice.h."""

    _fields_ = [("name", ctypes.c_char_p), ("features", ctypes.c_void_p)]


class _Wave(ctypes.Structure):
    """cst_wave of flite's cst_wave.h."""

    _fields_ = [
        ("type", ctypes.c_char_p), ("rate", ctypes.c_int), ("count", ctypes.c_int), ("channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]  # fmt: skip


@cache
def _library() -> Any:
    library = ctypes.CDLL("libflite.so.1")
    pointer, text, real = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float
    for name, result, arguments in (
        ("flite_synth_text", pointer, (text, ctypes.POINTER(_Voice))),
        ("flite_feat_set_float", None, (pointer, text, real)),
        ("flite_voice_add_lex_addenda", ctypes.c_int, (ctypes.POINTER(_Voice), text)),
        ("delete_utterance", None, (pointer,)),
        ("utt_wave", ctypes.POINTER(_Wave), (pointer,)),
        ("utt_relation", pointer, (pointer, text)),
        ("relation_head", pointer, (pointer,)),
        ("item_next", pointer, (pointer,)),
        ("item_parent", pointer, (pointer,)),
        ("item_as", pointer, (pointer, text)),
        ("flite_ffeature_string", text, (pointer, text)),
        ("flite_ffeature_float", real, (pointer, text)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.flite_init()
    return library


@cache
def _voice(name: str) -> Any:
    """A pointer to the voice, which the program keeps."""
    library = _library()
    register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
    register.restype, register.argtypes = ctypes.POINTER(_Voice), (ctypes.c_char_p,)
    voice = register(None)
    with tempfile.NamedTemporaryFile("w") as lexicon:
        lexicon.writelines(f'"{_OURS[letter]}" nil : {sounds}\n' for letter, sounds in _LETTERS.items())
        lexicon.flush()
        library.flite_voice_add_lex_addenda(voice, lexicon.name.encode())
    return voice


def _items(said: int, relation: bytes) -> Iterator[int]:
    library = _library()
    item = library.relation_head(library.utt_relation(said, relation))
    while item:
        yield item
        item = library.item_next(item)


def _part(word: int) -> Part:
    text, number = _library().flite_ffeature_string, _library().flite_ffeature_float
    start, end = number(word, _FIRST_SOUND + b"p.end"), number(word, _LAST_SOUND + b"end")
    token = str(_library().item_parent(_library().item_as(word, b"Token")))
    name = text(word, b"name").decode()
    return Part(_THEIRS.get(name, name), start, end, token)


def say(words: Sequence[str], separator: str, speaker: Speaker) -> Utterance:
    """The words as one utterance, with `separator` (", " or " ") between them; a single capital is a letter's name.

    OSError where flite is not installed. ValueError where it says other words than these.
    """
    library, voice = _library(), _voice(speaker.name)
    library.flite_feat_set_float(voice.contents.features, b"duration_stretch", speaker.stretch)
    written = separator.join(_OURS.get(word, word) for word in words)
    said = library.flite_synth_text(written.encode(), voice)
    try:
        wave = library.utt_wave(said).contents
        samples = np.ctypeslib.as_array(wave.samples, (wave.count,)).astype(np.int16)  # a copy
        parts = [_part(word) for word in _items(said, b"Word")]
        text, number = library.flite_ffeature_string, library.flite_ffeature_float
        ends = [(text(sound, b"name").decode(), number(sound, b"end")) for sound in _items(said, b"Segment")]
        return utterance(words, samples, wave.rate, parts, ends)
    finally:
        library.delete_utterance(said)
