"""``python -m bench.overhead.server FLAGS``: the server without a model, and a watch on its event loop.

It takes the server's flags. The worker process answers by script; everything else is the real server.
``GET /bench/lag`` gives the lags measured since it was last asked: by how many seconds a task that sleeps for ``SLEEP``
came late, which is what any other task had to wait too. The environment chooses the script: ``BENCH_STEP`` seconds that
a step takes, ``BENCH_CHECKPOINT`` the folder whose tokenizer the server reads.
"""

from __future__ import annotations

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from time import perf_counter

from bench.overhead.speaker import TINY, Speaker
from server.app import create_app, engine_settings
from server.engine.client.engine import Engine
from server.logs import configure_logging
from server.serving.server import DrainingServer
from server.settings import Settings

SLEEP = 0.005


class LagWatch:
    """Measures how late the event loop is."""

    def __init__(self) -> None:
        self._lags: list[float] = []

    async def run(self) -> None:
        while True:
            began = perf_counter()
            await asyncio.sleep(SLEEP)
            self._lags.append(perf_counter() - began - SLEEP)

    async def take(self) -> list[float]:
        """The lags in seconds since the last call."""
        lags, self._lags = self._lags, []
        return lags


async def _serve(server: DrainingServer, watch: LagWatch) -> None:
    running = asyncio.create_task(watch.run())
    try:
        await server.serve()
    finally:
        running.cancel()


def main() -> None:
    """Serve until stopped."""
    settings = Settings.from_cli(sys.argv[1:])
    configure_logging(settings.log_level, settings.log_format)
    script = partial(
        Speaker, float(os.environ.get("BENCH_STEP", "0")), Path(os.environ.get("BENCH_CHECKPOINT", str(TINY)))
    )
    app = create_app(settings, lambda settings: Engine(script, engine_settings(settings)))
    watch = LagWatch()
    app.add_api_route("/bench/lag", watch.take)
    server = DrainingServer(app, settings)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(_serve(server, watch))


if __name__ == "__main__":
    main()
