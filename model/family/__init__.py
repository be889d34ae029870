"""Families of checkpoints: how each cuts audio into frames, asks for an answer, and writes it. No torch.

A family is a folder here and a line in ``FAMILIES``. Its ``Family`` can be imported, and
sent to another process, without torch; what needs Transformers is imported when it is called. Answers are read in
``server.transcript``: what a model writes is laxer than its grammar.
"""

from __future__ import annotations

from model.family.family import Family, Grammar, Outline, Prompt, Turns
from model.family.geometry import Geometry
from model.family.vibevoice_asr import VIBEVOICE_ASR
from model.family.vibevoice_asr_streaming import VIBEVOICE_ASR_STREAMING

__all__ = [
    "FAMILIES",
    "VIBEVOICE_ASR",
    "VIBEVOICE_ASR_STREAMING",
    "Family",
    "Geometry",
    "Grammar",
    "Outline",
    "Prompt",
    "Turns",
]

FAMILIES = (VIBEVOICE_ASR, VIBEVOICE_ASR_STREAMING)
"""All that can be served; ``model.loading.layout`` recognises them by their ``config.json``."""
