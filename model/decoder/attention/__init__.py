"""The one attention seam: packed queries of many streams against their pages.

``seam`` is where Transformers' layers come in, ``packed`` tells the paged kernels which rows there are, and
``backends`` picks the first of these that runs on the machine:

* ``flash``: GPUs of compute capability 8.0 and newer in bfloat16 or float16, where the package flash-attn is installed;
  the only one of FlashAttention's that splits the keys of few long rows among programs.
* ``varlen``: the same GPUs with nothing but torch (2.12 or newer); what most installations get.
* ``triton_kernel``: GPUs on which neither runs: older ones (a T4 with quantised weights), any with torch 2.11, and any
  in float32, where answers are compared token for token. It reads pages in place, so that its steps can be recorded;
  with ``sdpa`` no step of theirs is, and the host launches every kernel of every one
  (``bench.rehearse --capability 7.5 --attention auto sdpa`` counts them).
* ``sdpa``: everything else, CPUs first of all; copies keys into rectangles and cannot be recorded in a graph.

With one order of summation (``model.deterministic``) there is no choice: Triton's kernel with fixed tiles and shares on
CUDA, ``blocks`` elsewhere.
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
