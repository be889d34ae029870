"""What `--voice-encoder` does when the server starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.serving.server import serve


def test_a_file_that_cannot_be_used_ends_the_start_and_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("no network")
    assert serve(["--model", "tiny", "--voice-encoder", str(text)]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"--voice-encoder {text} cannot be loaded")
