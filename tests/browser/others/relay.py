"""``python -m tests.browser.others.relay FIREFOX ARGUMENTS``: with an answer to what this Firefox does not know.

Playwright sends one command of WebDriver BiDi to every page, with which tests wish for dark or light, that the extended
support release of Firefox has not learnt yet (``emulation.setMediaFeaturesOverride``), and goes no further without an
answer. So it is started through this: all else passes as it is, both ways.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from functools import partial

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

_UNKNOWN = {"emulation.setMediaFeaturesOverride"}
_LISTENING = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
_ANY_SIZE = None


async def main(command: list[str]) -> int:
    """Run Firefox until it ends. Returns its exit status."""
    firefox = await create_subprocess_exec(*command, stderr=PIPE)
    assert firefox.stderr is not None
    async for line in firefox.stderr:
        if (found := _LISTENING.search(line)) is None:
            sys.stderr.buffer.write(line)
            continue
        server = await serve(partial(_pass_on, found[1].decode()), "127.0.0.1", 0, max_size=_ANY_SIZE)
        port = next(iter(server.sockets)).getsockname()[1]
        sys.stderr.write(f"WebDriver BiDi listening on ws://127.0.0.1:{port}\n")
        sys.stderr.flush()
    return await firefox.wait()


async def _pass_on(address: str, client: ServerConnection) -> None:
    assert client.request is not None
    async with connect(address + client.request.path, max_size=_ANY_SIZE, proxy=None, open_timeout=60) as firefox:
        ways = [asyncio.create_task(_there(client, firefox)), asyncio.create_task(_back(firefox, client))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()


async def _there(client: ServerConnection, firefox: ClientConnection) -> None:
    async for message in client:
        command = json.loads(message)
        if command["method"] in _UNKNOWN:
            await client.send(json.dumps({"type": "success", "id": command["id"], "result": {}}))
        else:
            await firefox.send(message)


async def _back(firefox: ClientConnection, client: ServerConnection) -> None:
    try:
        async for message in firefox:
            await client.send(message)
    except ConnectionClosed:
        return


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
