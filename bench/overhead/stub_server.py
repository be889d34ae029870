"""``python -m bench.overhead.stub_server FLAGS``: the server without a model, and a watch on its event loop.

It takes the server's flags. The worker process answers from a script and takes as long for a step as a fast device
would; everything else is the real server. ``GET /bench/lag`` gives the lags measured since it was last asked: by how
many seconds a task that sleeps for ``SLEEP`` came late, which is what any other task had to wait too.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from time import perf_counter

from server.http.server import DrainingServer
from server.logs import configure_logging
from server.settings import Settings
from tests.support.scripted_server import scripted_app
from tests.support.speaking_runner import SpeakingRunner

STEP_SECONDS = 0.005
"""A decode step of the full model on one H100."""
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

    def take(self) -> list[float]:
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
    app = scripted_app(settings, partial(SpeakingRunner, step_seconds=STEP_SECONDS))
    watch = LagWatch()
    app.add_api_route("/bench/lag", watch.take)
    server = DrainingServer(app, settings)
    with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
        runner.run(_serve(server, watch))


if __name__ == "__main__":
    main()
