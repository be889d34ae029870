"""``python -m bench.faults.server FLAGS``: the server, whose model may be brought down by what it is asked.

It takes the server's flags. `bench.faults.poisonous_runner` tells which contexts do harm.
"""

from __future__ import annotations

import sys

from bench.faults.poisonous_runner import poisonous_factory
from server.app import create_app, engine_settings
from server.engine.client.engine import Engine
from server.logs import configure_logging
from server.serving.server import DrainingServer
from server.settings import Settings


def main() -> None:
    """Serve until stopped."""
    settings = Settings.from_cli(sys.argv[1:])
    configure_logging(settings.log_level, settings.log_format)
    app = create_app(settings, lambda settings: Engine(poisonous_factory(settings.device), engine_settings(settings)))
    DrainingServer(app, settings).run()


if __name__ == "__main__":
    main()
