"""The tiny checkpoint's tokenizer cuts its domain into the pieces that the real one cuts it into."""

import json
import random
from collections.abc import Iterator

import pytest

from model.tiny.recipe import prune
from model.tiny.recipe import tokenizer as tokenizers
from model.tiny.recipe.vocabulary import NAMES, TAGS, WORDS, sentence, written
from model.tiny.recipe.writing import after_audio
from tests.support import qwen

SPELLED = {name: other for name, other in NAMES.items() if len(other) > len(name)}
TINY, REAL = tokenizers.build(), qwen.tokenizer()


def answers(count: int) -> Iterator[str]:
    rng = random.Random(7)
    for _ in range(count):
        segments = []
        for _ in range(rng.randint(0, 6)):
            start = round(rng.uniform(0, 4000), rng.choice((0, 1, 2)))
            entry: dict[str, object] = {"Start": start, "End": round(start + rng.uniform(0.1, 30), 2)}
            if rng.random() < 0.2:
                entry["Content"] = rng.choice(TAGS)
            else:
                said = written(sentence(rng), rng.random() < 0.7, SPELLED if rng.random() < 0.3 else None)
                entry |= {"Speaker": rng.randint(0, 12), "Content": said}
            segments.append(entry)
        yield "assistant\n" + json.dumps(segments, separators=(",", ":"))


def test_cuts_thousands_of_answers_as_the_real_one_does() -> None:
    different = [answer for answer in answers(4000) if TINY.tokenize(answer) != REAL.tokenize(answer)]
    assert not different, different[0]


@pytest.mark.parametrize("separator", [", ", "\n"])
def test_cuts_prompts_with_contexts_as_the_real_one_does(separator: str) -> None:
    rng = random.Random(3)
    for _ in range(300):
        context = separator.join(rng.sample([*WORDS, *NAMES.values()], rng.randint(1, 8)))
        prompt = after_audio(rng.uniform(0, 4000), context)
        assert TINY.tokenize(prompt) == REAL.tokenize(prompt), prompt


def test_a_quote_is_closed_by_a_piece_that_says_what_follows() -> None:
    """What the twin of earlier times did not have, and what put JSON into captions."""
    assert TINY.tokenize('No."},{"Start":')[1:3] == ['."', '},{"']
    assert TINY.tokenize('No"},{"Start":')[1] == '"},{"'
    assert TINY.tokenize('[Noise]"},{"Start":')[-3:] == ['"},{"', "Start", '":']


@pytest.mark.parametrize("text", ["Grüße, 大家", "kubernetes 🎉", "e\u0301", "\t  x\r\n", "<|im_end|"])
def test_anything_else_comes_back_from_smaller_pieces(text: str) -> None:
    back = TINY.decode(TINY(text)["input_ids"], clean_up_tokenization_spaces=False)
    assert back == REAL.decode(REAL(text)["input_ids"], clean_up_tokenization_spaces=False)


def test_splits_and_normalises_as_the_real_one_does() -> None:
    ours, theirs = (json.loads(one.backend_tokenizer.to_str()) for one in (TINY, REAL))
    assert ours["normalizer"] == theirs["normalizer"]
    assert ours["pre_tokenizer"] == theirs["pre_tokenizer"]
    assert [TINY.all_special_tokens[0], *TINY.all_special_tokens[1:]] == REAL.all_special_tokens


def test_merges_are_the_real_ones_in_the_real_order() -> None:
    real = json.loads(REAL.backend_tokenizer.to_str())["model"]["merges"]
    rank = {(left, right): number for number, (left, right) in enumerate(real)}
    kept = [line.split() for line in tokenizers.MERGES.read_text("utf-8").splitlines()]
    ranks = [rank[left, right] for left, right in kept]
    assert ranks == sorted(set(ranks))


def test_the_merges_that_are_kept_are_those_that_the_domain_needs() -> None:
    assert prune.listing() == tokenizers.MERGES.read_text("utf-8")
