"""What there is to know of a checkpoint without its weights: where it lies, how large it is, what it holds here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from model.errors import StartError
from server.commandline.settings import settings_of
from server.settings import Settings

_GIB = 1 << 30
_MIB = 1 << 20


def about(overrides: Mapping[str, str | None]) -> dict[str, Any]:
    """For `lines` and for programs. ``fits``: a server would start. Raises UsageFault."""
    settings = settings_of(overrides)
    told: dict[str, Any] = {"model": settings.model, "revision": settings.revision, "fits": False}
    if not is_here(settings):
        told["problem"] = f"It is not on this machine: vibevoice-asr models pull {settings.model}"
        return told
    from server.app import engine_settings, model_wishes
    from server.engine.capacity import Capacity
    from server.engine.worker.load import foresee_model

    try:
        prospect = foresee_model(model_wishes(settings))
    except StartError as error:
        told["problem"] = str(error)
        return told
    opened, info, plan = prospect.checkpoint, prospect.info, prospect.plan
    from model.loading.folder import bytes_to_fetch, missing, weight_files

    folder, names = opened.source.folder, weight_files(opened.source.folder)
    absent = missing(folder, names)
    capacity = Capacity.of(info, engine_settings(settings))
    told |= {
        "folder": str(folder),
        "family": info.family.name,
        "files_bytes": sum((folder / name).stat().st_size for name in names if (folder / name).is_file()),
        "missing": absent,
        "missing_bytes": bytes_to_fetch(folder, names) if absent else 0,
        "device": info.device,
        "dtype": info.dtype,
        "weights": opened.weights,
        "weight_bytes": opened.weight_bytes,
        "attention": info.attention,
        "plan": None if plan is None else plan.parts | {"available": plan.available, "pages": plan.pages_bytes},
        "pass_seconds": capacity.pass_seconds,
        "window_seconds": capacity.window_seconds,
        "recordings": {str(length): count for length, count in capacity.recordings.items()},
        "live_sessions": capacity.live_sessions,
        "summary": capacity.sentence(settings.max_audio_seconds),
        "fits": not absent,
    }
    if absent:
        told["problem"] = f"{', '.join(absent)} missing: vibevoice-asr models pull {settings.model}"
    return told


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """For people."""
    yield f"checkpoint  {told['model']}" + (f" at {told['revision']}" if told["revision"] else "")
    if "folder" in told:
        yield f"folder      {told['folder']}"
        yield f"files       {_size(told['files_bytes'])} of weights"
        yield f"device      {told['device']}, {told['dtype']}, weights {told['weights']}, attention {told['attention']}"
        yield f"memory      the weights take {_size(told['weight_bytes'])}"
        if told["plan"] is not None:
            parts = ", ".join(f"{name} {size / _GIB:.2f}" for name, size in told["plan"].items() if size)
            yield f"plan        {parts} GiB"
        yield f"longest     {told['pass_seconds'] / 60:.0f} min in one pass"
        yield f"room        {told['summary']}"
    if "problem" in told:
        yield f"problem     {told['problem']}"


def _size(octets: int) -> str:
    return f"{octets / _GIB:.2f} GiB" if octets >= _GIB else f"{octets / _MIB:.1f} MiB"


def is_here(settings: Settings) -> bool:
    """At least the small files are. What is wrong with a folder is told later."""
    if settings.model == "tiny" or settings.model.startswith((".", "/", "~")) or Path(settings.model).exists():
        return True
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(settings.model, "config.json", revision=settings.revision), str)
    except HFValidationError:
        return True
