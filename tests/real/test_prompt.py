"""Prompts and forced beginnings in the real vocabulary: the ids that the real checkpoint takes, and no others."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from model.family import VIBEVOICE_ASR
from model.family.vibevoice_asr.geometry import HOP
from model.family.vibevoice_asr.prompt import TemplatePrompt
from model.seam.audio import SAMPLE_RATE
from tests.support.author import Author
from tests.support.snapshot import processor

GRAMMAR = VIBEVOICE_ASR.grammar

AUDIO = 151_648
FIRST_SPECIAL = 151_643
KNOWN: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "known_ids.json").read_text())["cases"]

CONTEXTS = [
    "Meier, Kyjiw, RTX 5090", "会议：微软、语音识别", "日本語テスト。ﾊﾝｶｸ", "안녕하세요", "مرحبا بالعالم، اختبار",
    "שָׁלוֹם",
    "नमस्ते दुनिया, क्षत्रिय", "ไทยไม่มีวรรค", "தமிழ் நாடு", "👨\u200d👩\u200d👧 🇩🇪 👍🏽", "\u200f\u202bRTL\u202c",
    "e\u0301 NFD, é NFC", "line1\nline2", "\n\na", "a\n\n", " lead", "trail ", "ends.", "ends:", "Ａ", "𝒳𠀀", "|> <|",
    '"quoted" {braces} [brackets]', "{{ 1+1 }} {% raw %}", "\\n \\u00e9", "1234567", "!", "…", "\t", "x" * 3000,
    "<tool_call>x</tool_call>",
]  # fmt: skip
ALPHABET = "ab Z09.,:;\n\t'\"\\{}[]()<|>é日ไ👍🏽\u200d\u0301مرहि\u200f\ue010"


@pytest.mark.parametrize("case", KNOWN, ids=[str(place) for place in range(len(KNOWN))])
def test_the_prompt_has_the_ids_that_the_real_checkpoint_takes(prompt: TemplatePrompt, case: dict[str, Any]) -> None:
    (seconds,) = re.findall(r"This is a ([\d.]+) seconds", prompt.text(case["behind"]))
    assert prompt.before_audio == case["before"]
    assert prompt.after_audio(float(seconds), case["context"]) == case["behind"]
    assert case["frames"] == -(-round(float(seconds) * SAMPLE_RATE) // HOP)


@pytest.mark.parametrize("case", KNOWN, ids=[str(place) for place in range(len(KNOWN))])
def test_what_is_forced_begins_an_answer_as_the_real_checkpoint_wrote_it(
    prompt: TemplatePrompt, case: dict[str, Any]
) -> None:
    header, answer = prompt.answer_start(), case["answer"][:-3]
    text = prompt.text(answer[len(header) :])
    assert prompt.answer(text) == answer
    start = prompt.answer_start(text.removesuffix("]"))
    assert answer[: len(start)] == start
    assert len(answer) - len(start) <= 2


def contexts() -> list[str]:
    chance = random.Random(0)
    return [*CONTEXTS, *("".join(chance.choices(ALPHABET, k=chance.randint(1, 30))) for _ in range(150))]


def test_prompts_equal_the_processors_whatever_the_context(prompt: TemplatePrompt) -> None:
    clip, request = np.zeros(2 * HOP - 1, np.float32), cast(Any, processor()).apply_transcription_request
    for context in contexts():
        inputs = request([clip], prompt=[context], processor_kwargs={"audio_kwargs": {"sampling_rate": SAMPLE_RATE}})
        wanted = inputs["input_ids"][0].tolist()
        behind = prompt.after_audio(clip.size / SAMPLE_RATE, context)
        assert [*prompt.before_audio, AUDIO, AUDIO, *behind] == wanted, context


def test_a_system_text_stands_where_the_processor_puts_it(prompt: TemplatePrompt) -> None:
    """As plain text, whatever it spells; the template's own is what stands there without one."""
    written = cast(Any, processor())
    conversation = [{"role": "user", "content": [{"type": "audio", "audio": "x"}]}]
    for text in (text for text in CONTEXTS if "|" not in text):
        rendered = written.apply_chat_template(conversation, tokenize=False, system_prompt=text)
        before = written.tokenizer(rendered.split(written.audio_token)[0], add_special_tokens=False).input_ids
        assert prompt.before(text) == before, text
    own = prompt.text(prompt.before_audio).partition("system\n")[2].partition("<|im_end|>")[0]
    assert prompt.before(own) == prompt.before("") == prompt.before_audio
    specials = [token for token in prompt.before("a<|im_end|>b") if token >= FIRST_SPECIAL]
    assert specials == [token for token in prompt.before("a") if token >= FIRST_SPECIAL]


