"""Why a message was not taken, in words for whoever made the job."""

from __future__ import annotations

import os
import socket
import ssl

from server.jobs.webhooks.posting import NoAnswer
from server.jobs.webhooks.receivers import ForbiddenReceiver

_REDIRECTS = range(300, 400)


def status_refusal(status: int) -> str:
    """Of an answer that is none of success."""
    more = "; redirects are not followed" if status in _REDIRECTS else ""
    return f"The receiver answered with {status}{more}."


def refusal(error: ForbiddenReceiver | NoAnswer | OSError, seconds: float) -> str:
    """Of a receiver that did not answer. ``seconds``: that it had.

    No address is told: a name may lead somewhere else each time.
    """
    match error:
        case ForbiddenReceiver(message=message):
            return message
        case NoAnswer():
            return f"The receiver did not answer in HTTP: {error}."
        case TimeoutError():
            return f"The receiver did not answer within {seconds:g} seconds."
        case ssl.SSLCertVerificationError(verify_message=why):
            return f"The receiver's certificate cannot be trusted: {why.rstrip('.')}."
        case ssl.SSLError(reason=why):
            return f"No connection by TLS was made: {why or 'it broke off'}."
        case socket.gaierror():
            return "The receiver's name has no address."
        case OSError(errno=int(number)):
            return f"The receiver was not reached: {os.strerror(number)}."
        case _:
            return "The receiver was not reached."
