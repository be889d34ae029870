"""So much per second, saved up to a bound: a token bucket without a clock and without anything that runs beside it."""

from __future__ import annotations


class TokenBucket:
    """Full at first. Refills by ``rate`` a second up to ``capacity``, reckoned when it is looked at.

    It may be overdrawn: what is taken at once is often larger than the bucket, and known only when it is there. Whoever
    takes while something is in it, and waits otherwise, gets ``rate`` in the long run, and never more than
    ``capacity``, and the last that was taken, beyond that.

    ``now`` is of any monotonic clock, in seconds; time that goes back is no time.
    """

    def __init__(self, rate: float, capacity: float, now: float) -> None:
        self.rate = rate
        self.capacity = capacity
        self._level = capacity
        self._seen = now

    def level(self, now: float) -> float:
        """What is in it; below 0 where it is overdrawn."""
        self._level = min(self.capacity, self._level + max(0.0, now - self._seen) * self.rate)
        self._seen = max(self._seen, now)
        return self._level

    def take(self, amount: float, now: float) -> None:
        """Take so much out, whatever is in it; a negative amount is put back, up to the brim."""
        self._level = min(self.capacity, self.level(now) - amount)

    def wait(self, level: float, now: float) -> float:
        """Seconds until there is so much in it, if nothing is taken."""
        return max(0.0, level - self.level(now)) / self.rate
