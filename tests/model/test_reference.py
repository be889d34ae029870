"""Transformers is asked to read on in every version, whatever it calls what it has kept."""

from __future__ import annotations

from inspect import signature
from typing import Any

import pytest
import torch
from transformers import DynamicCache, Qwen2Config, Qwen2Model

from model.reference import read_on


class _Renamed:
    """A language model whose forward calls its cache by one name of the two."""

    def __init__(self, model: Any, name: str) -> None:
        own = next(each for each in ("cache", "past_key_values") if each in signature(model.forward).parameters)

        def older(inputs_embeds: torch.Tensor, past_key_values: Any, use_cache: bool) -> Any:
            return model(inputs_embeds=inputs_embeds, use_cache=use_cache, **{own: past_key_values})

        def newer(inputs_embeds: torch.Tensor, cache: Any, use_cache: bool) -> Any:
            return older(inputs_embeds, cache, use_cache)

        self.forward = newer if name == "cache" else older

    def __call__(self, **asked: Any) -> Any:
        return self.forward(**asked)


@pytest.mark.parametrize("name", ["cache", "past_key_values", None], ids=["from 5.24", "until 5.23", "as installed"])
@torch.inference_mode()
def test_what_is_read_in_two_parts_is_what_is_read_at_once(name: str | None) -> None:
    torch.manual_seed(0)
    small: dict[str, Any] = {"num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2}
    model: Any = Qwen2Model(Qwen2Config(vocab_size=16, hidden_size=32, intermediate_size=32, **small))
    model.eval()
    asked = _Renamed(model, name) if name else model
    inputs = torch.randn(1, 9, 32)
    cache = DynamicCache(config=model.config)
    parts = [read_on(asked, inputs[:, :5], cache), read_on(asked, inputs[:, 5:], cache)]
    whole = model(inputs_embeds=inputs).last_hidden_state
    torch.testing.assert_close(torch.cat(parts, 1), whole)
    assert not torch.allclose(model(inputs_embeds=inputs[:, 5:]).last_hidden_state, whole[:, 5:])
