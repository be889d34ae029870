"""How a device's memory is shared out, planned before the first kernel.

``footprint`` says what parts of a model take, ``plan`` what is left for KV pages, ``planner`` finds the plan for a
device, and ``economy`` what speed is given up for more pages; ``host_table`` is one way to.
"""
