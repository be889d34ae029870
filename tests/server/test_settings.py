"""Flags over environment over defaults; keys from several places; nothing secret shown."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from model.seam.adapters import NamedAdapter
from server.http.auth.keys import KeyLimits, digest_of, hashed
from server.serving.server import serve
from server.settings import Settings


def test_flags_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIBEVOICE_PORT", "9000")
    monkeypatch.setenv("VIBEVOICE_MAX_ROWS", "7")
    settings = Settings.from_cli(["--port", "9001", "--model", "tiny", "--metrics-without-key"])
    assert (settings.port, settings.max_rows, settings.model) == (9001, 7, "tiny")
    assert settings.metrics_without_key
    assert Settings().port == 9000


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIBEVOICE_CORS_ORIGINS", "https://a.example, https://b.example")
    assert Settings.from_cli([]).cors_origins == ("https://a.example", "https://b.example")


def test_origins_and_hosts_as_people_write_them() -> None:
    origins = Settings(cors_origins="https://App.example/, http://[::1]:3000, tauri://localhost, null, *").cors_origins
    assert origins == ("https://app.example", "http://[::1]:3000", "tauri://localhost", "null", "*")
    hosts = Settings(allowed_hosts="a.example, *.b.example, host_1, ::1, 10.0.0.1, *").allowed_hosts
    assert hosts == ("a.example", "*.b.example", "host_1", "::1", "10.0.0.1", "*")


@pytest.mark.parametrize(
    "wrong", ["app.example", "https://app.example/page", "https://", "*.app.example", "https://*.a.example"]
)
def test_what_no_browser_sends_as_its_origin_is_told(wrong: str) -> None:
    """It would be allowed, and every page refused."""
    with pytest.raises(ValidationError, match=f"{re.escape(wrong)} is not an origin: write it as https://"):
        Settings(cors_origins=(wrong,))


@pytest.mark.parametrize("wrong", ["asr.example:8443", "https://asr.example", "asr.*", "asr.example/v1"])
def test_what_no_host_is_called_is_told(wrong: str) -> None:
    with pytest.raises(
        ValidationError, match=f"{re.escape(wrong)} is not a host: write it as asr.example.com, without"
    ):
        Settings(allowed_hosts=(wrong,))


def test_adapters_have_names_of_their_own() -> None:
    settings = Settings.from_cli(["--adapters", "clinic=/adapters/a=b, court = court"])
    assert settings.named_adapters == (NamedAdapter("clinic", "/adapters/a=b"), NamedAdapter("court", "court"))


@pytest.mark.parametrize(
    ("adapters", "told"),
    [
        ("clinic", "'clinic' is not name=folder"),
        ("=folder", "is not name=folder"),
        ("clinic=", "is not name=folder"),
        ("a=1,a=2", "two adapters are called 'a'"),
        ("whisper-1=a", "'whisper-1' means the checkpoint itself"),
        ("mine=a", "'mine' means the checkpoint itself"),
    ],
)
def test_adapters_without_one_are_told(adapters: str, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Settings(adapters=adapters, served_model_name="mine")


def test_keys_come_from_environment_and_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("# of the team\nfirst\n\n second \n")
    monkeypatch.setenv("VIBEVOICE_API_KEYS", "third,fourth")
    settings = Settings.from_cli(["--api-keys-file", str(file)])
    assert {key.digest for key in settings.keys} == set(map(digest_of, ("first", "second", "third", "fourth")))
    assert not re.search(
        "third|fourth", f"{settings!r}{settings.model_dump()}{settings.api_keys[0].get_secret_value()}"
    )


def test_keys_may_have_limits_and_those_that_have_none_get_the_servers(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{hashed('first')} max_requests=9 priority=yes\nsecond\n")
    settings = Settings.from_cli(
        ["--api-keys-file", str(file), "--key-max-requests", "2", "--key-audio-seconds-per-minute", "600"]
    )
    first, second = settings.keys
    assert first.limits == KeyLimits(9, None, 600, priority=True)
    assert second.limits == settings.key_limits == KeyLimits(2, None, 600)


def test_a_line_of_the_file_counts_more_than_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("first max_requests=9\n")
    (key,) = Settings(api_keys=(SecretStr("first"),), api_keys_file=file).keys
    assert key.limits.max_requests == 9


def test_a_bad_line_is_named_without_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keys"
    file.write_text("first\nsk-secret max=9\n")
    with pytest.raises(SystemExit):
        sys.exit(serve(["--api-keys-file", str(file)]))
    told = capsys.readouterr().err
    assert "line 2: " in told
    assert "sk-secret" not in told


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        setattr(Settings(), "port", 1)  # noqa: B010 - a plain assignment is an error of types already


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "70000"], "--port"),
        (["--dtype", "int3"], "--dtype"),
        (["--max-rows", "0"], "--max-rows"),
        (["--api-keys-file", "/nowhere/keys"], "api_keys_file"),
        (["--max-rows", "64", "--prefill-positions", "10"], "prefill_positions"),
        (["--streaming-segment-duration", "1"], "1 s are no multiple; 0.933333333 or 1.06666667 s are."),
    ],
)
def test_bad_settings_are_named(arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:  # argparse leaves by itself
        sys.exit(serve(arguments))
    assert left.value.code == 2
    assert told in capsys.readouterr().err


def test_help_has_a_sentence_for_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        Settings.from_cli(["--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in shown
        assert field.description
        assert field.description.endswith((".", "..."))
