"""The small VibeVoice-ASR-Streaming as a folder in the original layout, assembled once, in the ignored cache."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from model.tiny.streaming import make
from tests.support.qwen import cached


@cache
def folder() -> Path:
    """The folder. Shared by everybody: not to be changed."""
    parts = (make.ADAPTER, make.TINY / "model.safetensors", Path(make.__file__))
    return cached("streaming", make.assemble, *parts)
