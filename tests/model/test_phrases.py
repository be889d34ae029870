"""What is guessed of a content by what was said before and by the prompt, token by token, over words made up here."""

from __future__ import annotations

import pytest

from model.drafts.phrases import PhraseDraft, Phrases


class Talk:
    """An answer whose contents are written as tokens with bars between: ``" Kant|or|ovich"``."""

    def __init__(self, *known: str) -> None:
        """``known``: phrases of the prompt."""
        self._texts: list[str] = []
        self._draft = PhraseDraft(self._texts.__getitem__, Phrases(map(self._ids, known)))

    def say(self, content: str) -> str:
        """Write this, and return what is foreseen behind it."""
        for token in self._ids(content):
            self._draft.follow(token)
        return "|".join(self._texts[token] for token in self._draft.guess())

    def stop(self) -> None:
        """The content is over."""
        self._draft.pause()

    def said(self, content: str) -> None:
        """A whole content."""
        self.say(content)
        self.stop()

    def _ids(self, content: str) -> list[int]:
        for text in content.split("|"):
            if text not in self._texts:
                self._texts.append(text)
        return [self._texts.index(text) for text in content.split("|")]


@pytest.mark.parametrize(
    ("before", "behind"),
    [(" Kant", "or"), (" x", "1"), ("1", "y"), ("ß", "e"), (" a| b| Kant", "or"), (" a| b| x", "1")],
)
def test_a_word_goes_on_as_it_did_the_only_time(before: str, behind: str) -> None:
    talk = Talk()
    talk.said(f"{before}|{behind}")
    assert talk.say(before) == behind


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (" the", " Kant"),
        (" Open", "AI"),
        (" don", "'t"),
        (" the", "."),
        ("-", "known"),
        (" ", "2"),
        (" very| well|-", "known"),
        (" is|, ", "so"),
        (" my| Open", "AI"),
        (" I| don", "'t"),
        (" of| the", " Kant"),
        (" 知识", "蒸"),
    ],
)
def test_where_a_word_has_ended_once_says_nothing(before: str, behind: str) -> None:
    talk = Talk()
    talk.said(f"{before}|{behind}")
    assert talk.say(before) == ""


def test_four_tokens_that_were_said_before_are_followed_by_the_same_word() -> None:
    talk = Talk()
    talk.said(" is| a| linear| program| and| so")
    assert talk.say(" is| a| linear") == ""
    assert talk.say(" program") == " and| so"


@pytest.mark.parametrize(
    ("behind", "guess"),
    [("or|ovich| problem", "or|ovich"), ("or|'s| problem", "or"), ("or-|ovich|.", "or-|ovich"), ("or", "or")],
)
def test_a_single_token_tells_how_its_word_goes_on_and_no_more(behind: str, guess: str) -> None:
    talk = Talk()
    talk.said(f" Kant|{behind}")
    talk.said(" what")
    assert talk.say(" Kant") == guess


def test_two_tokens_of_a_word_tell_what_comes_behind_it_too() -> None:
    talk = Talk()
    talk.said(" Kant|or|ovich| problem")
    assert talk.say(" a| Kant|or") == "ovich| problem"


def test_the_prompt_goes_on_from_word_to_word_at_once() -> None:
    talk = Talk(" Anne|liese| Vogt")
    assert talk.say(" with| Anne") == "liese", "a single token: its word"
    assert talk.say("liese") == " Vogt"
    talk = Talk(" Open|AI| API")
    assert talk.say(" Open") == "AI"
    assert talk.say("AI") == " API"


@pytest.mark.parametrize("joint", ["-", " ", "' "])
def test_what_ends_no_word_begins_none_even_in_the_prompt(joint: str) -> None:
    talk = Talk(f" well|{joint}|known")
    assert talk.say(f" never|{joint}") == ""


def test_the_longest_run_tells_and_of_two_the_later_one() -> None:
    talk = Talk()
    talk.said(" sch|w|ein")
    talk.said(" ge|w|ann")
    assert talk.say(" x|w") == "ann"
    talk.stop()
    assert talk.say(" sch|w") == "ein"


def test_what_was_said_goes_before_the_prompt() -> None:
    talk = Talk(" Kant|or|ovich")
    assert talk.say(" Kant") == "or|ovich"
    assert talk.say("on|s") == ""
    talk.stop()
    assert talk.say(" Kant") == "on|s"


def test_where_nothing_followed_the_prompt_tells() -> None:
    talk = Talk(" Kant|or|ovich")
    for nothing in (" Kant", " Kant| and"):
        talk.said(nothing)
        assert talk.say(" Kant") == "or|ovich"
        talk.stop()


def test_a_content_does_not_go_on_in_the_next_one() -> None:
    talk = Talk()
    talk.say(" Kant")
    talk.stop()
    assert talk.say("or") == ""
    talk.stop()
    assert talk.say(" Kant") == ""
    talk.stop()
    talk.said(" Kant|or")
    assert talk.say(" Kant") == "or"
    talk.stop()
    assert talk._draft.guess() == []
