"""The bundled voice encoder, and how its file was made. Without `convert`, which needs torch, these are paths alone."""

from __future__ import annotations

from pathlib import Path

GE2E = Path(__file__).parent / "ge2e" / "ge2e.onnx"
