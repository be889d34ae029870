"""What a device that is neither CUDA nor a CPU must not be asked for, watched on a CPU: a runner's whole life.

Metal has no float64. Copies that do not wait are for pinned memory, which CUDA alone has: elsewhere they may be read
before they have arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import Question
from tests.model.driver import Driver, Job, asked, hear, opened
from tests.model.test_runner import answer

_HARMLESS = {"is_available", "stream"}
"""``torch.cuda.stream(None)`` is a context that does nothing."""


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it so
    """Raises AssertionError where an operation is given or makes what Metal does not have."""

    operations = 0

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = kwargs or {}
        result = func(*args, **given)
        self.operations += 1
        tensors = [leaf for leaf in tree_leaves((args, given, result)) if isinstance(leaf, torch.Tensor)]
        assert not [each for each in tensors if each.dtype in (torch.float64, torch.complex128)], f"{func} in float64"
        assert given.get("dtype") is not torch.float64, f"{func} in float64"
        assert not given.get("non_blocking"), f"{func} does not wait"
        assert not given.get("pin_memory"), f"{func} in pinned memory"
        return result


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    def refused(name: str) -> Callable[..., Any]:
        def call(*_: object, **__: object) -> Any:
            raise AssertionError(f"torch.cuda.{name} was called")

        return call

    for name in dir(torch.cuda):
        value = getattr(torch.cuda, name)
        if callable(value) and not isinstance(value, type) and name[0] != "_" and name not in _HARMLESS:
            monkeypatch.setattr(torch.cuda, name, refused(name))
    made: Any = Watch  # not annotated
    with made() as mode:
        yield mode


def test_the_watch_sees_what_it_is_there_for(watch: Watch) -> None:
    numbers = torch.ones(2)
    with pytest.raises(AssertionError, match="float64"):
        numbers.double()
    with pytest.raises(AssertionError, match="float64"):
        torch.tensor([1.0], dtype=torch.float64)
    with pytest.raises(AssertionError, match="does not wait"):
        numbers.to(torch.int32, non_blocking=True)
    with pytest.raises(AssertionError, match=r"torch\.cuda\.current_stream"):
        torch.cuda.current_stream()


@pytest.mark.parametrize("temperature", [0.0, 0.7])
@pytest.mark.parametrize("drafts", [True, False])
def test_files_in_company(
    checkpoint: Checkpoint, clips: list[Samples], watch: Watch, temperature: float, drafts: bool
) -> None:
    runner = Runner(checkpoint, pages=100, page_size=16, drafts=drafts)
    jobs = [Job(clip, 12, Question("Ada", temperature=temperature)) for clip in clips[1:4]]
    Driver(runner, 0).run(jobs)
    assert all(job.answer for job in jobs)
    assert watch.operations > 1000


def test_a_live_stream(checkpoint: Checkpoint, clips: list[Samples], watch: Watch) -> None:
    runner = Runner(checkpoint, pages=100, page_size=16)
    opened(runner, 1, clips[0])
    for clip in (clips[1], clips[3]):
        hear(runner, 1, clip)
        answer(runner, 1, 6, Question(prefix="[", guess='[{"Start":0.00,"End":0.30,"Speaker":0,"Content":"a"}]'))
    hear(runner, 1, clips[2])
    queued = asked(runner, 1)
    runner.step(StepPlan(rows=(RowWork(1, queued - 1),)))
    runner.release(1)
    runner.check_integrity()
    assert runner.free_pages == 100
