"""``python -m tests.support.counting_process FLAGS``: a server whose live sessions hear a word in every second."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from server.logs import configure_logging  # not in the worker, which imports this module again
    from server.serving.server import DrainingServer
    from server.settings import Settings
    from tests.support.counting import Counting
    from tests.support.scripted_server import scripted_app
    from tests.support.speaking_runner import SpeakingRunner

    settings = Settings.from_cli(sys.argv[1:])
    configure_logging(settings.log_level, settings.log_format)
    DrainingServer(scripted_app(settings, SpeakingRunner, Counting().make), settings).run()
