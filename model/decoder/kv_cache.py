"""KV pages: one pool for all streams, a page table per stream, append, crop and fork.

Keys and values of a layer lie in one tensor of *slots*; a page is ``page_size`` neighbouring slots. Two pages belong to
nobody. Page 0 is the null page: it stays zero and is what padded places of a rectangular batch point at (a masked place
still has its value multiplied by zero, so it must never hold a NaN). The last one is the scratch page: the padded
positions of a step of fixed size write there, and nothing ever reads it.

A page may have several owners, which have the same positions in it. It is full, and nobody writes to it any more.
"""

from __future__ import annotations

from collections import Counter

import torch

from model.device.transfer import send

NULL_SLOT = 0


class OutOfPagesError(Exception):
    """The pool has no page left. Admission reserves pages, so this is a bug of the caller."""


class PagePool:
    """Storage for the keys and values of ``layers`` layers in ``pages`` usable pages.

    Shapes: ``keys[layer]``, ``values[layer]``: [(pages + 2) * page_size, kv_heads, head_dim]. ``scratch_slot``: where
    positions that belong to no stream are written.
    """

    def __init__(
        self,
        *,
        layers: int,
        pages: int,
        page_size: int,
        kv_heads: int,
        head_dim: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.pages = pages
        self.page_size = page_size
        self.device = device
        self.scratch_slot = (pages + 1) * page_size
        shape = ((pages + 2) * page_size, kv_heads, head_dim)
        # Not zeroed as a whole: a large pool on a CPU costs memory only as it is written.
        self.keys = [torch.empty(shape, dtype=dtype, device=device) for _ in range(layers)]
        self.values = [torch.empty(shape, dtype=dtype, device=device) for _ in range(layers)]
        for storage in (*self.keys, *self.values):
            storage[:page_size].zero_()
        self._free = list(range(pages, 0, -1))
        self._owners: Counter[int] = Counter()

    @property
    def free_pages(self) -> int:
        return len(self._free)

    def take(self) -> int:
        """One page for the caller to own. Raises OutOfPagesError."""
        if not self._free:
            raise OutOfPagesError(f"all {self.pages} pages are taken")
        page = self._free.pop()
        self._owners[page] = 1
        return page

    def share(self, pages: list[int]) -> None:
        """One owner more for each of these, which somebody owns."""
        self._owners.update(pages)

    def shared(self, page: int) -> bool:
        """It has several owners."""
        return self._owners[page] > 1

    def give_back(self, pages: list[int]) -> None:
        """One owner less for each of these; those that have none any more are free."""
        for page in pages:
            self._owners[page] -= 1
            if not self._owners[page]:
                del self._owners[page]
                self._free.append(page)

    def copy(self, page: int, onto: int) -> None:
        """All keys and values of a page into another one, behind whatever was launched before."""
        source, target = page * self.page_size, onto * self.page_size
        for storage in (*self.keys, *self.values):
            storage[target : target + self.page_size] = storage[source : source + self.page_size]

    def check_integrity(self, tables: list[PageTable]) -> None:
        """Raise AssertionError unless free and owned pages make up the pool and ``tables`` are the owners of each."""
        held = Counter(page for table in tables for page in table.pages)
        if held != self._owners:
            leaked, stolen = (self._owners - held).total(), (held - self._owners).total()
            raise AssertionError(f"{leaked} pages leaked, {stolen} stolen")
        free = set(self._free)
        if len(free) != len(self._free) or free & held.keys() or len(free) + len(held) != self.pages:
            raise AssertionError("free and owned pages do not make up the pool")


class PageTable:
    """The pages of one stream and how many of their slots are filled.

    ``adapter``: the number of that which makes the keys and values in them, see ``adapters``.
    """

    def __init__(self, pool: PagePool, adapter: int = 0) -> None:
        self._pool = pool
        self.adapter = adapter
        self.pages: list[int] = []
        self.length = 0
        self._slots: torch.Tensor | None = None

    @property
    def slots(self) -> torch.Tensor:
        """[capacity] slot of each position, on the pool's device; the first ``length`` hold keys and values.

        Made when it is asked for: paged kernels do without, and to wait for the device at every new page costs more
        than the page.
        """
        size = self._pool.page_size
        known = [] if self._slots is None else [self._slots]
        new = self.pages[sum(map(len, known)) // size :]
        if self._slots is None or new:
            first = send(new, self._pool.device) * size
            offsets = torch.arange(size, device=self._pool.device)
            self._slots = torch.cat([*known, (first[:, None] + offsets).flatten()])
        return self._slots

    def extend(self, positions: int) -> None:
        """Make room for the next ``positions`` positions and count them as filled.

        Raises OutOfPagesError, and RuntimeError where they would be written into a page that others read.
        """
        length = self.length + positions
        if positions and self.length % self._pool.page_size and self._pool.shared(self.pages[-1]):
            raise RuntimeError("a page of several owners is not written to")
        while len(self.pages) * self._pool.page_size < length:
            self.pages.append(self._pool.take())
        self.length = length

    def fork(self, length: int) -> PageTable:
        """One of its own with the first ``length`` positions, on the current CUDA stream. Raises OutOfPagesError.

        Whole pages are the same ones, and one that is not full is copied: both write there next.
        """
        fork = PageTable(self._pool, self.adapter)
        whole, rest = divmod(length, self._pool.page_size)
        if rest:
            fork.pages = [self._pool.take()]
            self._pool.copy(self.pages[whole], fork.pages[0])
        self._pool.share(self.pages[:whole])
        fork.pages[:0] = self.pages[:whole]
        fork.length = length
        return fork

    def until(self, length: int) -> PageTable:
        """The first ``length`` positions, to be read in the same pages; the view owns none of them."""
        view = PageTable(self._pool, self.adapter)
        view.pages, view.length = self.pages[: -(-length // self._pool.page_size)], length
        return view

    def crop(self, length: int) -> None:
        """Forget the positions from ``length`` on and give whole pages back."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot crop {self.length} positions to {length}")
        keep = -(-length // self._pool.page_size)
        self._pool.give_back(self.pages[keep:])
        del self.pages[keep:]
        if self._slots is not None:
            self._slots = self._slots[: keep * self._pool.page_size]
        self.length = length

    def release(self) -> None:
        self.crop(0)
