"""All groups together: flags, then ``VIBEVOICE_*`` environment variables, then the defaults of the groups."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, CliSettingsSource, SettingsConfigDict

from server.http.auth.keys import Key, hashed, read_key, read_keys
from server.live.settings import LiveSettings
from server.settings.answers import AnswerSettings
from server.settings.conversations import ConversationSettings
from server.settings.jobs import JobSettings
from server.settings.keys import KeySettings
from server.settings.limits import LimitSettings
from server.settings.live import SessionSettings
from server.settings.log import LogSettings
from server.settings.model import ModelSettings
from server.settings.network import NetworkSettings, read_host, read_origin
from server.settings.page import PageSettings
from server.settings.steps import StepSettings
from server.settings.windows import WindowSettings
from server.settings.worker import WorkerSettings
from server.version import VERSION

GROUPS: dict[str, type[BaseModel]] = {
    "model": ModelSettings,
    "engine": StepSettings,
    "worker": WorkerSettings,
    "network": NetworkSettings,
    "page": PageSettings,
    "limits": LimitSettings,
    "windows": WindowSettings,
    "answers": AnswerSettings,
    "conversations": ConversationSettings,
    "keys": KeySettings,
    "jobs": JobSettings,
    "live": SessionSettings,
    "log": LogSettings,
}


class Settings(
    ModelSettings,
    StepSettings,
    WorkerSettings,
    NetworkSettings,
    PageSettings,
    LimitSettings,
    WindowSettings,
    AnswerSettings,
    ConversationSettings,
    KeySettings,
    JobSettings,
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

    @property
    def live(self) -> LiveSettings:
        """See SessionSettings."""
        return super().live.model_copy(update={"loop_guard": self.loop_guard})

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

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(read_origin, value))

    @field_validator("allowed_hosts")
    @classmethod
    def _hosts(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(read_host, value))

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
    def from_cli(cls, arguments: Sequence[str] | None = None, prog: str = "vibevoice-asr-server") -> Self:
        """Settings from flags (default: those of this process) over the environment. Exits on --help and bad flags.

        ``prog``: what help and errors call the command.
        """
        parser = argparse.ArgumentParser(
            prog=prog,
            usage=f"{prog} [flags]",
            description="Serves VibeVoice-ASR over OpenAI-compatible HTTP. "
            "Every flag can also be set by environment: --max-rows is VIBEVOICE_MAX_ROWS.",
        )
        parser.add_argument("--version", action="version", version=f"%(prog)s {VERSION}")
        section_of = {
            field: section
            for name, group in GROUPS.items()
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
