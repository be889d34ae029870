"""Settings of the server: command-line flags, then ``VIBEVOICE_*`` environment variables, then the defaults here."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, CliSettingsSource, NoDecode, SettingsConfigDict

from model.seam.audio import SAMPLE_RATE
from model.seam.runner import AttentionName, WeightsName
from model.seam.steps import DEFAULT_STEPS, StepSizes
from server.audio_in.limits import SPLIT_FACTOR
from server.http.auth.keys import Key, KeyLimits, hashed, read_key, read_keys
from server.live.settings import DEFAULT_LIVE, LiveSettings, UpdateSeconds, WindowSeconds
from server.resources import free_disk, memory_limit

MIB = 1024 * 1024
_LONGEST_UPLOAD = 3600.0
_MEMORY_SHARE = 4
_DISK_SHARE = 0.8
_SAMPLE_BYTES = 4
"""Of float32."""


class ModelSettings(BaseModel):
    """Which checkpoint, and where it runs."""

    model: str = Field(
        "microsoft/VibeVoice-ASR-HF", description='Checkpoint: a hub id, a folder, or "tiny" for the bundled one.'
    )
    revision: str | None = Field(None, description="Commit or tag of a hub checkpoint.")
    served_model_name: str = Field(
        "vibevoice-asr", min_length=1, max_length=128, description="Name of the model in /v1/models and in requests."
    )
    device: str = Field(
        "auto", description='Device of the model: "auto" (CUDA or else the CPU), "cpu", "cuda", "cuda:1", "mps", ...'
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Number format of the model; auto is bfloat16, float16 on GPUs without it, float32 for small ones "
        "on a CPU.",
    )
    weights: WeightsName = Field(
        "auto", description="What the decoder's linear maps are kept in; auto leaves them as the checkpoint has them."
    )
    attention: AttentionName = Field(
        "auto", description="Attention backend; auto takes the best that runs here, any other has to run here."
    )
    deterministic: bool = Field(
        False, description="Compute every answer in one order, so that it is the same in any company; slower."
    )
    kv_positions: int | None = Field(
        None, gt=0, description="Positions of the KV cache, shared by all requests; by default what the device holds."
    )
    min_audio_minutes: float = Field(
        5.0, gt=0, description="The server does not start where so much audio does not fit in one pass."
    )


class StepSettings(BaseModel):
    """How much one step of the model does."""

    max_rows: int = Field(DEFAULT_STEPS.max_rows, gt=0, description="Requests that are computed in one step at most.")
    prefill_positions: int = Field(
        DEFAULT_STEPS.prefill_positions,
        gt=0,
        description="Prompt positions per step; less answers running requests sooner, more starts new ones.",
    )
    encode_frames: int = Field(
        DEFAULT_STEPS.encode_frames,
        gt=0,
        description="Audio frames (7.5 per second) that are encoded per step over all requests.",
    )

    @property
    def steps(self) -> StepSizes:
        """Raises ValueError for sizes that make no step."""
        return StepSizes(self.max_rows, self.prefill_positions, self.encode_frames)

    @model_validator(mode="after")
    def _sizes_of_a_step(self) -> Self:
        _ = self.steps
        return self


class WorkerSettings(BaseModel):
    """How the process with the model is watched."""

    worker_timeout: float = Field(
        30.0,
        gt=0,
        description="A worker is replaced that is silent for this long, or whose step takes so long and ten times as "
        "long as its steps have taken before; after a third of it /ready says 503.",
    )


class NetworkSettings(BaseModel):
    """Who may call, and how the server starts and stops."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all interfaces.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Keys that clients may use, or their digests, separated by commas. By environment or file: "
        "every user of the machine can see flags.",
    )
    api_keys_file: Path | None = Field(
        None, description="File with a key or its digest per line, and what it may have; read again on SIGHUP."
    )
    resume_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="Signs what clients resume live sessions with, the same at all replicas; not needed where keys are "
        "set. Better given by environment.",
    )
    key_in_x_api_key: bool = Field(False, description="Take keys from the header X-API-Key too.")
    key_in_query: bool = Field(
        False, description="Take keys from ?token= too. Addresses end up in logs of proxies and in histories."
    )
    metrics_without_key: bool = Field(False, description="Let /metrics be read without a key where keys are set.")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins (https://app.example), separated by commas, whose pages may call; none by default."
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Names, separated by commas, that the server is called by, *.example.com for all below one, * for "
        "any; beside addresses, localhost, --host and, where it listens on a network, names without dots. By default "
        "any where keys are set.",
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Balancers, as addresses or networks (10.0.0.0/8), separated by commas, whose X-Forwarded-For and "
        "X-Forwarded-Proto are believed; nobody's by default.",
    )
    drain_notice_seconds: float = Field(
        0.0,
        ge=0,
        description="After SIGTERM /ready says 503 this long before new work is refused: two checks of the balancer.",
    )
    drain_seconds: float = Field(
        60.0, ge=0, description="After SIGTERM running requests have this long to finish before they are cancelled."
    )
    heartbeat_seconds: float = Field(10.0, gt=0, description="A silent event stream says a comment this often.")


