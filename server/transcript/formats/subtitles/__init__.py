"""Subtitles people can read: segments cut into cues of a few short lines, with time to read them.

From segments to cues: `pieces` (words with times and what a break behind each is worth), `cutting` (pieces into
passages that fit a cue), `overlaps` (passages one after the other, or two voices in one cue), `timing` (how long each
is shown), `lines` (where its lines break), `cues` (all of it).
"""
