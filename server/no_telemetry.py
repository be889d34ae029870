"""Libraries that tell their makers about their use do not, whatever imports them.

Each reads the environment when it is imported or first used, and the server's processes inherit what stands here. Who
wants to be counted sets a variable before: what is set stays.
"""

from __future__ import annotations

import os
from typing import Final

VARIABLES: Final = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
}
"""ONNX Runtime looks up an outside host as soon as it is imported. huggingface_hub adds to what it asks for anyway. Ray
starts a reporter. The last is what others agreed on (donottrack.sh)."""


def switch_off() -> None:
    """For this process and those that it starts; before anything else is imported."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
