"""Recordings that cannot be read, that are called strangely, or that grow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from server.commandline.transcribe.through_server import _Counted
from tests.server.commandline.conftest import PATH, Here
from tests.support.stub_server import Reply, Stub


@pytest.mark.parametrize(("flag", "printed"), [("-q", "Words.\n"), ("--detach", "job_1\t{}\n")])
def test_one_that_cannot_be_read_does_not_keep_others(
    here: Here, stub: Stub, tmp_path: Path, flag: str, printed: str
) -> None:
    tree = tmp_path / "talks"
    tree.mkdir()
    (tree / "b.wav").write_bytes(b"RIFF")
    link = tree / "a.wav"
    link.symlink_to("nowhere")
    stub.replies[PATH] = [Reply(202, {"id": "job_1"})] if flag == "--detach" else stub.replies[PATH]
    output = [] if flag == "--detach" else ["-o", "-"]
    status, out, said = here(["transcribe", str(tree), "-s", stub.url, *output, flag])
    assert (status, out) == (1, printed.format(tree / "b.wav"))
    assert said == f"{link}: It cannot be read (No such file or directory).\n"


def test_a_name_that_is_no_text_is_one_of_a_recording(here: Here, stub: Stub, tmp_path: Path) -> None:
    """As of a disk that was written in Latin-1."""
    (tmp_path / "talks").mkdir()
    (Path(os.fsdecode(os.fsencode(tmp_path / "talks") + b"/caf\xe9.wav"))).write_bytes(b"RIFF")
    assert here(["transcribe", "talks", "-s", stub.url, "-o", "out"])[0] == 0
    assert {os.fsencode(path.name) for path in Path("out").iterdir()} == {b"caf\xe9.txt", b".vibevoice-asr.json"}
    assert b'filename="caf?.wav"' in stub.asked[-1][2]
    assert "done before" in here(["transcribe", "talks", "-s", stub.url, "-o", "out"])[2]
    stub.replies[PATH] = [Reply(202, {"id": "job_1"})]
    status, printed, _ = here(["transcribe", "talks", "-s", stub.url, "--detach"])
    assert (status, printed) == (0, "job_1\ttalks/caf\\udce9.wav\n")


def test_only_what_was_there_at_the_beginning_is_sent(here: Here, stub: Stub, tmp_path: Path) -> None:
    """Of a recording that is being made: how long the request is was told before."""
    file = tmp_path / "talk.wav"
    file.write_bytes(b"RIFF")
    with file.open("rb") as opened:
        counted = _Counted(opened, lambda _: None)
        with file.open("ab") as more:
            more.write(b"more")
        assert counted.seek(0, os.SEEK_END) == 4
        assert counted.seek(0) == 0
        assert (counted.read(3), counted.read(), counted.read(3)) == (b"RIF", b"F", b"")
