"""What a request came to, as its client saw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a request ended."""

    ANSWERED = "answered"
    """As an undisturbed server answers it; a file that nobody can decode is answered with an error that says so."""
    WRONG = "wrong"
    """Answered with other words."""
    REFUSED = "refused"
    """429 or 503 that says when to come back."""
    FAILED = "failed"
    """Anything else: an error, an answer that was cut off, a lost connection, no answer in time."""
    LEFT = "left"
    """The client went away by itself, as it was meant to."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One request.

    Attributes:
        kind: of the client.
        began, ended: by the monotonic clock, in seconds.
        detail: of what was refused or failed: the status and the error's code.
        retry_after: seconds, where the server said so.
    """

    kind: str
    verdict: Verdict
    began: float
    ended: float
    detail: str = ""
    retry_after: float | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.began


def counted(outcomes: Iterable[Outcome]) -> Counter[Verdict]:
    """How many ended in each way."""
    return Counter(outcome.verdict for outcome in outcomes)


def table_rows(outcomes: Iterable[Outcome]) -> list[list[str]]:
    """A row for each kind: its name, how many there were, and how many ended in each way."""
    kinds: dict[str, Counter[Verdict]] = {}
    for outcome in outcomes:
        kinds.setdefault(outcome.kind, Counter())[outcome.verdict] += 1
    return [
        [kind, str(counts.total()), *(str(counts[verdict]) for verdict in Verdict)]
        for kind, counts in sorted(kinds.items())
    ]


TABLE_HEADER = ["client", "requests", *(verdict.value for verdict in Verdict)]


def faults(outcomes: Iterable[Outcome]) -> list[str]:
    """What went wrong, most frequent first."""
    details = Counter(
        f"{outcome.kind}: {outcome.detail or outcome.verdict}"
        for outcome in outcomes
        if outcome.verdict in {Verdict.FAILED, Verdict.WRONG}
    )
    return [f"{count} x {detail}" for detail, count in details.most_common()]
