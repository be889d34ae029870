"""``vibevoice-asr eval``: what is held against what, what is kept, what is told."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server.commandline.conftest import Here, called
from tests.support.processes import ROOT
from tests.support.stub_server import Stub, refusal, running_stub, transcribed

PATH = "/v1/audio/transcriptions"
SAMPLES = ROOT / "model" / "tiny" / "samples"


def diarized(*texts: str) -> dict[str, Any]:
    return {
        "text": " ".join(texts),
        "segments": [
            {"start": 2.0 * n, "end": 2.0 * n + 1.5, "speaker": "AB"[n % 2], "text": text}
            for n, text in enumerate(texts)
        ],
    }


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as made:
        made.replies[PATH] = [transcribed(diarized_json=diarized("one two three four", "five six seven eight"))]
        yield made


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """Six recordings; the first one's reference has another word."""
    folder = tmp_path / "talks"
    folder.mkdir()
    for n in range(6):
        (folder / f"{n}.wav").write_bytes(b"RIFF")
        said = diarized("one two three four", "five six seven " + ("eight" if n else "nine"))
        (folder / f"{n}.json").write_text(json.dumps(said))
    return folder


def test_a_folder_is_evaluated_once_and_again_only_as_far_as_it_changed(
    here: Here, stub: Stub, talks: Path, tmp_path: Path
) -> None:
    (talks / "bare.wav").write_bytes(b"RIFF")
    call = ["eval", str(talks), "-s", stub.url, "-o", "found.json", "--language", "de"]
    status, printed, said = here(call)
    assert status == 0, said
    assert "bare.wav: there is no reference" in said
    lines = [line.split() for line in printed.splitlines()]
    assert next(line[1:5] for line in lines if line and line[0].endswith("0.wav")) == ["de", "0:10", "12.5", "10.5"]
    assert next(line for line in lines if line[:3] == ["total", "of", "6"])[3:7] == ["1:00", "2.1", "1.7", "2.1"]
    assert any(line[:3] == ["95", "%", "0.0–6.2"] for line in lines)
    kept = json.loads((tmp_path / "found.json").read_text())
    assert kept["total"]["all"]["wer"]["value"] == pytest.approx(1 / 48)
    transcriptions = len([path for path, *_ in stub.asked if path == PATH])
    assert transcriptions == 6
    (talks / "1.wav").write_bytes(b"RIFF more")
    (talks / "0.json").write_text(
        (talks / "1.json").read_text()
    )  # what was transcribed is counted by the new reference
    status, printed, said = here([*call, "--json"])
    assert (status, json.loads(printed)["total"]["all"]["wer"]["value"]) == (0, 0.0)
    assert "5 transcribed before" in said
    assert len([path for path, *_ in stub.asked if path == PATH]) == transcriptions + 1


def test_a_list_names_recordings_and_references(here: Here, stub: Stub, talks: Path, tmp_path: Path) -> None:
    (tmp_path / "some.stm").write_text("0 1 ada 0 1.5 one two three four\n1 1 ada 0 1 something else\n")
    lines = [
        {"audio": "talks/0.wav", "reference": "some.stm"},
        {"audio": "talks/1.wav", "reference": [{"text": "one two", "start": 0, "end": 1, "speaker": "x"}]},
        {"audio_filepath": "talks/2.wav", "text": "eins zwei", "language": "zh"},
        {"audio": "talks/3.wav"},
    ]
    (tmp_path / "list.jsonl").write_text("\n".join(map(json.dumps, lines)))
    status, printed, said = here(["eval", "list.jsonl", "-s", stub.url, "--json", "--language", "de"])
    assert status == 0, said
    found = {each["name"]: each["figures"] for each in json.loads(printed)["files"]}
    words = [found[f"talks/{n}.wav"]["words"] for n in range(4)]
    assert [each and each["errors"] for each in words] == [4, 6, None, 0]
    assert set(json.loads(printed)["total"]) == {"all", "de", "zh"}


def test_one_that_fails_is_told_and_the_others_are_counted(here: Here, stub: Stub, talks: Path) -> None:
    stub.replies[PATH] = [refusal(400, "This is no audio."), *stub.replies[PATH]]
    status, printed, said = here(["eval", str(talks), "-s", stub.url, "-p", "1"])
    assert (status, "0.wav: This is no audio." in said, "total of 5" in printed) == (1, True, True)


def test_two_evaluations_are_compared(here: Here, stub: Stub, talks: Path) -> None:
    call = ["eval", str(talks), "-s", stub.url, "--language", "de", "-o"]
    assert here([*call, "before.json"])[0] == 0
    stub.replies[PATH] = [transcribed(diarized_json=diarized("one two three", "five six seven eight"))]
    assert here([*call, "after.json"])[0] == 0
    status, printed, _ = here(["eval", "--compare", "before.json", "after.json"])
    row = next(line for line in printed.splitlines() if line.split()[:1] == ["WER"])
    assert (status, "+12.5" in row, "significantly worse" in row) == (0, True, True)
    row = next(line for line in printed.splitlines() if line.split()[:1] == ["boundary"])
    assert "no significant difference" in row
    _, printed, _ = here(["eval", "--compare", "before.json", "before.json", "--json"])
    assert (json.loads(printed)["wer"]["significant"], json.loads(printed)["recordings"]) == (False, 6)
    assert here([*call, "other.json", "--collar", "0"])[0] == 0
    status, _, said = here(["eval", "--compare", "before.json", "other.json"])
    assert (status, "different rules" in said) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Give recordings with references, or --compare"),
        (["."], "There is no recording in ."),
        (["-"], "has no reference"),
        (["talks/0.wav", "-o", "talks/0.json"], "is not an evaluation that this command wrote"),
        (["talks/0.wav", "--server", "http://127.0.0.1:1", "--model", "tiny"], "the server has its own"),
        (["bad.jsonl"], "bad.jsonl, line 2: give"),
        (["one.jsonl", "other/list.jsonl"], "Two recordings are called a.wav"),
        (["--compare", "no.json", "no.json"], "no.json cannot be read"),
    ],
)
def test_arguments_that_make_no_sense(here: Here, talks: Path, tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "bad.jsonl").write_text('{"audio": "talks/0.wav"}\n{"video": "x"}\n')
    (tmp_path / "other").mkdir()
    for folder, name in ((tmp_path, "one.jsonl"), (tmp_path / "other", "list.jsonl")):
        (folder / "a.wav").write_bytes(b"RIFF")
        (folder / name).write_text('{"audio": "a.wav", "text": "one"}')
    if arguments == ["."]:
        shutil.rmtree(talks)
        shutil.rmtree(tmp_path / "other")
        (tmp_path / "a.wav").unlink()
    status, printed, said = here(["eval", *arguments])
    assert (status, printed) == (2, "")
    assert told in said


def test_what_is_missing_is_told_with_what_helps(here: Here, talks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("server.evaluation.", "server.commandline.evaluate."))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "jiwer", None)
    status, _, said = here(["eval", str(talks)])
    assert (status, "pip install 'vibevoice-asr-server[eval]'" in said) == (1, True)


def test_the_bundled_samples_in_this_process(tmp_path: Path) -> None:
    for name in ("two_speakers.flac", "two_speakers.json"):
        shutil.copy(SAMPLES / name, tmp_path)
    done = called("eval", ".", "--model", "tiny", "--device", "cpu", "--json", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["total"]["all"]["tcpwer"]["value"] <= 0.1
    assert found["total"]["all"]["der"]["value"] <= 0.1
    assert found["total"]["all"]["boundary_median"]["value"] <= 0.2
    assert found["rtfx"] > 0
