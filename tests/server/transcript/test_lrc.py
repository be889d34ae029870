"""Lyrics with times: a line for each cue, and an empty one where nothing is said."""

from __future__ import annotations

import io
from dataclasses import replace

import av

from server.transcript.formats import render_lrc
from server.transcript.segments import Segment, Transcript


def test_lines_with_times() -> None:
    said = [(0.0, 2.0, 0, "Hello there."), (2.1, 4.0, 1, "Yes."), (3_725.678, 3_727.0, 0, "Bye.")]
    segments = tuple(Segment(place, *turn) for place, turn in enumerate(said))
    lines = render_lrc(Transcript(segments, 4_000.0)).split("\n")
    assert lines[0] == "[00:00.00]Speaker 1: Hello there."
    assert lines[1].endswith("]Speaker 2: Yes.")
    assert lines[2].endswith("]")
    assert lines[3] == "[62:05.67]Speaker 1: Bye."
    assert lines[4].startswith("[62:0")
    assert lines[4].endswith("]")
    assert lines[5:] == [""]


def test_nothing_said() -> None:
    assert render_lrc(Transcript((Segment(0, 0, 3, None, "[Silence]"),), 3.0)) == ""


def played(lines: str) -> list[tuple[int | None, bytes]]:
    """What FFmpeg shows of a file without being told what it is: microseconds and text."""
    with av.open(io.BytesIO(lines.encode()), "r") as container:
        assert container.format.name == "lrc"
        return [(packet.pts, bytes(packet)) for packet in container.demux() if packet.size]


def test_a_cut_answer_says_so_where_players_do_not_look() -> None:
    whole = Transcript(
        (Segment(0, 0.0, 2.0, 0, "Hello there."),), 3.0, notes=("It was cut:\nat [00:01.00] 9 s.", "So.")
    )
    cut = replace(whole, complete=False)
    assert render_lrc(cut) == f"{render_lrc(whole)}[#:It was cut: at (00:01.00) 9 s. So.]\n"
    assert played(render_lrc(cut)) == played(render_lrc(whole)) != []
