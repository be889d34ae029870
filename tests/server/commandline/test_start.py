"""What the command imports, what its help says, what shells are given."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from server.settings import Settings
from tests.server.commandline.conftest import PATIENCE, Here, called, environment
from tests.support.processes import ROOT
from tests.support.stub_server import Reply, running_stub, transcribed

_LOADED = """
import sys
from server.commandline.app import run
for arguments in sys.argv[1].split(";"):
    run(arguments.split())
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(calls: Sequence[str], cwd: Path) -> set[str]:
    """Packages that are imported when these calls are done."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, ";".join(calls)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
        env=environment(),
        cwd=cwd,
    )
    return set(done.stderr.splitlines()[-1].split())


def test_help_imports_nothing_of_weight(tmp_path: Path) -> None:
    calls = [
        "--help",
        *(f"{name} --help" for name in ("transcribe", "live", "jobs", "jobs list", "models", "doctor", "eval")),
    ]
    heavy = {"torch", "transformers", "numpy", "fastapi", "httpx", "websockets", "av", "huggingface_hub"}
    assert loaded(calls, tmp_path) & heavy == set()


@pytest.mark.parametrize("arguments", [[], ["jobs"], ["models"]])
def test_without_a_command_there_is_the_help_and_nothing_else(here: Here, arguments: list[str]) -> None:
    status, printed, said = here(arguments)
    assert (status, printed) == (2, "")
    assert said == here([*arguments, "--help"])[1]


def test_what_commands_do_is_not_cut_off(here: Here) -> None:
    for arguments in ([], ["jobs"], ["models"]):
        assert "..." not in here([*arguments, "--help"])[1].partition("Commands:")[2]


def test_clients_import_no_tensors_and_no_server(tmp_path: Path) -> None:
    talk = tmp_path / "talk.wav"
    talk.write_bytes(b"RIFF")
    with running_stub() as stub:
        stub.replies["/v1/audio/transcriptions"] = [transcribed(text="Words.")]
        stub.replies["/v1/jobs"] = [Reply(200, {"data": [], "has_more": False})]
        calls = [f"transcribe {talk} -s {stub.url}", f"jobs list -s {stub.url}", "live nothing.wav"]
        packages = loaded(calls, tmp_path)
    assert packages & {"torch", "transformers", "fastapi", "uvicorn", "onnxruntime", "huggingface_hub"} == set()


def test_serve_shows_every_flag_in_groups_and_says_what_is_wrong(tmp_path: Path) -> None:
    shown = called("serve", "--help", cwd=tmp_path).stdout
    assert shown.startswith("usage: vibevoice-asr serve [flags]")
    assert all(f"--{name.replace('_', '-')}" in shown for name in Settings.model_fields)
    assert {"model:", "engine:", "network:", "limits:", "jobs:"} <= set(shown.splitlines())
    wrong = called("serve", "--port", "70000", cwd=tmp_path, VIBEVOICE_MAX_ROWS="none")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--port Input should be less than or equal to 65535" in wrong.stderr
    assert "VIBEVOICE_MAX_ROWS Input should be a valid integer" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_finetune_is_the_command_of_teaching(here: Here, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        here(["finetune", "--help"])
    printed = capfd.readouterr().out
    assert left.value.code == 0
    assert printed.startswith("usage: vibevoice-asr finetune ")
    assert "--held-out" in printed
    status, printed, said = here(["finetune", "nowhere.jsonl", "--output", "taught"])
    assert (status, printed) == (1, "")
    assert said.startswith("vibevoice-asr finetune: ")
    assert "nowhere.jsonl" in said


def test_a_port_that_another_program_has_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = called("serve", "--model", "tiny", "--port", str(port), cwd=tmp_path)
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    told = f"Nothing is served at 127.0.0.1:{port}. If another program has the port, give another: --port.\n"
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_shells_get_a_script_that_they_understand(tmp_path: Path, shell: str) -> None:
    script = called("x", cwd=tmp_path, _VIBEVOICE_ASR_COMPLETE=f"source_{shell}").stdout
    assert "_VIBEVOICE_ASR_COMPLETE=complete_" in script
    installed = called(
        "--install-completion",
        shell,
        cwd=tmp_path,
        HOME=str(tmp_path),
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    assert installed.returncode == 0, installed.stderr
    assert "completion installed" in installed.stdout


def test_flags_of_the_server_are_completed(tmp_path: Path) -> None:
    done = called(
        "x",
        cwd=tmp_path,
        _VIBEVOICE_ASR_COMPLETE="complete_bash",
        COMP_WORDS="vibevoice-asr serve --max-r",
        COMP_CWORD="2",
    )
    assert set(done.stdout.split()) == {"--max-rows", "--max-requests", "--max-request-seconds"}


def test_the_version_is_that_of_the_server(here: Here) -> None:
    from server.version import VERSION

    assert here(["--version"]) == (0, f"{VERSION}\n", "")


def test_both_names_are_console_scripts() -> None:
    scripts = (ROOT / "pyproject.toml").read_text().partition("[project.scripts]")[2]
    assert 'vibevoice-asr = "server.commandline.main:main"' in scripts
    assert 'vibevoice-asr-server = "server.__main__:main"' in scripts
