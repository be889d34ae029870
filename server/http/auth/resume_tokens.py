"""Tokens with which a client goes on elsewhere: signed, and nowhere kept.

A token is a JSON Web Signature (RFC 7515, HS256) over bytes. What signs it comes of the digest of the caller's API key
and of a secret that replicas share, if they have one: so whoever has the key can go on at every replica, and nobody
else. Without keys and without a secret it is one that this process has made, and tokens are good for nothing behind its
end. What is inside of a token can be read by whoever has it.
"""

from __future__ import annotations

import hmac
import secrets

from jwt.api_jws import PyJWS
from jwt.exceptions import InvalidTokenError

_ALGORITHM = "HS256"
_PURPOSE = b"vibevoice-asr-server resumption"
_SHARED_KEYS = b""


class NotSealed(Exception):  # noqa: N818 - it says what the token is
    """Nobody who knows the secret has made this token for this purpose."""


class ResumeTokens:
    """Those of one server.

    Args:
        secret: that all replicas have; None: none was set.
        keyed: callers have API keys, which all replicas know.

    Attributes:
        shared: other replicas take these tokens too.
    """

    def __init__(self, secret: str | None, *, keyed: bool) -> None:
        self.shared = keyed or secret is not None
        own = _SHARED_KEYS if keyed else secrets.token_bytes(32)
        self._secret = own if secret is None else secret.encode()
        self._jws = PyJWS(algorithms=[_ALGORITHM])

    def sealed(self, content: bytes, *, purpose: str, digest: bytes) -> str:
        """The token for whoever calls with the key of this digest."""
        return self._jws.encode(content, self._key(digest), _ALGORITHM, headers={"typ": purpose})

    def content(self, token: str, *, purpose: str, digest: bytes) -> bytes:
        """What is in a token. Raises NotSealed."""
        try:
            opened = self._jws.decode_complete(token, self._key(digest), algorithms=[_ALGORITHM])
        except InvalidTokenError:
            raise NotSealed from None
        if opened["header"].get("typ") != purpose:
            raise NotSealed
        content: bytes = opened["payload"]
        return content

    def _key(self, digest: bytes) -> bytes:
        return hmac.digest(hmac.digest(self._secret, digest, "sha256"), _PURPOSE, "sha256")
