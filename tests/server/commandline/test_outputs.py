"""Which recordings are meant, where results go, and what is not done again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.commandline.faults import Fault, UsageFault
from server.commandline.transcribe.inputs import Input, inputs
from server.commandline.transcribe.places import (
    Places,
    check_writable,
    ending,
    format_of_file,
    formats_of,
    text_of,
    write,
)
from server.protocols.openai.response_format import ResponseFormat, TurnsFormat, all_formats
from tests.server.commandline.conftest import Here, command, environment
from tests.support.stub_server import Reply, Stub, refusal, running_stub, transcribed

PATH = "/v1/audio/transcriptions"
SRT, TEXT = ResponseFormat.SRT, ResponseFormat.TEXT


@pytest.fixture
def stub() -> Iterator[Stub]:
    with running_stub() as made:
        made.replies[PATH] = [transcribed(text="Words.", srt="1\n", json={"text": "Wörter"})]
        yield made


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two recordings of one name below a folder, and what is none."""
    top = tmp_path / "talks"
    for name in ("a.wav", "later/a.MP3", "notes.txt", ".hidden/b.wav", ".c.wav"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"RIFF")
    return top


def source(name: str, relative: str | None = None) -> Input:
    return Input(name, Path(name), Path(relative or Path(name).name))


def test_a_folder_is_searched_by_endings_and_a_file_is_taken_as_it_is(tree: Path) -> None:
    with inputs([str(tree), str(tree / "notes.txt"), str(tree / "a.wav")]) as found:
        assert [each.relative.as_posix() for each in found] == ["a.wav", "later/a.MP3", "notes.txt"]


@pytest.mark.parametrize(("name", "told"), [("nowhere.wav", "no file or folder"), ("https://a.example/b.mp3", "curl")])
def test_what_is_not_there_is_told(name: str, told: str) -> None:
    with pytest.raises(UsageFault, match=told), inputs([name]):
        pass


def test_pipes_in_a_folder_are_left_alone(tree: Path) -> None:
    """Whoever opens one waits for somebody who writes to it."""
    os.mkfifo(tree / "b.wav")
    with inputs([str(tree)]) as found:
        assert [each.relative.as_posix() for each in found] == ["a.wav", "later/a.MP3"]


def test_formats_are_those_of_the_server() -> None:
    assert formats_of(["srt,VTT", "txt", "srt"]) == [SRT, ResponseFormat.VTT, TEXT]
    assert formats_of(["all"]) == [*ResponseFormat, *TurnsFormat] == list(all_formats())
    with pytest.raises(UsageFault, match=r"no format 'tsv'\. There are json, text, .* rttm"):
        formats_of(["tsv"])


def test_an_ending_says_its_format() -> None:
    assert [format_of_file(f"a.{ending(form)}") for form in all_formats()] == list(all_formats())
    assert format_of_file("a.csv") is None


@pytest.mark.parametrize(
    ("output", "relative", "path"),
    [
        ("out", "a.wav", "out/a.srt"),
        ("out/", "deep/a.wav", "out/deep/a.srt"),
        ("out/{stem}/{format}.{ext}", "a.wav", "out/a/srt.srt"),
        ("x.srt", "a.wav", "x.srt"),
    ],
)
def test_where_one_result_goes(output: str, relative: str, path: str) -> None:
    recording = source(relative, relative)
    assert Places.of(output, [recording], [SRT]).file(recording, SRT) == Path(path)


def test_one_result_is_printed_and_several_are_written() -> None:
    one, other = source("a.wav"), source("b.wav")
    assert Places.of(None, [one], [SRT]).file(one, SRT) is None
    assert Places.of("-", [one, other], [SRT]).file(one, SRT) is None
    assert Places.of(None, [one], [SRT, TEXT]).file(one, TEXT) == Path("a.txt")
    assert Places.of(None, [one, other], [SRT]).file(other, SRT) == Path("b.srt")


