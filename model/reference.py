"""How Transformers' own forward is asked, in all its versions: for latents without noise, and with a cache.

Nothing that serves calls this. Tests and benches compare with Transformers by it, and agree on what they compare with;
what was taught is evaluated by it.
"""

from __future__ import annotations

from inspect import signature
from typing import Any


def without_noise(model: Any) -> dict[str, bool]:
    """Keyword arguments of ``generate``, ``forward`` and ``get_audio_features`` that keep noise out of the latents.

    The first versions of Transformers with this model have no such argument and add noise as wide as ``vae_std``
    always, so there the width in the model's configuration is set to 0 instead. ``model``: with the encoders.
    """
    if "sample" in signature(model.forward).parameters:
        return {"sample": False}
    model.config.acoustic_tokenizer_encoder_config.vae_std = 0.0
    return {}


def read_on(language_model: Any, inputs: Any, cache: Any) -> Any:
    """Hidden states [batch, positions, width] of ``inputs``, of the same shape, behind what ``cache`` has kept.

    It keeps these too. Transformers 5.24 renamed the argument and warns of its older name.
    """
    name = "cache" if "cache" in signature(language_model.forward).parameters else "past_key_values"
    return language_model(inputs_embeds=inputs, use_cache=True, **{name: cache}).last_hidden_state
