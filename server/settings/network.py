"""Who may call, and how the server starts and stops."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import NoDecode


def read_origin(text: str) -> str:
    """An origin as browsers send it, of one that a person wrote. Raises ValueError for what none of them sends."""
    origin = text.rstrip("/").lower()
    parts = urlsplit(origin)
    if origin not in {"*", "null", f"{parts.scheme}://{parts.netloc}"} or "*" in parts.netloc:
        raise ValueError(f"{text} is not an origin: write it as https://app.example or http://localhost:3000, or *")
    return origin


def read_host(text: str) -> str:
    """A name that the server is called by. Raises ValueError for what no host is called."""
    if text != "*" and re.fullmatch(r"(\*\.)?[\w.-]+", text, re.ASCII) is None:
        try:
            ip_address(text)
        except ValueError:
            raise ValueError(
                f"{text} is not a host: write it as asr.example.com, without a port, or *.example.com, or *"
            ) from None
    return text


class NetworkSettings(BaseModel):
    """Who may call, and how the server starts and stops."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all interfaces.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description="Keys that clients may use, or their digests, separated by commas. Better given by environment or "
        "file: every user of the machine can see flags.",
    )
    api_keys_file: Path | None = Field(
        None, description="File with a key or its digest per line, and what it may have; read again on SIGHUP."
    )
    resume_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="Secret that signs the tokens with which clients resume live sessions, the same at all replicas; "
        "not needed where keys are set. Better given by environment.",
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
        description="Names by which clients may call the server, separated by commas, *.example.com for all below one, "
        "* for any; always allowed are addresses, localhost, --host and, where it listens on a network, names "
        "without dots. By default any where keys are set.",
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
    heartbeat_seconds: float = Field(
        10.0, gt=0, description="An event stream that has nothing to send sends a comment this often."
    )
