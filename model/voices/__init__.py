"""The bundled voice encoders, and how their files were made. Without `convert`, which needs torch, these are paths."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent
GE2E = _HERE / "ge2e" / "ge2e.onnx"
CAMPPLUS = _HERE / "campplus" / "campplus.onnx"
