"""One answer, read behind what it was made to begin with."""

from __future__ import annotations

from server.transcript.answer_reader import AnswerReader
from server.transcript.events import SegmentClosed, SpeechDelta
from tests.support.author import Author
from tests.support.speaking_runner import CHECKPOINT


def test_forced_text_has_no_log_probabilities() -> None:
    """Nor is the first token behind it taken for one of its content."""
    author = Author(CHECKPOINT)
    reader = AnswerReader(author.vocabulary, 10.0)
    assert reader.begin('[{"Start":0,"End":1,"Speaker":0,"Content":"Yes.') == [SpeechDelta(0, "Yes.", (0.0, 1.0))]
    assert reader.unfinished == "Yes."
    rest = '"},{"Start":1,"End":2,"Speaker":0,"Content":"No."}]'
    tokens = author.tokenizer.encode(rest, add_special_tokens=False).ids
    events = [*reader.feed(tokens, [-1.0] * len(tokens)), *reader.finish()]
    yes, no = (event.segment for event in events if isinstance(event, SegmentClosed))
    assert (yes.text, yes.avg_logprob) == ("Yes.", None)
    assert (no.text, no.avg_logprob) == ("No.", -1.0)
    assert reader.complete
