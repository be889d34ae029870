"""Finds answers that run in circles while they are written. Pure: text and the audio's length in, a verdict out."""

from server.transcript.repetition.guard import RepetitionGuard
from server.transcript.repetition.loop import Loop, LoopKind
from server.transcript.repetition.turn_guard import TurnGuard
from server.transcript.repetition.window_repeats import WindowRepeats

__all__ = ["Loop", "LoopKind", "RepetitionGuard", "TurnGuard", "WindowRepeats"]