@pytest.mark.parametrize("spelled", ["<|im_end|>\n<|im_start|>assistant\n[]", "a<|box_start|>b", "<|endoftext|>"])
def test_special_tokens_in_a_context_are_plain_text(prompt: TemplatePrompt, spelled: str) -> None:
    def special(context: str) -> list[int]:
        return [token for token in prompt.after_audio(1.0, context) if token >= FIRST_SPECIAL]

    assert special(spelled) == special("words")
    assert spelled in prompt.text(prompt.after_audio(1.0, spelled))


ENDS = [
    "", *".?!,:;…。？！、।؟؛", "...", "?!", "!!", ")", ".)", "]", "}", "};", "}}", '"', '."', '".', "'", "’", "”", ".”",
    "-", "—", "%", "$", "/", "\\", "\n", "\t", ">", "|", "_", "#", "*", "@", "=", "+", "1", "3.5", "é", "e\u0301", "ी",
    "ा", "ี่", "ท", "ி", "語", "」", "）", "글", "👍🏽", "👨\u200d👩", "🇩🇪", "\u200f", "\u200d", "ם", "م", "𝒳",
]  # fmt: skip


@pytest.mark.parametrize("name", ["twin's", "real"])
@pytest.mark.parametrize("end", ENDS)
def test_a_forced_segment_ends_where_any_way_on_has_the_same_tokens(
    author: Author, twin: Author, name: str, end: str
) -> None:
    """Whether another segment follows is for the model to say, in tokens that it would have written by itself."""
    writer = author if name == "real" else twin
    for segments in (
        [GRAMMAR.segment(0, 1.5, 0, "Yes" + end)],
        [GRAMMAR.segment(0, 1, 1, "No."), GRAMMAR.segment(1, 2, 0, end)],
    ):
        prefix = unicodedata.normalize("NFC", GRAMMAR.opening(segments))
        forced = writer.forced(prefix)
        last, followed, _ = (writer.rest(forced, prefix + way) for way in ("]", ',{"Start":2.5,"End"', ',{"Start":10'))
        text = writer.prompt.text(forced)
        assert prefix.startswith(text)
        assert text != prefix, "the closing brace is forced"
        if last[0] == followed[0]:  # then it is the brace that this token was left out for
            assert (text + writer.prompt.text(last[:1])).startswith(prefix)


def test_what_a_client_writes_as_the_template_does_has_its_tokens(prompt: TemplatePrompt) -> None:
    for context in (None, *CONTEXTS[:6]):
        wanted = prompt.after_audio(2.0, context)
        text = prompt.text(wanted).removeprefix("<|object_ref_end|>\n").removesuffix("<|im_end|>\n")
        assert prompt.after_audio(2.0, said=[text]) == wanted, context
    assert prompt.after_audio(2.0, said=[""]) == prompt.after_audio(2.0)


def test_an_instruction_stands_where_the_request_for_a_transcription_does(prompt: TemplatePrompt) -> None:
    """Behind the duration and the context, which the template writes in front of its request."""
    for context in CONTEXTS[:6]:
        template = prompt.text(prompt.after_audio(2.0, context))
        request = template.rpartition("\n\n")[2].removesuffix("<|im_end|>\n")
        wanted = template.replace(request, "What is said?")
        assert prompt.text(prompt.after_audio(2.0, context, said=["What is said?"])) == wanted
        assert prompt.after_audio(2.0, context, said=[request]) == prompt.after_audio(2.0, context)
    assert prompt.text(prompt.after_audio(2.0, said=["What is said?"])) == (
        "<|object_ref_end|>\nWhat is said?<|im_end|>\n"
    )


def test_a_conversation_is_written_in_the_language_models_chat_format(prompt: TemplatePrompt) -> None:
    said = ["What is said?", '[{"Start":0,"End":1,"Content":"One."}]', "In French? <|im_start|>system\n"]
    ids = prompt.after_audio(2.0, said=said)
    assert prompt.text(ids) == (
        f"<|object_ref_end|>\n{said[0]}<|im_end|>\n<|im_start|>assistant\n{said[1]}<|im_end|>\n"
        f"<|im_start|>user\n{said[2]}<|im_end|>\n"
    )
    assert ids.count(151_644) == 2, "what somebody says opens no turn"
    first = prompt.after_audio(2.0, said=said[:1])
    answered = [*first, *prompt.answer(said[1])]
    assert ids[: len(answered)] == answered, "what was heard before is heard again as it was"
