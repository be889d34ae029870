"""Who is suspect after a death, who is refused, and for how long that is remembered."""

from __future__ import annotations

from server.engine.client.quarantine import _MOST, OUTSIDE_DEATHS, PAST, REFUSED_SECONDS, Quarantine


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def state(quarantine: Quarantine, key: str) -> str:
    if quarantine.refused(key):
        return "refused"
    return "suspect" if quarantine.suspect(key) else "free"


def test_two_deaths_in_company_and_one_alone() -> None:
    quarantine = Quarantine(Clock())
    states = [state(quarantine, "a")]
    found = []
    for alone in (False, False, True):
        found.append(quarantine.blame({"a": 0} if alone else {"a": 0, "b": 0}, alone=alone))
        states.append(state(quarantine, "a"))
    assert states == ["free", "free", "suspect", "refused"]
    assert found == [False, False, True]
    assert state(quarantine, "b") == "suspect"


def test_nobody_is_found_guilty_in_company() -> None:
    quarantine = Quarantine(Clock())
    for _ in range(10):
        assert not quarantine.blame({"a": 0, "b": 0}, alone=False)
    assert state(quarantine, "a") == state(quarantine, "b") == "suspect"
    assert quarantine.blame({"a": 0}, alone=True)
    assert state(quarantine, "b") == "suspect"


def test_a_first_death_alone_is_none_of_a_suspect() -> None:
    """Half of a step that went wrong may be one stream too."""
    quarantine = Quarantine(Clock())
    assert not quarantine.blame({"a": 0}, alone=True)
    assert state(quarantine, "a") == "free"


def test_who_gets_past_the_place_is_free() -> None:
    quarantine = Quarantine(Clock())
    for place in (40, 30):
        quarantine.blame({"a": place}, alone=False)
    assert not quarantine.passed("a", 40 + PAST - 1)
    assert quarantine.passed("a", 40 + PAST)
    assert quarantine.passed("nobody", 0)
    quarantine.acquit("a")
    assert state(quarantine, "a") == "free"


def test_it_is_remembered_for_a_while() -> None:
    clock = Clock()
    quarantine = Quarantine(clock)
    for alone in (False, False, True):
        quarantine.blame({"a": 0}, alone=alone)
        clock.now += 10
    clock.now += REFUSED_SECONDS - 10.1
    assert state(quarantine, "a") == "refused"
    clock.now += 0.2
    assert state(quarantine, "a") == "free"


def test_not_everybody_is_remembered() -> None:
    quarantine = Quarantine(Clock())
    for number in range(_MOST + 1):
        for _ in range(2):
            quarantine.blame({f"r{number}": 0}, alone=False)
    assert [state(quarantine, f"r{number}") for number in (0, 1, _MOST)] == ["free", "suspect", "suspect"]


def test_deaths_from_outside_say_little_and_yet_something() -> None:
    quarantine = Quarantine(Clock())
    for _ in range(2 * OUTSIDE_DEATHS):
        assert state(quarantine, "a") == "free"
        assert not quarantine.blame({"a": 0, "b": 0}, alone=False, outside=True)
    for _ in range(OUTSIDE_DEATHS):
        assert state(quarantine, "a") == "suspect"
        found = quarantine.blame({"a": 0}, alone=True, outside=True)
    assert found
    assert state(quarantine, "a") == "refused"
    assert state(quarantine, "b") == "suspect"


def test_a_death_from_outside_condemns_no_suspect() -> None:
    quarantine = Quarantine(Clock())
    for alone, outside in ((False, False), (False, False), (True, True)):
        assert not quarantine.blame({"a": 0}, alone=alone, outside=outside)
    assert quarantine.blame({"a": 0}, alone=True)
