"""Why a checkpoint cannot be taught as asked."""

from __future__ import annotations

from model.errors import StartError

EXTRA = "pip install 'vibevoice-asr-server[finetune]'"


class DataError(StartError):
    """What is to be learned from cannot be read, or makes no sense; the message says where."""


class CourseError(StartError):
    """The course cannot be run, or not be taken up again."""
