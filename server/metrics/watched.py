"""What the collectors read when they are asked: the server's parts, as far as metrics look at them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from server.audio_in.decode_pool import DecodePool
from server.engine.client.engine import Engine
from server.jobs.jobs import Jobs
from server.resources import Budget
from server.settings import Settings


class LivePlaces(Protocol):
    """The live sessions."""

    @property
    def active(self) -> int:
        """Places taken."""
        ...

    @property
    def backlogs(self) -> Iterable[float]:
        """Seconds of audio that wait for the model, of each session."""
        ...


class UploadPlaces(Protocol):
    """The bodies that come in."""

    taken: int


class Spool(Protocol):
    """Where they are kept."""

    @property
    def used(self) -> int: ...
    @property
    def budget(self) -> int: ...


class Watched(Protocol):
    """The service of one application."""

    @property
    def settings(self) -> Settings: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def decoders(self) -> DecodePool: ...
    @property
    def live(self) -> LivePlaces: ...
    @property
    def uploads(self) -> UploadPlaces: ...
    @property
    def spool(self) -> Spool: ...
    @property
    def memory(self) -> Budget: ...
    @property
    def jobs(self) -> Jobs | None: ...
    @property
    def ready(self) -> bool: ...
    @property
    def draining(self) -> bool: ...
    @property
    def active_requests(self) -> int: ...
