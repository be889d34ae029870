"""Signatures of messages, as Standard Webhooks has them (its specification, "Webhook metadata", "Signature scheme")."""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a secret."""


def read_secret(text: str) -> bytes:
    """A secret as operators write it, ``whsec_`` and base64. Raises ValueError that does not show it."""
    try:
        key = b64decode(text.removeprefix(PREFIX), validate=True)
    except NotBase64:
        raise ValueError(f"a secret is {PREFIX} and base64") from None
    if not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"a secret has {_SHORTEST} to {_LONGEST} bytes, not {len(key)}")
    return key


def signed_headers(message: str, body: str, now: int, secrets: Sequence[bytes]) -> dict[str, str]:
    """The three headers of a message that is sent now: one signature for each secret, so that they can be changed."""
    content = f"{message}.{now}.{body}".encode()
    signatures = [b64encode(hmac.digest(secret, content, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": message,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
