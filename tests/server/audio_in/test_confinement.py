"""What a decoder that a file has taken over can still do: nothing but say something wrong about that file."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import resource
import struct
import sys
from multiprocessing import Pipe
from pathlib import Path

import pytest

from server.audio_in import deaths, seccomp
from server.audio_in.confinement import MAX_DESCRIPTORS, MAX_MEMORY
from server.audio_in.container_stream import ContainerStream
from server.audio_in.decode_pool import DecodePool
from server.audio_in.launch import Child, environment
from server.audio_in.limits import MAX_CHANNELS
from tests.server.audio_in import prying_child
from tests.server.audio_in.audio_media import LIMITS, Format, assert_tones, media
from tests.server.audio_in.test_container_stream import FORMATS, OTHERS, WEBM
from tests.server.audio_in.test_decode_formats import EXACT, LOSSY, VIDEO

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such filter")

SECRETS = {
    "VIBEVOICE_API_KEYS": "sk-secret",
    "HF_TOKEN": "hf_secret",
    "HTTPS_PROXY": "http://user:secret@proxy:3128",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "HOME": "/home/secret",
    "PATH": "/home/secret/bin",
}


def test_whoever_takes_a_decoder_over_gets_nowhere(tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    ours, theirs = Pipe()
    with theirs:
        process = Child(prying_child.__name__, theirs.fileno(), arguments=(str(tmp_path),))
    try:
        assert ours.poll(60), process.last_words
        found = json.loads(ours.recv_bytes())
        assert found.pop("filtered") is True
        assert len(found) > 30
        assert [attempt for attempt, error in found.items() if error is None] == []
        # The kernel's filter answered, not its other rules, which let a privileged user pass.
        others = {attempt: error for attempt, error in found.items() if error != errno.ENOSYS}
        assert set(others) <= {"start a thread", "look a name up"}
        assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    finally:
        ours.close()
        process.end()


def test_nothing_of_the_servers_environment_but_what_finds_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    given = environment(SECRETS | {"LANG": "C.UTF-8", "LD_LIBRARY_PATH": "/opt/lib"})
    assert "secret" not in str({name: value for name, value in given.items() if name != "PYTHONPATH"})
    assert (given["LANG"], given["LD_LIBRARY_PATH"]) == ("C.UTF-8", "/opt/lib")


def assert_confined(process: Child) -> None:
    """Seen from outside."""
    folder = Path("/proc") / str(process.pid)
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip(), status["Threads"].strip()) == ("1", "2", "1")
    assert (folder / "oom_score_adj").read_text().strip() == "900"
    assert b"secret" not in (folder / "environ").read_bytes()
    expected = {
        resource.RLIMIT_AS: MAX_MEMORY,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: MAX_DESCRIPTORS,
        resource.RLIMIT_NPROC: 0,
    }
    for limit, value in expected.items():
        assert resource.prlimit(process.pid, limit) == (value, value)
    for limit in (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
        assert resource.prlimit(process.pid, limit)[0] != resource.RLIM_INFINITY
    links = [str(path.readlink()) for path in (folder / "fd").iterdir()]
    kinds = [link.split(":")[0].split(" ")[0] for link in links]
    assert set(kinds) <= {"socket", "/dev/null", "/memfd"}
    assert kinds.count("socket") == 1
    assert len(kinds) <= 3 + MAX_CHANNELS


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("secrets")
async def test_decoders_of_files_are_confined() -> None:
    with DecodePool(1) as pool:
        await pool.decode(io.BytesIO(media(WEBM, 48_000)), LIMITS)
        (idle,) = pool._idle
        assert_confined(idle._process)


@pytest.mark.usefixtures("secrets")
async def test_decoders_of_streams_are_confined() -> None:
    stream = ContainerStream()
    try:
        await stream.push(media(WEBM, 48_000)[:5_000])
        assert stream._process is not None
        assert_confined(stream._process._process)
    finally:
        stream.close()


async def test_every_format_is_decoded_in_confinement() -> None:
    """What a codec needs of the system it has to have got before."""
    files = {str(form): media(form, 48_000) for form in (*EXACT, *LOSSY, *VIDEO, *FORMATS)}
    files |= {str(form): media(form, rate) for form, rate in OTHERS}
    assert len(files) >= 41
    with DecodePool(1) as pool:
        for data in files.values():
            assert_tones((await pool.decode(io.BytesIO(data), LIMITS)).channels[0])
        (idle,) = pool._idle
        assert_confined(idle._process)
        assert not any(pool.deaths.values())


async def test_a_file_cannot_fill_the_memory_that_its_samples_go_to() -> None:
    """Bytes beyond what the limits allow are refused to the process by the kernel."""
    with DecodePool(1) as pool:
        await pool.decode(io.BytesIO(media(Format("wav", "pcm_s16le"), 24_000)), LIMITS)
        (idle,) = pool._idle
        soft, _ = resource.prlimit(idle._process.pid, resource.RLIMIT_FSIZE)
    assert 0 < soft - LIMITS.max_seconds * 24_000 * 4 <= 2 << 20


# ------------------------------------------------------------------------------------- where the kernel takes no filter


async def test_without_the_filter_decoders_run_all_the_same_and_the_log_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """A library that reads its own sitecustomize: the children come up on a machine of another kind."""
    deaths.warn_of_missing_filter.cache_clear()
    (tmp_path / "sitecustomize.py").write_text("import platform\nplatform.machine = lambda: 'riscv64'\n")
    monkeypatch.syspath_prepend(tmp_path)
    data = media(WEBM, 48_000)
    with DecodePool(2) as pool:
        audio = await asyncio.gather(*(pool.decode(io.BytesIO(data), LIMITS) for _ in range(2)))
        assert_tones(audio[0].channels[0])
    stream = ContainerStream()
    try:
        assert (await stream.push(data)).size
    finally:
        stream.close()
    assert [record.getMessage() for record in caplog.records].count(deaths.NO_FILTER) == 1
    deaths.warn_of_missing_filter.cache_clear()


# ------------------------------------------------------------------------------------------ the filter, on any machine

ALLOW, DENY, KILL = 0x7FFF0000, 0x00050000 | errno.ENOSYS, 0x80000000


def decision(machine: str, number: int, *arguments: int, audit: int | None = None) -> int:
    """What the kernel's filter decides about a call, in the words of linux/filter.h."""
    kind = seccomp._MACHINES[machine]
    values = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, kind.audit if audit is None else audit, 0, *values)
    program = [struct.unpack("=HBBI", instruction) for instruction in seccomp._program(kind, pid=77)]
    at = accumulator = 0
    while True:
        code, then, otherwise, value = program[at]
        at += 1
        match code:
            case 0x20:  # load
                (accumulator,) = struct.unpack_from("<I", data, value)
            case 0x54:  # and
                accumulator &= value
            case 0x15:  # jump if equal
                at += then if accumulator == value else otherwise
            case 0x06:  # return
                return int(value)
            case _:
                raise AssertionError(hex(code))


