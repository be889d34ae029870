"""What is shown of a live session, and where its sound comes from."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from server.commandline.faults import Fault, UsageFault
from server.commandline.live import run, sources
from server.commandline.live.captions import ObsFile, last_lines
from server.commandline.live.run import Captioning
from server.commandline.live.script import Said, Script
from server.commandline.transcribe.inputs import Input
from server.commandline.transcribe.places import Places
from server.protocols.openai.response_format import ResponseFormat
from tests.server.commandline.conftest import Here


def row(text: str, speaker: str = "A", start: float = 0.0, end: float = 1.0, tentative: str = "") -> dict[str, Any]:
    return {"id": "s", "speaker": speaker, "start": start, "end": end, "text": text, "tentative": tentative}


def test_what_came_behind_the_last_update_is_taken_back() -> None:
    script = Script()
    script.close(row("One."))
    script.settle()
    script.close(row("Two.", start=1.0, end=2.0))
    script.suppose([row("Thr", start=2.0, end=3.0, tentative="ee")])
    assert [said.text for said in script.take_back()] == ["Two."]
    assert ([said.text for said in script.closed], script.open) == (["One."], [])


def test_a_new_part_has_times_of_the_whole() -> None:
    script = Script()
    script.close(row("One."))
    script.begin_part(10.0)
    script.close(row("Two.", "B"))
    transcript = script.transcript(12.0)
    assert [(each.start, each.end, each.speaker) for each in transcript.segments] == [(0.0, 1.0, 0), (10.0, 11.0, 1)]
    assert transcript.duration == 12.0


def test_two_lines_of_at_most_so_many_columns() -> None:
    said = [Said("A", 0, 1, "one two three four five"), Said("B", 1, 2, "six"), Said("B", 2, 3, "seven eight")]
    assert last_lines(said, 12) == ["B: six seven", "eight"]
    assert last_lines(said[:1], 12) == ["three four", "five"]
    assert last_lines([Said("A", 0, 1, "", "perhaps")], 12) == []
    assert last_lines([Said("", 0, 1, "[Music]")], 12) == ["[Music]"]


def test_the_file_for_obs_begins_empty_and_is_replaced(tmp_path: Path) -> None:
    file, script = tmp_path / "obs.txt", Script()
    file.write_text("of yesterday")
    obs = ObsFile(file, pytest.fail)
    assert file.read_text() == ""
    script.close(row("Hello."))
    obs.show(script)
    assert file.read_text() == "A: Hello.\n"
    assert list(tmp_path.iterdir()) == [file]


def test_captions_go_on_where_the_file_for_obs_cannot_be_written(tmp_path: Path) -> None:
    said: list[str] = []
    file, script = tmp_path / "folder" / "obs.txt", Script()
    obs = ObsFile(file, said.append)
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("a file")
    for text in ("One.", "Two."):
        script.close(row(text))
        obs.show(script)
    assert said == [f"{file} cannot be written: File exists."]
    with pytest.raises(Fault, match="cannot be written"):
        ObsFile(file, said.append)


def test_what_was_said_is_printed_where_its_file_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    script, name = Script(), Path("stdin")
    script.close(row("An hour of it."))
    asked = SimpleNamespace(formats=[ResponseFormat.TEXT, ResponseFormat.SRT])
    places = Places(f"{tmp_path}/{{format}}ly/said.{{ext}}")
    (tmp_path / "textly").write_text("a file")
    with pytest.raises(Fault, match=r"textly/said\.txt cannot be written"):
        run._deliver(cast(Captioning, asked), script, 1.0, Input("stdin", name, name, piped=True), places)
    assert capsys.readouterr().out == "An hour of it.\n"
    assert "An hour of it." in (tmp_path / "srtly/said.srt").read_text()


def test_a_pipe_without_sound_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def all_of(source: sources.Source) -> list[bytes]:
        return [piece async for piece in source.pieces]

    with Path("/dev/null").open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(UsageFault, match="No sound came"):
            asyncio.run(all_of(sources.piped(16_000)))


def test_without_the_package_or_its_library_the_way_is_told(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    status, printed, said = here(["live"])
    assert (status, printed) == (1, "")
    assert "pip install 'vibevoice-asr-server[microphone]'" in said

    class Broken:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert "apt install libportaudio2" in here(["live"])[2]


class FakeStream:
    """Hears three pieces as soon as it is opened."""

    def __init__(self, *, samplerate: int, blocksize: int, callback: Any, **options: Any) -> None:
        self.options = options | {"samplerate": samplerate}
        self._piece = bytes(2 * blocksize)
        self._callback = callback

    def __enter__(self) -> Self:
        for _ in range(3):
            self._callback(self._piece, len(self._piece) // 2, None, None)
        return self

    def __exit__(self, *_: object) -> None: ...


def fake_sounddevice(names: Sequence[str], rate: float) -> SimpleNamespace:
    devices = [{"name": name, "max_input_channels": 1, "default_samplerate": rate} for name in names]

    def query(device: int | str | None = None, kind: str | None = None) -> Any:
        if kind is None:
            return devices
        if not devices:
            raise ValueError("no default")
        return devices[0]

    return SimpleNamespace(query_devices=query, RawInputStream=FakeStream, PortAudioError=type("E", (Exception,), {}))


async def test_a_microphone_is_heard_at_its_own_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice(["USB"], 96_000.0))
    source = sources.microphone(None)
    assert (source.name, source.rate) == ("USB", 48_000)
    pieces = source.pieces
    assert [len(await anext(pieces)) for _ in range(3)] == [9_600] * 3
    await pieces.aclose()  # type: ignore[attr-defined]


def test_a_machine_without_a_microphone_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice([], 48_000.0))
    with pytest.raises(Fault, match="this machine has none"):
        sources.microphone(None)


async def test_a_recording_of_more_than_a_day_is_not_played(tmp_path: Path) -> None:
    """No server has a say in it, so no server's setting is named. Its header says how long it is."""
    soundfile.write(tmp_path / "a.flac", np.zeros(8_000), 8_000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[22:26] = (8_000 * 86_500).to_bytes(4, "big")  # the lower bits of STREAMINFO's total samples
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(Fault, match=r"a\.flac: it lasts more than 24 hours: play it in parts\.$"):
        await anext(sources.spoken(tmp_path / "a.flac").pieces)


async def test_a_recording_comes_as_fast_as_it_was_spoken(tmp_path: Path) -> None:
    samples = np.linspace(-1, 1, 12_000, dtype=np.float32)
    soundfile.write(tmp_path / "a.flac", samples, 24_000)
    loop = asyncio.get_running_loop()
    pieces, times = [], []
    async for piece in sources.spoken(tmp_path / "a.flac").pieces:
        pieces.append(piece)
        times.append(loop.time())
    assert [len(piece) for piece in pieces] == [4_800] * 5
    assert times[-1] - times[0] >= 0.39, "five tenths of a second come in four steps of a tenth"
    heard = np.frombuffer(b"".join(pieces), "<i2") / 32_767
    assert np.abs(heard - samples).max() < 0.01
