"""How a checkpoint is found, fetched, checked and read; ``model.loading.checkpoint`` is the door.

``source`` finds it, ``hub`` fetches files, ``folder`` reads and checks what lies in one. ``layout`` tells by the
``config.json`` which family it is of, ``small_files`` reads everything but the weights, ``configuration`` checks that
the server computes it, ``original`` translates Microsoft's own layout. ``room`` knows what fits, ``weights`` reads the
rest.
"""
