"""Times as subtitles have them."""

from __future__ import annotations


def timestamp(milliseconds: int, point: str) -> str:
    """``01:02:03`` and the milliseconds behind ``point``."""
    total, rest = divmod(milliseconds, 1000)
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}{point}{rest:03}"
