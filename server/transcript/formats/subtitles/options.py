"""How subtitles are to be made, with the defaults of the guides that subtitlers work by."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SubtitleOptions:
    """Limits of a cue. A column is a letter; wide characters (Han, kana, Hangul, emoji) take two.

    The defaults are those of Netflix's Timed Text Style Guides (General Requirements and Subtitle Timing Guidelines):
    42 columns, 2 lines, 5/6 to 7 seconds, two frames between cues, and 17 characters a second, which they allow in
    most languages (20 in English). The BBC's guidelines come to the same: two lines, 160 to 180 words a minute.

    Attributes:
        line_width: columns of a line. Only a word that is longer stands on a longer line.
        line_count: lines of a cue.
        min_duration: seconds a cue is shown at least, where there is room.
        max_duration: seconds a cue is shown at most; not less than ``min_duration``.
        max_cps: columns that people read in a second.
        min_gap: seconds between two cues.
        speaker_labels: tell who speaks, where there are several.
        audio_events: show sounds that are no speech, as the model names them.
    """

    line_width: int = 42
    line_count: int = 2
    min_duration: float = 0.833
    max_duration: float = 7.0
    max_cps: float = 17.0
    min_gap: float = 0.083
    speaker_labels: bool = True
    audio_events: bool = False

    def reading_time(self, columns: int) -> float:
        """Seconds that so much text should be shown, to the next millisecond."""
        reading = math.ceil(1000 * columns / self.max_cps) / 1000
        return min(max(reading, self.min_duration), self.max_duration)


DEFAULT_SUBTITLES = SubtitleOptions()
