"""A transcript that examples are made of, by the same functions that make answers."""

from __future__ import annotations

from server.transcript.segments import Segment, Transcript, Usage

TRANSCRIPT = Transcript(
    segments=(
        Segment(0, 0.0, 2.4, 0, "Good morning, how are you?", -0.08, (15216, 6821, 11)),
        Segment(1, 2.4, 3.1, None, "[Silence]", -0.02, (58, 27571, 60)),
        Segment(2, 3.1, 5.0, 1, "Very well, thank you.", -0.11, (25756, 1632, 11)),
    ),
    duration=5.2,
    usage=Usage(audio_tokens=39, text_tokens=46, answer_tokens=64),
)
