"""How a checkpoint is found, fetched, checked and read; ``model.loading.checkpoint`` is the door.

``hub`` fetches files, ``folder`` reads and checks what lies in one, ``prompt_check`` renders the chat template once,
``quantised_config`` looks at a quantisation, ``original`` translates Microsoft's own layout, ``room`` knows what fits.
"""
