"""The model with what learns of it: an adapter by peft beside the decoder's linear maps, or the decoder itself."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from model.encoder.streaming import StreamingEncoder
from model.finetune.course import Course
from model.finetune.errors import EXTRA, CourseError
from model.finetune.examples import Examples
from model.finetune.hearing import Ears
from model.loading.checkpoint import Checkpoint, open_checkpoint

_DIGESTED = 256


@dataclass(frozen=True, slots=True)
class Pupil:
    """``model``: Transformers' own. ``adapted``: peft's around it, None where the decoder itself learns.

    ``began_as``: tells whether it is the same weights that learning began with, wherever they lie.
    """

    checkpoint: Checkpoint
    model: Any
    adapted: Any | None
    examples: Examples
    began_as: str

    @property
    def learning(self) -> dict[str, torch.nn.Parameter]:
        """What learns, by name."""
        return {name: each for name, each in self.model.named_parameters() if each.requires_grad}

    def autocast(self) -> torch.autocast:
        """In which forward runs: float32 as it is, and in other dtypes matrices are multiplied in those."""
        dtype = self.checkpoint.dtype
        return torch.autocast(self.checkpoint.device.type, dtype, enabled=dtype is not torch.float32)

    def save_adapter(self, folder: Path) -> None:
        """In peft's layout."""
        assert self.adapted is not None
        self.adapted.save_pretrained(folder, save_embedding_layers=False)  # by default it asks the hub for the base

    def save_whole(self, folder: Path) -> None:
        """A checkpoint in Transformers' layout, in the dtype that it was computed in. An adapter is merged."""
        whole = self.model if self.adapted is None else self.adapted.merge_and_unload()
        whole.to(self.checkpoint.dtype)
        whole.save_pretrained(folder)
        self.checkpoint.processor.save_pretrained(folder)


def take_pupil(course: Course, device: str) -> Pupil:
    """Load the checkpoint and let of it learn what the course says. Raises StartError."""
    if course.method == "lora" and find_spec("peft") is None:
        raise CourseError(f"An adapter is learned with peft, which is not installed: {EXTRA}.")
    opened = open_checkpoint(course.model, device=device, dtype=course.dtype, revision=course.revision)
    if opened.stored is not None:
        raise CourseError(f"The weights of {course.model} are quantised: begin with a checkpoint in bfloat16.")
    if opened.family.turns is not None:
        raise CourseError(f"{opened.family.name} hears and writes by turns, which is not learned here.")
    checkpoint = opened.load()
    model: Any = checkpoint.model
    ears = Ears(StreamingEncoder(checkpoint.model), checkpoint.device)
    examples = Examples(checkpoint, ears, course.learned)
    began_as = _digest(model)
    model.requires_grad_(False)
    torch.manual_seed(course.seed)
    adapted = _adapted(model, course) if course.method == "lora" else None
    if adapted is None:
        for part in (model.model.language_model, model.lm_head):
            part.float().requires_grad_(True)  # small steps are lost in what bfloat16 rounds off
    if course.recompute:
        with _older_names():
            model.model.language_model.gradient_checkpointing_enable({"use_reentrant": False})
    return Pupil(checkpoint, model, adapted, examples, began_as)


def _digest(model: Any) -> str:
    """Of some numbers of each weight, which is enough to tell checkpoints apart; in bfloat16, whatever the dtype is."""
    found = hashlib.sha256()
    for name, weight in model.named_parameters():
        some = weight.detach().flatten()[:_DIGESTED].to("cpu", torch.bfloat16)
        found.update(f"{name} {list(weight.shape)} ".encode() + some.view(torch.int16).numpy().tobytes())
    return found.hexdigest()


def _adapted(model: Any, course: Course) -> Any:
    from peft import LoraConfig, get_peft_model  # an extra

    config = LoraConfig(
        r=course.rank,
        lora_alpha=course.alpha,  # type: ignore[arg-type] # it is only divided
        lora_dropout=course.dropout,
        target_modules=list(course.modules),
        base_model_name_or_path=course.model,
        revision=course.revision,
        bias="none",
        task_type="CAUSAL_LM",
    )
    model.name_or_path = course.model  # not the folder that it was found in
    with _older_names():
        return get_peft_model(model, config)


@contextmanager
def _older_names() -> Iterator[None]:
    """Transformers warns of names that older versions of it, and peft, have for gradient checkpointing."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*gradient_checkpointing.* is deprecated", category=FutureWarning)
        yield