@pytest.mark.parametrize("output", ["{stam}.srt", "{", "{stem.x}", "x.srt", "out/{format}.{ext}"])
def test_templates_that_cannot_be(output: str) -> None:
    recordings = [source("a.wav"), source("b.wav")]
    with pytest.raises(UsageFault):
        Places.of(output, recordings, [SRT])


def test_recordings_that_would_overwrite_each_other_are_told() -> None:
    with pytest.raises(UsageFault, match=r"Several results would be a\.srt"):
        Places.of(None, [source("x/a.wav"), source("y/a.mp3")], [SRT])


def test_many_recordings_are_told_apart_at_once() -> None:
    """A search of all places for each took minutes."""
    many = [source(f"{number}.wav") for number in range(100_000)]
    assert Places.of("out", many, [TEXT]).file(many[-1], TEXT) == Path("out/99999.txt")


def test_json_is_readable_and_texts_end_with_a_line() -> None:
    assert text_of({"text": "Grün"}) == '{\n  "text": "Grün"\n}\n'
    assert [text_of(text) for text in ("a", "a\n", "")] == ["a\n", "a\n", ""]


def test_a_file_is_the_old_one_or_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    write(file, "old")

    def break_off(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", break_off)
    with pytest.raises(Fault, match=r"a.txt cannot be written: no\."):
        write(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_result_may_have_the_longest_name(tmp_path: Path) -> None:
    file = tmp_path / f"{'長' * 83}.srt"
    assert len(file.name.encode()) == 253
    write(file, "Words.")
    assert file.read_text() == "Words."


def test_results_have_the_rights_that_are_usual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read nowhere: to do that is to set them for a moment, which other threads would take for usual."""
    usual = os.umask(0o027)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "umask", pytest.fail)
            write(tmp_path / "a.txt", "Words.")
    finally:
        os.umask(usual)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_what_was_done_is_skipped_until_it_changes(here: Here, stub: Stub, tree: Path, tmp_path: Path) -> None:
    call = ["transcribe", str(tree), "-s", stub.url, "-f", "text", "-o", "out"]
    assert here(call)[0] == 0
    results = [tmp_path / "out/a.txt", tmp_path / "out/later/a.txt"]
    assert [result.read_text() for result in results] == ["Words.\n", "Words.\n"]

    def sent(*more: str) -> int:
        """How many recordings the same call sends now."""
        before = len(stub.asked)
        assert here([*call, *more])[0] == 0
        return sum(path == PATH for path, *_ in stub.asked[before:])

    assert sent() == 0
    assert sent("--overwrite") == 2
    assert sent("--hotwords", "Ada") == 2
    assert sent() == 2, "it was done with other options since"
    later = results[0].stat().st_mtime + 5
    os.utime(tree / "a.wav", (later, later))
    assert sent() == 1, "a recording changed"
    os.utime(results[0], (later, later))
    results[1].unlink()
    assert sent() == 1, "a result is gone"
    assert sent("-f", "json") == 2, "a format is new"


def test_one_that_fails_does_not_keep_others(here: Here, stub: Stub, tree: Path) -> None:
    stub.replies[PATH] = [refusal(415, "Not audio."), transcribed(text="Words.")]
    status, _, said = here(["transcribe", str(tree), "-s", stub.url, "-o", "out", "-p", "1"])
    assert status == 1
    assert f"{tree / 'a.wav'}: Not audio." in said
    assert "1 done, 1 failed" in said
    assert [path.name for path in Path("out").rglob("*.txt")] == ["a.txt"]


def test_a_result_that_cannot_be_written_is_told(here: Here, stub: Stub, tree: Path) -> None:
    Path("out").write_text("a file")
    status, _, said = here(["transcribe", str(tree / "a.wav"), "-s", stub.url, "-o", "out/"])
    assert (status, said) == (1, "vibevoice-asr: out/a.txt cannot be written: out is no folder.\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["transcribe"], "Missing argument"),
        (["transcribe", "a.wav", "--nonsense"], "--nonsense"),
        (["transcribe", "a.wav", "--background"], "Jobs need a server"),
        (["transcribe", "a.wav", "-s", "x", "--detach", "-f", "srt"], "jobs result takes -f and -o"),
        (["transcribe", "a.wav", "-s", "x", "--detach", "-o", "out/"], "jobs result takes -f and -o"),
        (["transcribe", "a.wav", "-s", "x", "--model", "tiny"], "--model is for transcribing in this process"),
        (["transcribe", "a.wav", "-s", "x", "-f", "doc"], "There is no format 'doc'"),
        (["transcribe", "a.wav", "-s", "x", "--speaker", "Ada"], "give NAME=CLIP"),
        (["nonsense"], "nonsense"),
        (["live", "-", "--rate", "100"], "8000 to 48000"),
        (["live", "."], "is a folder"),
        (["live", "a.wav", "--microphone", "1"], "without a file"),
    ],
)
def test_arguments_that_make_no_sense(here: Here, arguments: list[str], told: str) -> None:
    status, printed, said = here(arguments)
    assert (status, printed) == (2, "")
    assert told in said
    assert "Traceback" not in said


@pytest.mark.parametrize("output", ["taken/a.txt", "taken/deeper/{stem}.txt", "folder.txt/{stem}"])
def test_where_nothing_can_be_written_is_told_before_anything_is_sent(
    here: Here, stub: Stub, tree: Path, output: str
) -> None:
    Path("taken").write_text("a file")
    Path("folder.txt/a").mkdir(parents=True)
    status, printed, said = here(["transcribe", str(tree / "a.wav"), "-s", stub.url, "-o", output])
    assert (status, printed) == (1, "")
    assert "cannot be written" in said
    assert said.count("\n") == 1
    assert stub.asked == []


@pytest.mark.parametrize("folder", [".", "/"])
def test_a_folder_is_no_file(folder: str) -> None:
    with pytest.raises(Fault, match="it is a folder"):
        check_writable([Path(folder)])


def test_what_cannot_be_printed_is_told(stub: Stub, tree: Path) -> None:
    """A disk is full behind ``>``."""
    stub.replies["/v1/jobs"] = [Reply(200, {"data": [], "has_more": False})]
    with Path("/dev/full").open("w") as full:
        for arguments in (["transcribe", str(tree / "a.wav")], ["jobs", "list", "--json"]):
            done = subprocess.run(
                command(*arguments, "-s", stub.url), stdout=full, stderr=subprocess.PIPE, env=environment(), check=False
            )
            told = done.stderr.decode()
            assert (done.returncode, "No space left on device" in told, "Traceback" in told) == (1, True, False)
            assert told.count("\n") == 1, "and nothing more when the process ends"


def test_jobs_go_on_behind_one_that_there_is_not(here: Here, stub: Stub) -> None:
    stub.replies["/v1/jobs/a"] = [refusal(404, "There is no such job.")]
    stub.replies["/v1/jobs/b"] = [Reply(200, {"id": "b"})]
    status, printed, said = here(["jobs", "delete", "a", "b", "-s", stub.url])
    assert (status, printed, said) == (1, "b  deleted\n", "a: There is no such job.\n")


def test_a_jobs_result_that_cannot_be_written_is_told(here: Here, stub: Stub) -> None:
    stub.replies["/v1/jobs/a"] = [Reply(200, {"id": "a", "filename": "a.wav"})]
    Path("taken").write_text("a file")
    status, printed, said = here(["jobs", "result", "a", "-s", stub.url, "-o", "taken/a.txt"])
    assert (status, printed) == (1, "")
    assert said == "vibevoice-asr: taken/a.txt cannot be written: taken is no folder.\n"


def test_no_jobs_are_told_and_not_printed(here: Here, stub: Stub) -> None:
    stub.replies["/v1/jobs"] = [Reply(200, {"data": [], "has_more": False})]
    assert here(["jobs", "list", "-s", stub.url]) == (0, "", "There are no jobs.\n")