class LimitSettings(BaseModel):
    """What a request may cost."""

    max_upload_bytes: int = Field(512 * MIB, gt=0, description="Largest request body.")
    max_audio_seconds: float = Field(3600.0, gt=0, description="Longest recording.")
    max_uploads: int = Field(512, gt=0, description="Bodies that come in at once; more are answered with 429.")
    upload_grace_seconds: float = Field(30.0, gt=0, description="A body may be this late before its rate is looked at.")
    upload_min_bytes_per_second: int = Field(
        16_000, gt=0, description="Slowest body, on average after the grace time; slower ones are refused."
    )
    upload_seconds: float | None = Field(
        None,
        gt=0,
        description="Longest time that a body may take; by default what the largest takes at the slowest rate, and no "
        "more than an hour.",
    )
    spool_bytes: int | None = Field(
        None,
        gt=0,
        description="Disk for bodies in the temporary folder; by default 80 % of what is free there at the start.",
    )
    memory_bytes: int | None = Field(
        None,
        gt=0,
        description="Memory for bodies and for decoded audio on its way to the model; by default a quarter of what the "
        "process may have. The longest recording has to fit in twice.",
    )
    max_header_bytes: int = Field(
        64 * 1024, gt=0, description="Longest head of a request: its first line and its headers."
    )
    header_seconds: float = Field(
        20.0, gt=0, description="The head of a request has to come within this time; idle connections are closed."
    )
    max_requests: int = Field(128, gt=0, description="Requests in work or waiting; more are answered with 429.")
    max_queued_audio_seconds: float = Field(
        14_400.0, gt=0, description="Audio of all requests in work or waiting; more is answered with 429."
    )
    max_request_seconds: float | None = Field(
        None,
        gt=0,
        description="Longest time from a request's head to its answer's end; it may ask for less. Any by default.",
    )
    decode_processes: int = Field(4, gt=0, description="Uploads decoded at once, each in a process of its own.")

    @property
    def longest_upload(self) -> float:
        """Seconds."""
        if self.upload_seconds is not None:
            return self.upload_seconds
        slowest = self.max_upload_bytes / self.upload_min_bytes_per_second
        return min(self.upload_grace_seconds + slowest, _LONGEST_UPLOAD)

    @property
    def memory_budget(self) -> int:
        """Bytes for bodies and samples."""
        return self.memory_bytes or max(self._samples_bytes, memory_limit() // _MEMORY_SHARE)

    def spool_budget(self, folder: str) -> int:
        """Bytes for bodies in ``folder``."""
        return self.spool_bytes or round(_DISK_SHARE * free_disk(folder))

    @property
    def _samples_bytes(self) -> int:
        """Those of the longest recording with the most channels that are heard each for itself."""
        return round(SPLIT_FACTOR * self.max_audio_seconds * SAMPLE_RATE * _SAMPLE_BYTES)

    @model_validator(mode="after")
    def _room_for_the_longest(self) -> Self:
        if self.memory_bytes is not None and self.memory_bytes < self._samples_bytes:
            raise ValueError(f"memory_bytes: recordings of max_audio_seconds need {self._samples_bytes}")
        return self


class KeySettings(BaseModel):
    """What each key may have where its line in the key file does not say otherwise; without keys, all callers."""

    key_max_requests: int | None = Field(None, gt=0, description="Requests with recordings at once; by default any.")
    key_max_live_sessions: int | None = Field(None, gt=0, description="Live sessions at once; by default any.")
    key_audio_seconds_per_minute: float | None = Field(
        None, gt=0, description="Audio of recordings and live sessions; by default any."
    )

    @property
    def key_limits(self) -> KeyLimits:
        """The three together."""
        return KeyLimits(self.key_max_requests, self.key_max_live_sessions, self.key_audio_seconds_per_minute)


class SessionSettings(BaseModel):
    """How live sessions run, and what one may cost."""

    max_live_sessions: int = Field(32, gt=0, description="Live sessions at once; more are answered with 429.")
    live_update_seconds: UpdateSeconds = Field(
        DEFAULT_LIVE.update, description="New speech after which the text of a live session is brought up to date."
    )
    live_window_seconds: WindowSeconds = Field(
        DEFAULT_LIVE.window,
        description="Audio that the model hears at once; more costs more per update and knows more.",
    )
    live_idle_seconds: float = Field(
        60.0, gt=0, description="A live session ends when its client sends nothing for this long."
    )
    live_send_seconds: float = Field(
        20.0, gt=0, description="A live session ends when its client leaves what it is sent untaken for this long."
    )
    live_max_seconds: float = Field(14_400.0, gt=0, description="Longest live session.")

    @property
    def live(self) -> LiveSettings:
        """How sessions are transcribed."""
        return LiveSettings(update=self.live_update_seconds, window=self.live_window_seconds)


class LogSettings(BaseModel):
    """What is logged and how."""

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is written.")
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or one JSON object a line.")


_GROUPS: dict[str, type[BaseModel]] = {
    "model": ModelSettings,
    "engine": StepSettings,
    "worker": WorkerSettings,
    "network": NetworkSettings,
    "limits": LimitSettings,
    "keys": KeySettings,
    "live": SessionSettings,
    "log": LogSettings,
}


class Settings(
    ModelSettings,
    StepSettings,
    WorkerSettings,
    NetworkSettings,
    LimitSettings,
    KeySettings,
    SessionSettings,
    LogSettings,
    BaseSettings,
):
    """Everything that can be set, frozen. ``Settings()`` reads the environment, ``from_cli`` flags as well."""

    model_config = SettingsConfigDict(
        env_prefix="VIBEVOICE_",
        frozen=True,
        extra="forbid",
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_hide_none_type=True,
        cli_avoid_json=True,
        protected_namespaces=(),
    )

    @field_validator("api_keys", "cors_origins", "allowed_hosts", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("api_keys", mode="after")
    @classmethod
    def _digests(cls, keys: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        """Nothing else of keys is kept."""
        return tuple(SecretStr(hashed(key.get_secret_value())) for key in keys)

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(str(ip_network(entry)) for entry in value)

    @model_validator(mode="after")
    def _readable_key_file(self) -> Self:
        if self.api_keys_file is not None and not self._keys_in(self.api_keys_file):
            raise ValueError(f"api_keys_file: {self.api_keys_file} holds no key")
        return self

    @property
    def keys(self) -> tuple[Key, ...]:
        """All keys, those of the file as it is now. Raises ValueError when it cannot be read."""
        keys = [read_key(key.get_secret_value(), self.key_limits) for key in self.api_keys]
        if self.api_keys_file is not None:
            keys += self._keys_in(self.api_keys_file)
        return tuple({key.digest: key for key in keys}.values())

    def _keys_in(self, file: Path) -> list[Key]:
        try:
            return read_keys(file.read_text("utf-8").splitlines(), self.key_limits)
        except OSError as error:
            raise ValueError(f"api_keys_file: {file}: {error.strerror}") from error
        except ValueError as error:
            raise ValueError(f"api_keys_file: {file}: {error}") from None

    @classmethod
    def from_cli(cls, arguments: Sequence[str] | None = None) -> Self:
        """Settings from flags (default: those of this process) over the environment. Exits on --help and bad flags."""
        parser = argparse.ArgumentParser(
            prog="vibevoice-asr-server",
            usage="vibevoice-asr-server [flags]",
            description="Serves VibeVoice-ASR over OpenAI-compatible HTTP. "
            "Every flag can also be set by environment: --max-rows is VIBEVOICE_MAX_ROWS.",
        )
        section_of = {
            field: section
            for name, group in _GROUPS.items()
            for section in [parser.add_argument_group(name)]
            for field in group.model_fields
        }

        def add_argument(_: argparse.ArgumentParser, *names: str, **options: Any) -> None:
            if options.get("metavar", "").startswith("tuple"):
                options["metavar"] = "a,b,..."
            section_of[options["dest"]].add_argument(*names, **options)

        source: CliSettingsSource[argparse.ArgumentParser] = CliSettingsSource(
            cls, root_parser=parser, add_argument_method=add_argument
        )
        return cls(_cli_settings_source=source(args=list(arguments) if arguments is not None else True))
