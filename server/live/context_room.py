"""What a live session has room for in its prompt."""

from __future__ import annotations

from model.seam.runner import RunnerInfo
from server.context import ContextRoom
from server.engine.budget import context_room
from server.live.settings import LiveSettings
from server.transcript.detokenizer import Vocabulary
from server.windows.sequence import SPARE_SECONDS


def live_context_room(info: RunnerInfo, vocabulary: Vocabulary, settings: LiveSettings) -> ContextRoom:
    """Beside a full window and its answer, whatever a session hears first.

    Args:
        info: of the engine's runner.
        vocabulary: of its checkpoint.
        settings: of the sessions.
    """
    return ContextRoom(context_room(info, settings.window + SPARE_SECONDS), settings.window, vocabulary.count)
