"""Jobs: where they are kept, what they may take, and who is told of their ends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from server.jobs.webhooks.signing import read_secret
from server.resources import free_disk

_DISK_SHARE = 0.8


class JobSettings(BaseModel):
    """Jobs, where there is a folder for them."""

    jobs_folder: Path | None = Field(
        None,
        description="Folder in which jobs (background=true) are kept over restarts, on a disk of this machine; servers "
        "on it that have the same model may share it. Without it no jobs are taken.",
    )
    jobs_name: str | None = Field(
        None,
        pattern="^[a-z0-9-]{1,32}$",
        description="Part of the ids of jobs, by which a balancer finds the servers with this folder: for where others "
        "have folders of their own.",
    )
    max_jobs_running: int = Field(
        2, gt=0, description="Jobs that this server has in work at once; requests go before them."
    )
    max_jobs_queued: int = Field(1000, gt=0, description="Jobs in the folder that wait; more are answered with 429.")
    jobs_bytes: int | None = Field(
        None,
        gt=0,
        description="Disk for the recordings of jobs; by default 80 % of what is free in the "
        "folder at the start. What does not fit is answered with 503.",
    )
    job_retention_hours: float = Field(
        72.0,
        gt=0,
        description="Hours for which the result of a job is kept after its end; that there was a job is known for "
        "twice as long.",
    )
    keep_job_recordings: bool = Field(
        False,
        description="Keep the recording of a job as long as its result, so that it can be listened to; the oldest ones "
        "make way for new jobs. Otherwise it is deleted when the job ends.",
    )
    webhook_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Hosts, separated by commas, to which jobs may send a message at their end (webhook_url), "
        "*.example.com for all below one, * for any with a public address; none by default.",
    )
    webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Secrets (whsec_ and base64 of 24 to 64 bytes), separated by commas, that sign what is sent to "
        "webhooks. By environment.",
    )
    webhook_private_addresses: bool = Field(
        False, description="Let webhooks have addresses of private networks and of this machine, and plain HTTP."
    )

    def jobs_budget(self, folder: Path) -> int:
        """Bytes for recordings in ``folder``, beside those that are there."""
        return self.jobs_bytes or round(_DISK_SHARE * free_disk(str(folder)))

    @property
    def webhook_keys(self) -> tuple[bytes, ...]:
        """What the secrets stand for."""
        return tuple(read_secret(secret.get_secret_value()) for secret in self.webhook_secrets)

    @field_validator("webhook_hosts", "webhook_secrets", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _webhooks_are_signed(self) -> Self:
        if not self.webhook_keys and self.webhook_hosts:
            raise ValueError("webhook_hosts needs webhook_secrets, since what is sent to these hosts is signed")
        if self.webhook_hosts and self.jobs_folder is None:
            raise ValueError("webhook_hosts needs jobs_folder, since only jobs send webhooks")
        return self
