"""The one attention seam: packed queries of many streams against their pages.

``seam`` is where Transformers' layers come in, ``packed`` tells the paged kernels which rows there are, and
``backends`` picks the backend that fits the machine:

* ``flash``: GPUs of compute capability 8.0 and newer in bfloat16 or float16, where the package flash-attn is installed;
  the only one of FlashAttention's that splits the keys of few long rows among programs.
* ``varlen``: the same GPUs with nothing but torch (2.12 or newer); what most installations get.
* ``triton_kernel``: our own, for other GPUs that Triton compiles for, for float32 on a GPU, and for pages of any size.
* ``sdpa``: everything else, CPUs first of all; copies keys into rectangles and cannot be recorded in a graph.
"""

from model.decoder.attention.backends import SDPA, Backend, Place, choose_backend
from model.decoder.attention.packed import Kernel, PackedRows, PagedRows, RowBlock
from model.decoder.attention.seam import PAGED, Rows, install
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
