"""Guesses by what is known of every answer, and by what was said before or stands in the prompt."""

from __future__ import annotations

from model.drafts.phrases import PhraseDraft, Phrases
from model.drafts.token_texts import TokenTexts
from model.family import Outline


class AnswerDraft:
    """Follows one answer and guesses how it goes on: by its outline, and inside a content by phrases known already.

    It guesses text, and leaves it to the verification whether the model cuts that text into the same tokens: they
    begin where the last token ended, as in the real vocabulary ``."`` and ``},{"`` are two.
    """

    def __init__(self, texts: TokenTexts, outline: Outline, known: Phrases) -> None:
        """``outline``: of an answer that is not begun. ``known``: phrases of the prompt."""
        self._texts = texts
        self._outline = outline
        self._phrases = PhraseDraft(texts.text, known)

    def follow(self, tokens: list[int]) -> None:
        """Tell it the next tokens of the answer, forced ones and the header included."""
        for token in tokens:
            spoken = self._outline.in_content
            self._outline.follow(self._texts.text(token))
            if spoken:
                self._phrases.follow(token)
                if not self._outline.in_content:
                    self._phrases.pause()

    def guess(self, unread: int = 0) -> list[int]:
        """Tokens that may come next, some twenty at most; none where nothing can be foreseen.

        ``unread``: 1 where the next token is chosen but not known; the guess is about those behind it.
        """
        if text := self._outline.foreseen(unread=bool(unread)):
            return self._texts.ids(text)[unread:]
        return self._phrases.guess()[unread:] if self._outline.in_content else []
