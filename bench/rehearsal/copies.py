"""Copies between host and card: who waits, what is on its way, and who touches it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import torch
from torch._subclasses.fake_tensor import FakeTensor

from bench.rehearsal.card import PAGEABLE_AT_ONCE

if TYPE_CHECKING:
    from bench.rehearsal.dispatch import DeviceMode
    from bench.rehearsal.fake_cuda import FakeCuda

aten = torch.ops.aten

_MOST_COMPARED = 1 << 20
"""Bytes of pinned memory that are looked at again when the copy out of them is done."""


class Copies:
    """Memory of the host that is pinned, and copies on their way."""

    def __init__(self, cuda: FakeCuda, mode: DeviceMode) -> None:
        self._cuda, self._mode = cuda, mode
        self._pinned: dict[int, Any] = {}
        self._coming: dict[int, int] = {}

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """Call the memory of ``tensor``, which is on the host, pinned."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        self._pinned[key] = ref(storage, lambda _: self._pinned.pop(key, None))
        return tensor

    def is_pinned(self, tensor: torch.Tensor, device: object = None) -> bool:
        return tensor.untyped_storage()._cdata in self._pinned

    def check_arrived(self, tensor: torch.Tensor) -> None:
        """Report a look at memory of the host that a copy may not have reached yet."""
        if self._coming and not isinstance(tensor, FakeTensor) and self._coming.get(tensor.untyped_storage()._cdata):
            self._cuda.faults.report("the host looks at what a copy may not have brought yet")

    def to_copy(self, tensor: torch.Tensor, **kwargs: Any) -> Any:
        """``aten._to_copy``, to or from the card."""
        device = torch.device(kwargs.get("device") or tensor.device)
        blocking = not kwargs.get("non_blocking", False)
        if device.type == "cpu":
            made = torch.empty(tensor.shape, dtype=kwargs.get("dtype") or tensor.dtype)
            self._bring(tensor, made if blocking else self.pin(made), blocking=blocking)
            return made
        result = self._mode.results.of(aten._to_copy.default, (tensor,), kwargs)
        inputs = [tensor] if isinstance(tensor, FakeTensor) else []
        self._mode.account("_to_copy", inputs, [], [result])
        self._send(tensor, result, blocking=blocking)
        return result

    def copy(self, target: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
        """``aten.copy_``, to or from the card."""
        if not isinstance(target, FakeTensor):
            self._bring(source, target, blocking=not non_blocking)
            return target
        self._mode.results.of(aten.copy_.default, (target, source), {})
        self._mode.account("copy_", [source] if isinstance(source, FakeTensor) else [], [target], [target])
        self._send(source, target, blocking=not non_blocking)
        return target

    def _send(self, source: torch.Tensor, target: torch.Tensor, *, blocking: bool) -> None:
        """What a copy to the card means beside the launch, which is counted already."""
        if isinstance(source, FakeTensor):
            self._mode.shadows.write(target, self._mode.shadows.of(source))
            return
        self._cuda.counts.uploads += 1
        self.check_arrived(source)
        self._mode.shadows.write(target, source)
        pinned = self.is_pinned(source)
        if blocking or (not pinned and source.nbytes > PAGEABLE_AT_ONCE):
            self._cuda.wait("a copy to the card")
        elif pinned and source.nbytes <= _MOST_COMPARED:
            before = source.clone()
            self._cuda.when_done(lambda: self._check_unchanged(source, before))

    def _check_unchanged(self, source: torch.Tensor, before: torch.Tensor) -> None:
        if not torch.equal(source, before):
            self._cuda.faults.report("the host wrote over what a copy to the card may not have read yet")

    def _bring(self, source: torch.Tensor, target: torch.Tensor, *, blocking: bool) -> None:
        """Numbers of the card into memory of the host."""
        self._cuda.launch("a copy to the host", [self._mode.block(source)], [])
        numbers = self._read(source)
        if blocking or not self.is_pinned(target):
            self._cuda.wait("a copy to the host")
            target.copy_(numbers)
            return
        key = target.untyped_storage()._cdata
        self._coming[key] = self._coming.get(key, 0) + 1

        def arrive() -> None:
            self._coming[key] -= 1
            if not self._coming[key]:
                del self._coming[key]
            target.copy_(numbers)

        target.fill_(float("nan") if target.is_floating_point() else torch.iinfo(target.dtype).max)  # nothing yet
        self._cuda.when_done(arrive)

    def download(self, tensor: torch.Tensor, why: str) -> torch.Tensor:
        """What the host reads of ``tensor`` after having waited for it."""
        self._cuda.launch("a copy to the host", [self._mode.block(tensor)], [])
        self._cuda.wait(why)
        return self._read(tensor)

    def _read(self, tensor: torch.Tensor) -> torch.Tensor:
        known = self._mode.shadows.of(tensor)
        return self._cuda.answer(tensor) if known is None else known.clone()

    def equal(self, one: torch.Tensor, other: torch.Tensor) -> bool:
        """``aten.equal``, whose answer the host waits for."""
        self.download(one if isinstance(one, FakeTensor) else other, "equal")
        return True
