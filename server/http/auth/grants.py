"""Short-lived credentials that an API key signs, so that a browser never sees the key.

A grant is a JSON Web Token (RFC 7519, HS256). What signs it comes of the key's digest, which every replica with this
key has: there is no state, nothing else to configure, and a key that is taken away ends its grants with it. What is
inside of one can be read by whoever has it, and nobody can change it.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import jwt

_ALGORITHM: Final = "HS256"
_LEEWAY_SECONDS: Final = 1.0
"""By which a grant is taken for longer: the clocks of replicas differ."""
_PURPOSE: Final = b"vibevoice-asr-server grant"


class Scope(StrEnum):
    """What a grant opens, and nothing else: in particular no way to another grant."""

    REALTIME = "realtime"
    """Live sessions at OpenAI's path."""
    LISTEN = "listen"
    """Live sessions and files at Deepgram's paths."""


class GrantExpired(Exception):  # noqa: N818 - the end of a grant is no error of its own
    """A grant that a known key has signed, too long ago."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one says.

    Attributes:
        scope: what it opens.
        expires_at: Unix time in seconds until which sessions may be begun with it; they may last longer.
        session: how a session begun with it is configured at first, as the one who asked for it wrote it.
    """

    scope: Scope
    expires_at: int
    session: Mapping[str, Any] = field(default_factory=dict)

    def signed(self, digest: bytes) -> str:
        """As a token, signed for the key of this digest."""
        claims = {"aud": self.scope.value, "exp": self.expires_at, "session": dict(self.session)}
        return jwt.encode(claims, _signing_key(digest), _ALGORITHM)


def read_grant(token: str, digests: Iterable[bytes], *, now: float) -> tuple[Grant, bytes] | None:
    """A token as the grant that it is, and the digest of the key that signed it; None if none of these did.

    ``now``: Unix time. Raises GrantExpired.
    """
    for digest in digests:
        try:
            claims = jwt.decode(
                token,
                _signing_key(digest),
                algorithms=[_ALGORITHM],
                options={"require": ["aud", "exp"], "verify_aud": False, "verify_exp": False},
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidTokenError:
            return None
        if now >= claims["exp"] + _LEEWAY_SECONDS:
            raise GrantExpired
        return Grant(Scope(claims["aud"]), claims["exp"], claims["session"]), digest
    return None


def _signing_key(digest: bytes) -> bytes:
    """Not the digest itself: logs name a key by the first digits of that."""
    return hmac.digest(digest, _PURPOSE, "sha256")
