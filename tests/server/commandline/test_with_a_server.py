"""The command in processes of its own against a server on the bundled checkpoint."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from tests.server.commandline.conftest import PATIENCE, called, command, environment
from tests.support.processes import ServerProcess
from tests.support.samples import SHORT, TWO_SPEAKERS, truth

RATE = 24_000


def asked(server: ServerProcess, recording: Path, form: str) -> httpx.Response:
    """What the API answers."""
    files = {"file": (recording.name, recording.read_bytes())}
    fields = {"response_format": form}
    return httpx.post(f"{server.url}/v1/audio/transcriptions", data=fields, files=files, timeout=PATIENCE)


def raw(recording: Path) -> bytes:
    """Its samples: 16 bit, mono."""
    samples, rate = soundfile.read(recording, dtype="int16")
    assert rate == RATE
    return np.asarray(samples).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def spoken(twin: ServerProcess) -> str:
    """The words of the sample, as the API tells them."""
    return asked(twin, TWO_SPEAKERS, "text").text


def test_every_format_of_one_hearing_is_what_the_server_answers(twin: ServerProcess, tmp_path: Path) -> None:
    done = called("transcribe", SHORT, "-s", twin.url, "-f", "all", "--output_dir", "out", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("\n") == 1, "one line for one recording where there is no terminal"
    for form, name in (("srt", "short.srt"), ("text", "short.txt"), ("verbose_json", "short.verbose.json")):
        answer = asked(twin, SHORT, form)
        written = (tmp_path / "out" / name).read_text()
        assert (
            (json.loads(written) == answer.json()) if form == "verbose_json" else written.strip() == answer.text.strip()
        )
    assert (tmp_path / "out/short.rttm").read_text().startswith("SPEAKER short 1 ")
    assert len(list((tmp_path / "out").glob("short.*"))) == 8


def test_a_pipe_in_and_a_reader_that_leaves(twin: ServerProcess, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("transcribe", "-", "-s", twin.url, "-f", "diarized_json", "-q"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        running.stdin.write(SHORT.read_bytes())
        running.stdin.close()
        assert running.stderr.read() == b""
        assert running.wait(PATIENCE) == 1


def test_captions_end_when_their_reader_leaves(twin: ServerProcess, tmp_path: Path) -> None:
    with subprocess.Popen(
        command("live", "-", "--rate", str(RATE), "-s", twin.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=tmp_path,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        with suppress(BrokenPipeError):
            running.stdin.write(raw(TWO_SPEAKERS))
            running.stdin.close()
        assert running.wait(PATIENCE) == 1
        assert running.stderr.read() == b"", "and nothing of a server that does not answer"


def test_jobs_from_their_beginning_to_their_end(twin: ServerProcess, tmp_path: Path) -> None:
    def jobs(*arguments: str) -> subprocess.CompletedProcess[str]:
        return called("jobs", *arguments, cwd=tmp_path, VIBEVOICE_SERVER=twin.url)

    made = called("transcribe", SHORT, "--detach", "-s", twin.url, cwd=tmp_path)
    job, name = made.stdout.rstrip().split("\t")
    assert (made.returncode, name) == (0, str(SHORT))
    watched = jobs("watch", job)
    assert watched.returncode == 0
    assert watched.stdout.splitlines()[0].startswith("A: ")
    assert jobs("result", job).stdout.strip() == asked(twin, SHORT, "text").text
    (listed,) = json.loads(jobs("list", "--json").stdout)
    assert (listed["id"], listed["status"], listed["filename"]) == (job, "completed", "short.flac")
    assert "deleted" in jobs("delete", job).stdout
    gone = jobs("show", job)
    assert (gone.returncode, gone.stderr) == (1, "vibevoice-asr: There is no such job.\n")


def test_as_a_job_and_waited_for_it_is_the_same(twin: ServerProcess, tmp_path: Path) -> None:
    done = called("transcribe", SHORT, "--background", "-s", twin.url, "-f", "srt", cwd=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, asked(twin, SHORT, "srt").text.strip())


def test_samples_by_a_pipe_become_captions_and_a_transcript(twin: ServerProcess, spoken: str, tmp_path: Path) -> None:
    arguments = ("live", "-", "--rate", str(RATE), "-s", twin.url, "-o", "said.txt", "--obs", "obs.txt")
    done = called(*arguments, cwd=tmp_path, given=raw(TWO_SPEAKERS))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert {line[:3] for line in lines} == {"A: ", "B: "}
    assert " ".join(line[3:] for line in lines) == spoken
    assert (tmp_path / "said.txt").read_text().strip() == spoken
    assert (tmp_path / "obs.txt").read_text().splitlines() == lines[-2:]


def test_ctrl_c_says_the_last_words_in_a_terminal(twin: ServerProcess, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ("live", "-", "--rate", str(RATE), "-s", twin.url, "-f", "text", "-o", "said.txt")
    with subprocess.Popen(
        command(*arguments), stdin=subprocess.PIPE, stdout=theirs, env=environment(), cwd=tmp_path
    ) as running:
        os.close(theirs)
        assert running.stdin is not None
        running.stdin.write(raw(SHORT))
        running.stdin.flush()
        shown, third_word = b"", truth(SHORT)[0]["Content"].split()[2].encode()
        while third_word not in shown:
            shown += os.read(ours, 4096)
        running.send_signal(signal.SIGINT)
        with suppress(OSError):  # the terminal is gone
            while part := os.read(ours, 4096):
                shown += part
        assert running.wait(PATIENCE) == 0
        running.stdin.close()
    os.close(ours)
    assert b"\x1b[1;" in shown, "what stays is bold"
    said = (tmp_path / "said.txt").read_text()
    assert said
    assert all(word.encode() in shown for word in said.split())


def test_a_terminal_has_bars_and_a_pipe_beside_it_the_transcript_alone(twin: ServerProcess, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ("transcribe", str(TWO_SPEAKERS), "-s", twin.url)
    terminal = environment() | {"TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=theirs, env=terminal, cwd=tmp_path
    ) as running:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the terminal is gone
            while part := os.read(ours, 4096):
                shown += part
        assert running.stdout is not None
        printed = running.stdout.read().decode()
        assert running.wait(PATIENCE) == 0
    os.close(ours)
    assert printed.strip() == asked(twin, TWO_SPEAKERS, "text").text.strip()
    assert TWO_SPEAKERS.name.encode() in shown
    assert b"\x1b[" in shown, "drawn over and over"
    assert printed.split(".")[0].encode() not in shown


@contextmanager
def cutting_proxy(port: int, after: int) -> Iterator[int]:
    """A way to ``port`` whose first connection breaks when it has carried so many bytes there."""
    listener = socket.create_server(("127.0.0.1", 0))
    left, opened = [after], [listener]

    def carry(source: socket.socket, target: socket.socket, *, counted: bool) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                target.sendall(part)
                if counted and left[0] > 0:
                    left[0] -= len(part)
                    if left[0] <= 0:
                        break
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                server = socket.create_connection(("127.0.0.1", port))
                opened.extend((client, server))
                for source, target in ((client, server), (server, client)):
                    threading.Thread(
                        target=carry, args=(source, target), kwargs={"counted": source is client}, daemon=True
                    ).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        for each in opened:
            each.close()


def test_a_lost_connection_costs_no_word(twin: ServerProcess, spoken: str, tmp_path: Path) -> None:
    audio = raw(TWO_SPEAKERS)
    with cutting_proxy(twin.port, len(audio)) as port:  # in base64 that is three quarters of it
        address = f"http://127.0.0.1:{port}"
        done = called("live", "-", "--rate", str(RATE), "-s", address, "-f", "text", cwd=tmp_path, given=audio)
    assert done.returncode == 0
    assert done.stdout.strip() == spoken
    assert "The connection was lost" in done.stderr
    assert "Connected again." in done.stderr