@pytest.mark.parametrize(
    ("machine", "read", "mmap", "fcntl", "tgkill", "refused"),
    [
        ("x86_64", 0, 9, 72, 234, {"openat": 257, "open": 2, "socket": 41, "execve": 59, "clone": 56, "kill": 62}),
        ("aarch64", 63, 222, 25, 131, {"openat": 56, "socket": 198, "execve": 221, "clone": 220, "kill": 129}),
    ],
)
def test_what_the_filter_lets_through(
    machine: str, read: int, mmap: int, fcntl: int, tgkill: int, refused: dict[str, int]
) -> None:
    assert decision(machine, read) == ALLOW
    assert {name: decision(machine, number) for name, number in refused.items()} == dict.fromkeys(refused, DENY)
    assert [decision(machine, number) for number in (-1, 435, 0x40000000 | read)] == [DENY] * 3
    assert decision(machine, read, audit=0x40000003) == KILL  # the calls of 32 bits, which have other numbers
    assert (decision(machine, mmap, 0, 0, 3), decision(machine, mmap, 0, 0, 7)) == (ALLOW, DENY)
    assert (decision(machine, fcntl, 0, 1030), decision(machine, fcntl, 0, 8)) == (ALLOW, DENY)
    assert (decision(machine, tgkill, 77), decision(machine, tgkill, 1)) == (ALLOW, DENY)


def test_every_allowed_call_has_a_number_of_its_own_on_both_machines() -> None:
    """But for `poll`, which is x86-64's alone."""
    assert [name for name, numbers in seccomp._CALLS.items() if None in numbers] == ["poll"]
    for column in (0, 1):
        numbers = [pair[column] for pair in seccomp._CALLS.values()]
        assert len(numbers) == len(set(numbers))
