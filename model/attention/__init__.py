"""The one attention seam: packed queries of many streams against their pages.

``seam`` is where Transformers' layers come in, ``packed`` tells the paged kernels which rows there are, ``sdpa``,
``varlen``, ``flash`` and ``triton_kernel`` are the backends, and ``backends`` picks the one that fits the machine.
"""

from model.attention.backends import SDPA, Backend, Place, choose_backend
from model.attention.packed import Kernel, PackedRows, PagedRows, RowBlock
from model.attention.seam import PAGED, Rows, install
from model.errors import AttentionError

__all__ = [
    "PAGED",
    "SDPA",
    "AttentionError",
    "Backend",
    "Kernel",
    "PackedRows",
    "PagedRows",
    "Place",
    "RowBlock",
    "Rows",
    "choose_backend",
    "install",
]
