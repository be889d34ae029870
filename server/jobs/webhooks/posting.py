"""One POST to an address that was looked at before: no proxy, no redirect, no name that is resolved a second time."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from typing import Final

import h11

from server.jobs.webhooks.receivers import Receiver

_AT_ONCE: Final = 1 << 14
_MOST: Final = 1 << 16
"""Bytes of an answer's head."""


class NoAnswer(Exception):  # noqa: N818 - it says what there was
    """The receiver did not answer in HTTP."""


async def post(receiver: Receiver, address: str, headers: Mapping[str, str], body: bytes) -> int:
    """The status of the answer. Raises NoAnswer, OSError (ssl.SSLError among them), TimeoutError of the caller's.

    ``address``: of the host, to be connected to; the certificate has to be the host's.
    """
    secure = receiver.scheme == "https"
    # Made anew each time: the machine's certificates change while it runs, and are read from the disk.
    trust = await asyncio.to_thread(ssl.create_default_context) if secure else None
    reader, writer = await asyncio.open_connection(
        address, receiver.port, ssl=trust, server_hostname=receiver.host if secure else None
    )
    try:
        return await _exchange(reader, writer, receiver, headers, body)
    finally:
        writer.transport.abort()


async def _exchange(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    receiver: Receiver,
    headers: Mapping[str, str],
    body: bytes,
) -> int:
    connection = h11.Connection(h11.CLIENT)
    own = {"host": receiver.authority, "content-length": str(len(body)), "connection": "close"}
    request = h11.Request(method="POST", target=receiver.target, headers=list({**own, **headers}.items()))
    for part in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(part) or b"")
    await writer.drain()
    received = 0
    try:
        while True:
            event = connection.next_event()
            if isinstance(event, h11.Response):
                return event.status_code
            if event is h11.NEED_DATA:
                data = await reader.read(_AT_ONCE)
                received += len(data)
                if received > _MOST:
                    raise NoAnswer("its head does not end")
                connection.receive_data(data)
            elif not isinstance(event, h11.InformationalResponse):
                raise NoAnswer("it closed the connection")
    except h11.RemoteProtocolError as error:
        raise NoAnswer(str(error)) from None
