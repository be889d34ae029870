"""Keys as files have them: what a line says, what is kept of it, and who is refused for what its key may have."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys

import pytest

from server.http.auth.accounts import Account, LimitReached
from server.http.auth.callers import Keys
from server.http.auth.grants import Grant, Scope
from server.http.auth.hash_key import main
from server.http.auth.keys import NO_LIMITS, Key, KeyLimits, digest_of, hashed, read_key, read_keys

DIGEST = digest_of("sk-one")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("sk-one", Key(DIGEST)),
        (f"  sha256:{DIGEST.hex()}  ", Key(DIGEST)),
        (f"sha256:{DIGEST.hex().upper()} name=news@desk-1", Key(DIGEST, "news@desk-1")),
        ("sk-one max_requests=8 max_live_sessions=2", Key(DIGEST, None, KeyLimits(8, 2))),
        ("sk-one\taudio_seconds_per_minute=0.5 priority=yes", Key(DIGEST, None, KeyLimits(None, None, 0.5, True))),
        ("sk-one priority=NO", Key(DIGEST)),
    ],
)
def test_lines(line: str, key: Key) -> None:
    assert read_key(line) == key


def test_a_line_overrides_the_defaults_one_by_one() -> None:
    defaults = KeyLimits(8, 2, 600.0)
    assert read_key("k max_requests=1", defaults).limits == KeyLimits(1, 2, 600.0)
    assert read_key("k", defaults).limits == defaults


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sk-secret max_request=8", "'max_request' is none of name, max_requests, "),
        ("sk-secret max_requests", "'max_requests' is none of"),
        ("sk-secret max_requests=0", "max_requests: a number above 0"),
        ("sk-secret max_live_sessions=-1", "max_live_sessions: a number above 0"),
        ("sk-secret max_requests=٣", "max_requests: a number above 0"),
        ("sk-secret audio_seconds_per_minute=nan", "audio_seconds_per_minute: a number above 0"),
        ("sk-secret audio_seconds_per_minute=1e400", "audio_seconds_per_minute: a number above 0"),
        ("sk-secret priority=maybe", "priority: yes or no"),
        ("sk-secret name=", "name: 1 to 64"),
        ("sk-secret name=a\x1b[31m", "name: 1 to 64"),
        ("sha256:sk-secret", "64 hexadecimal digits"),
    ],
)
def test_what_is_wrong_is_said_by_line_and_without_the_key(line: str, told: str) -> None:
    with pytest.raises(ValueError, match="line 3: ") as caught:
        read_keys(["# keys", "", line])
    assert told in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_a_key_has_one_line() -> None:
    with pytest.raises(ValueError, match="line 2: this key has a line already"):
        read_keys(["sk-one max_requests=1", hashed("sk-one")])


def test_nothing_of_a_key_is_kept_and_its_digest_opens_nothing() -> None:
    keys = Keys([read_key("sk-one name=news"), read_key(hashed("sk-other"))])
    assert b"sk-o" not in pickle.dumps(keys)
    for key in ("sk-one", "sk-other"):
        assert keys.caller([key], now=0) is not None
        assert keys.caller([hashed(key)], now=0) is None
        assert keys.caller([digest_of(key).hex()], now=0) is None
    found = keys.caller(["sk-one"], now=0)
    assert found is not None
    assert found.key_id == "news"


def test_lines_are_made_without_a_key_among_the_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("sk-one\n\n sk-other \n"))
    assert main([]) == 0
    assert capsys.readouterr().out.split() == [hashed("sk-one"), hashed("sk-other")]
    assert main(["sk-one"]) == 2
    assert "sk-one" not in "".join(capsys.readouterr())
    assert main(["--new"]) == 0
    made, line = capsys.readouterr().out.split()
    assert line == hashed(made)
    assert len(made) > 40


def test_the_command_is_where_the_documentation_says() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "server.http.auth.hash_key"], input=b"sk-one", capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == hashed("sk-one")


# ---------------------------------------------------------------------------------------------------------- accounts


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_without_limits_everything_goes_and_nothing_is_told() -> None:
    account = Account()
    for _ in range(100):
        account.charge(3_600)
    with account.request(), account.session(8):
        assert (account.requests, account.live_sessions, account.headers) == (1, 8, {})


def test_requests_at_once(clock: Clock) -> None:
    account = Account(KeyLimits(max_requests=2), clock=clock)
    with account.request():
        with account.request():
            assert account.headers == {"x-ratelimit-limit-requests": "2", "x-ratelimit-remaining-requests": "0"}
            with pytest.raises(LimitReached, match="2 requests at once") as caught, account.request():
                raise AssertionError
            assert caught.value.retry_after == 1
            clock.now += 20
        with account.request():
            assert account.requests == 2
    with account.request(), account.request(), pytest.raises(LimitReached) as caught, account.request():
        raise AssertionError
    assert 1 < caught.value.retry_after <= 10, "as long as they take, shared by the places"
    assert account.requests == 0


def test_sessions_at_once_count_their_channels() -> None:
    account = Account(KeyLimits(max_live_sessions=3))
    with account.session(2):
        with pytest.raises(LimitReached, match="3 live sessions at once"), account.session(2):
            raise AssertionError
        with account.session(1):
            assert account.live_sessions == 3
    assert account.live_sessions == 0


def test_a_long_recording_is_taken_and_made_up_for(clock: Clock) -> None:
    """Ten seconds a second: an hour overdraws by fifty minutes, which take five minutes to come back."""
    account = Account(KeyLimits(audio_seconds_per_minute=600), clock=clock)
    account.charge(3_600)
    for refused in (account.request(), account.session(1)):
        with pytest.raises(LimitReached, match="600 seconds of audio per minute") as caught, refused:
            raise AssertionError
        assert caught.value.retry_after == pytest.approx(300.1)
    with pytest.raises(LimitReached):
        account.charge(1)
    assert account.headers == {
        "x-ratelimit-limit-audio-seconds": "600",
        "x-ratelimit-remaining-audio-seconds": "0.00",
        "x-ratelimit-reset-audio-seconds": "360.00s",
    }
    account.charge(10, late=True)  # of a recording that is in work already
    clock.now += 301.2
    with account.request():
        account.charge(1)


def test_live_audio_and_recordings_have_one_bucket(clock: Clock) -> None:
    account = Account(KeyLimits(audio_seconds_per_minute=60), clock=clock)
    for _ in range(6):
        account.charge(10)
    with pytest.raises(LimitReached):
        account.charge(0.1)
    clock.now += 2
    account.charge(0.1)
    assert account.headers["x-ratelimit-remaining-audio-seconds"] == "1.90"


def test_other_limits_hold_at_once_and_what_is_used_up_stays_so(clock: Clock) -> None:
    account = Account(KeyLimits(2, 2, 600), clock=clock)
    account.charge(590)
    account.limits = KeyLimits(1, 1, 60)
    assert account.headers["x-ratelimit-remaining-audio-seconds"] == "10.00"
    account.limits = KeyLimits(audio_seconds_per_minute=6_000)
    assert account.headers["x-ratelimit-remaining-audio-seconds"] == "10.00"
    account.limits = NO_LIMITS
    account.charge(1e9)


# ------------------------------------------------------------------------------------------------------------ callers


def test_a_grant_counts_for_the_key_that_signed_it() -> None:
    keys = Keys([read_key("sk-one max_live_sessions=1 name=news"), read_key("sk-other")])
    token = Grant(Scope.REALTIME, 60).signed(DIGEST)
    of_key, of_grant = keys.caller(["sk-one"], now=0), keys.caller([f"ek_{token}"], now=0)
    assert of_key is not None
    assert of_grant is not None
    assert of_grant.key_id == "news"
    with of_grant.account.session(1), pytest.raises(LimitReached), of_key.account.session(1):
        raise AssertionError


def test_without_keys_all_callers_are_one() -> None:
    keys = Keys([], nobody=KeyLimits(max_requests=1))
    one, other = keys.caller(["a"], now=0), keys.caller([], now=0)
    assert one is not None
    assert other is not None
    with one.account.request(), pytest.raises(LimitReached), other.account.request():
        raise AssertionError


def test_keys_are_replaced_and_what_is_in_work_counts_on() -> None:
    keys = Keys([read_key("sk-one max_requests=1"), read_key("sk-other")])
    before = keys.caller(["sk-one"], now=0)
    assert before is not None
    token = Grant(Scope.LISTEN, 60).signed(digest_of("sk-other"))
    with before.account.request():
        keys.replace([read_key("sk-one max_requests=2"), read_key("sk-new")])
        after = keys.caller(["sk-one"], now=0)
        assert after is not None
        assert after.account is before.account
        assert after.account.headers["x-ratelimit-remaining-requests"] == "1"
    assert keys.caller(["sk-new"], now=0) is not None
    assert keys.caller(["sk-other"], now=0) is None
    assert keys.caller([token], now=0) is None, "a key that is taken away ends its grants"
