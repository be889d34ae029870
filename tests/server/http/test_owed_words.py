"""What a session owes its client, told flush by flush."""

from __future__ import annotations

from server.http.sockets.delays import Delays
from server.http.sockets.owed import OwedWords
from server.live.vocabulary.flush import Asker, flush_ids


def owed_words() -> OwedWords:
    return OwedWords(Delays(lambda _: None, lambda _: None))


def test_a_session_is_settled_when_every_flush_of_every_channel_was_told_and_passed_on() -> None:
    owed, flush = owed_words(), next(flush_ids(Asker.TURNS))
    owed.add(0, flush)
    owed.add(1, flush)
    owed.told(0, flush)
    owed.passed_on()
    assert owed
    assert not owed.settled.is_set()
    owed.told(1, flush)
    assert not owed
    assert not owed.settled.is_set(), "its words are not on their way yet"
    owed.passed_on()
    assert owed.settled.is_set()
    owed.add(0, next(flush_ids(Asker.TURNS)))
    assert not owed.settled.is_set()


def test_only_what_the_protocol_asked_for_is_due_elsewhere() -> None:
    owed = owed_words()
    mine, server = next(flush_ids(Asker.PROTOCOL)), next(flush_ids(Asker.SERVER))
    owed.ask({(0, mine): 2.5, (0, server): 3.0})
    assert owed.asked == {(0, mine): 2.5}
    owed.told(0, mine)
    assert owed.asked == {}
    assert owed, "the server's own is still owed"
