"""What comes by pipes and goes to pipes: those that are closed, that end, that do not, and of other encodings."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from server.commandline import running
from tests.server.commandline.conftest import PATH, PATIENCE, Here, called, command, environment
from tests.server.http.conftest import tone
from tests.support.stub_server import Reply, Stub, transcribed


def in_a_shell(line: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``line`` with the command as ``"$@"``."""
    return subprocess.run(
        ["bash", "-c", line, "bash", *command(*arguments)],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env=environment(),
        text=True,
    )


@pytest.mark.parametrize("line", ['"$@" <(printf RIFF)', 'printf RIFF | "$@" /dev/stdin', 'printf RIFF | "$@" -'])
def test_a_pipe_is_a_recording_by_any_name(stub: Stub, tmp_path: Path, line: str) -> None:
    done = in_a_shell(line, "transcribe", "-s", stub.url, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "Words.\n"), done.stderr
    assert b"\r\n\r\nRIFF\r\n" in stub.asked[-1][2]


@pytest.mark.parametrize(
    ("closed", "arguments", "status", "told"),
    [
        ("<&-", ["transcribe", "-"], 2, "vibevoice-asr: Nothing came by the standard input.\n"),
        ("<&-", ["live", "-"], 2, "vibevoice-asr: No sound came by the standard input.\n"),
        (">&-", ["jobs", "list", "--json"], 1, "vibevoice-asr: the result cannot be printed: Bad file descriptor.\n"),
        (">&-", ["--help"], 1, "vibevoice-asr: the result cannot be printed: Bad file descriptor.\n"),
        ("2>&-", ["jobs", "list"], 0, ""),
    ],
)
def test_streams_that_are_closed(
    stub: Stub, tmp_path: Path, closed: str, arguments: list[str], status: int, told: str
) -> None:
    """As of a service without any."""
    stub.replies["/v1/jobs"] = [Reply(200, {"data": [], "has_more": False})]
    server = [] if arguments == ["--help"] else ["-s", stub.url]
    done = in_a_shell(f'"$@" {closed}', *arguments, *server, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (status, told)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_wait_for_a_pipe(stub: Stub, tmp_path: Path, number: int, status: int) -> None:
    room = tmp_path / "room"
    room.mkdir()
    with subprocess.Popen(
        command("transcribe", "-", "-s", stub.url), stdin=subprocess.PIPE, env=environment(TMPDIR=str(room))
    ) as waiting:
        assert waiting.stdin is not None
        waiting.stdin.write(b"R" * 200_000)  # more than a pipe holds: it is being read
        waiting.stdin.flush()
        waiting.send_signal(number)
        assert waiting.wait(PATIENCE) == status
    assert list(room.iterdir()) == []


def test_letters_that_the_output_cannot_have_are_escaped(stub: Stub, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(b"RIFF")
    stub.replies[PATH] = [transcribed(text="Grün 你好")]
    done = called("transcribe", "talk.wav", "-s", stub.url, cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout) == (0, "Gr\\xfcn \\u4f60\\u597d\n")


def test_an_earlier_transcript_stays_where_nothing_came_of_a_session(here: Here, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(tone(0.1))
    (tmp_path / "said.txt").write_text("of yesterday")
    status, _, said = here(["live", "talk.wav", "-s", "127.0.0.1:1", "-o", "said.txt"])
    assert (status, "Nobody answers" in said) == (1, True)
    assert (tmp_path / "said.txt").read_text() == "of yesterday"


async def test_what_is_left_behind_gives_or_raises_what_its_work_does() -> None:
    assert await running.left_behind(lambda: 5) == 5
    with pytest.raises(ValueError, match="none"):
        await running.left_behind(lambda: int("none"))
