"""Choices on the device: what is best, what is drawn, and that noise is what it claims to be."""

from __future__ import annotations

import numpy as np
import torch

from model.decoder.sampling import Draw, best, draw, gumbel, split


def test_the_best_token_and_its_log_probability_cross_in_one_tensor() -> None:
    logits = torch.randn(7, 500, dtype=torch.bfloat16)
    tokens, logprobs = split(best(logits).numpy())
    wanted = logits.float().log_softmax(-1)
    assert tokens == wanted.argmax(-1).tolist()
    np.testing.assert_allclose(logprobs, wanted.amax(-1), atol=1e-6)


def test_draws_follow_the_scaled_distribution() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    temperature, draws = 0.7, 4000
    choice = best(logits.expand(draws, 4))
    draw(choice, [Draw(i, temperature, 11, i) for i in range(draws)], lambda places: logits.expand(len(places), 4))
    tokens, logprobs = split(choice.numpy())
    shares = np.bincount(tokens, minlength=4) / draws
    np.testing.assert_allclose(shares, (logits / temperature).softmax(-1), atol=0.025)
    np.testing.assert_allclose(logprobs, logits[tokens], atol=1e-5)


def test_only_the_drawn_places_change_and_each_by_its_own_seed() -> None:
    logits = torch.randn(40, 300)
    choice = best(logits)
    drawn = [Draw(place, 1.0, seed=place % 3, number=5) for place in range(1, 40, 2)]
    together, alone = choice.clone(), choice.clone()
    draw(together, drawn, lambda places: logits[places])
    for each in reversed(drawn):
        draw(alone, [each], lambda places: logits[places])
    assert torch.equal(together, alone)
    assert torch.equal(together[:, ::2], choice[:, ::2])
    assert not torch.equal(together[0, 1::2], choice[0, 1::2])


def test_noise_is_standard_gumbel_and_unlike_between_neighbours() -> None:
    seeds, numbers = torch.tensor([0, 0, 1, 2**32 - 1]), torch.tensor([0, 1, 0, 7])
    noise = gumbel(seeds, numbers, 150_000)
    assert torch.isfinite(noise).all()
    np.testing.assert_allclose(noise.mean(-1), np.euler_gamma, atol=0.02)
    np.testing.assert_allclose(noise.std(-1), np.pi / np.sqrt(6), atol=0.02)
    correlations = np.corrcoef(np.concatenate([noise.numpy(), noise.numpy()[:, ::-1]])[[0, 1, 2, 3, 4]])
    assert np.abs(correlations - np.eye(5)).max() < 0.02


def test_top_p_leaves_the_likeliest_tokens_and_their_ratios() -> None:
    logits = torch.log(torch.tensor([0.15, 0.5, 0.05, 0.3]))
    draws = 4000
    for top_p, wanted in ((0.75, [0, 0.625, 0, 0.375]), (0.1, [0, 1, 0, 0]), (1.0, [0.15, 0.5, 0.05, 0.3])):
        choice = best(logits.expand(draws, 4))
        drawn = [Draw(place, 1.0, 11, place, top_p) for place in range(draws)]
        draw(choice, drawn, lambda places: logits.expand(len(places), 4))
        shares = np.bincount(split(choice.numpy())[0], minlength=4) / draws
        np.testing.assert_allclose(shares, wanted, atol=0.025)
