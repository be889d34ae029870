"""References as the field keeps them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from server.evaluation.reading import UnreadableReferenceError, read_reference, turns_of
from server.evaluation.turns import Turn

HELLO = Turn("Hello.", 0.5, 1.5, "0")


@pytest.mark.parametrize(
    "body",
    [
        [{"Start": 0.5, "End": 1.5, "Speaker": 0, "Content": "Hello."}],
        [{"Start time": 0.5, "End time": 1.5, "Speaker ID": 0, "Content": "Hello."}],
        {"text": "Hello.", "segments": [{"start": 0.5, "end": 1.5, "speaker": "0", "text": "Hello."}]},
        {"audio_duration": 2.0, "segments": [{"speaker": 0, "text": "Hello.", "start": 0.5, "end": 1.5}]},
        [
            {"session_id": "talk", "speaker": "0", "start_time": "0.5", "end_time": 1.5, "words": "Hello."},
            {"session_id": "other", "speaker": "1", "start_time": 0, "end_time": 1, "words": "No."},
        ],
    ],
    ids=["model", "model, long keys", "diarized_json", "finetuning", "SegLST"],
)  # fmt: skip
def test_json_of_several_shapes(body: Any, tmp_path: Path) -> None:
    (tmp_path / "talk.json").write_text(json.dumps(body))
    assert read_reference([tmp_path / "talk.json"], "talk").turns == [HELLO]


def test_stm_and_rttm_add_to_each_other(tmp_path: Path) -> None:
    (tmp_path / "corpus.stm").write_text(
        ";; a comment\ntalk 1 ada 0.5 1.5 <o,f0,female> Hello.\ntalk 1 ada 2 3 IGNORE_TIME_SEGMENT_IN_SCORING\n"
        "other 1 ben 0 1 No.\n"
    )
    (tmp_path / "talk.rttm").write_text("SPEAKER\twhatever 1 0.500 1.000 <NA> <NA> ada <NA> <NA>\nSPKR-INFO x\n")
    found = read_reference([tmp_path / "corpus.stm", tmp_path / "talk.rttm"], "talk")
    assert found.turns == [Turn("Hello.", 0.5, 1.5, "ada")]
    assert found.speech == [Turn("", 0.5, 1.5, "ada")]


def test_plain_text_has_words_alone(tmp_path: Path) -> None:
    (tmp_path / "talk.txt").write_text("\ufeffHello.\n\nGood bye.\n", "utf-8")
    assert read_reference([tmp_path / "talk.txt"], "talk").turns == [Turn("Hello."), Turn("Good bye.")]
    assert turns_of({"text": "Hello."}) == [Turn("Hello.")]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("talk.json", "{", "talk.json: this is not JSON"),
        ("talk.json", "{}", "no list of segments"),
        ("talk.json", '["Hello."]', "'Hello.' is not a segment"),
        ("talk.json", '[{"start": 1}]', "a segment has no text"),
        ("talk.json", '[{"text": "a", "start": "soon"}]', "'soon' is not a time"),
        ("talk.json", '[{"text": "a", "start": NaN}]', "nan is not a time"),
        ("talk.json", '[{"text": "a", "session_id": 1}, {"text": "b", "session_id": [2]}]', "none that is called talk"),
        ("talk.stm", "one 1 ada 0 1 a\ntwo 1 ada 0 1 b", "none that is called talk"),
        ("talk.stm", "talk 1 ada 0", "not a line of an STM file"),
        ("talk.rttm", "SPEAKER talk 1 0.5", "not a line of an RTTM file"),
        ("talk.txt", b"\xff\xfe\x00", "not UTF-8 text"),
        ("talk.txt", None, "cannot be read: No such file"),
    ],
)
def test_what_is_wrong_is_told(name: str, content: str | bytes | None, told: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UnreadableReferenceError, match=told):
        read_reference([tmp_path / name], "talk")
