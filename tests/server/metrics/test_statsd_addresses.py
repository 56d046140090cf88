"""Where the daemon is: look-ups in one thread at a time, when they come again, and which address is in use."""

import socket
import threading
from collections.abc import Callable, Sequence

import pytest
from loop_turns import until
from statsd_world import no_look_up_is_under_way

from server.metrics.statsd_addresses import PATIENCE_S, REFRESH_S, Address, Addresses, resolve

FIRST = Address(socket.AF_INET, ("192.0.2.1", 8125))
SECOND = Address(socket.AF_INET, ("192.0.2.2", 8125))


class Names:
    """A resolver that answers what a test says, and counts how often it is asked and by how many at once."""

    def __init__(self, answer: Sequence[Address] | Exception) -> None:
        self.answer = answer
        self.asked = 0
        self.at_once = 0
        self.most_at_once = 0
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        assert self.go_on.wait(60.0)
        self.at_once -= 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def addresses_of(names: Names) -> Addresses:
    return Addresses("statsd.example", 8125, resolve=names, chance=lambda: 0.5)


async def until_taken_up(addresses: Addresses, now: float, condition: Callable[[], object]) -> None:
    def taken_up() -> bool:
        addresses.refresh(now)
        return bool(condition())

    await until(taken_up, "the look-up")


def test_addresses_in_numbers_are_what_they_say() -> None:
    assert resolve("127.0.0.1", 8125) == [Address(socket.AF_INET, ("127.0.0.1", 8125))]
    assert resolve("::1", 8125) == [Address(socket.AF_INET6, ("::1", 8125, 0, 0))]


def test_a_name_that_has_both_is_tried_by_ipv4_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def both(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        six = (socket.AF_INET6, socket.SOCK_DGRAM, 17, "", ("2001:db8::1", port, 0, 0))
        four = (socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.1", port))
        return [six, four, six]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    assert [address.where[0] for address in resolve("both.example", 8125)] == ["192.0.2.1", "2001:db8::1"]


def test_a_name_that_does_not_exist_has_no_address() -> None:
    # RFC 6761 keeps .invalid free for this.
    with pytest.raises(socket.gaierror):
        resolve("statsd.fanwire.invalid", 8125)


@pytest.mark.gen_test
async def test_what_is_found_is_taken_up_once() -> None:
    addresses = addresses_of(Names([FIRST, SECOND]))
    await until(lambda: addresses.refresh(0.0), "the look-up")
    assert (addresses.current, len(addresses), addresses.flaw(0.0)) == (FIRST, 2, None)
    assert addresses.refresh(1.0) is False


@pytest.mark.gen_test
async def test_the_name_is_looked_up_again_after_a_minute() -> None:
    names = Names([FIRST])
    addresses = addresses_of(names)
    await until_taken_up(addresses, 0.0, lambda: addresses.current)
    addresses.refresh(REFRESH_S - 0.1)
    assert names.asked == 1
    names.answer = [SECOND]
    await until_taken_up(addresses, REFRESH_S, lambda: addresses.current == SECOND)
    assert names.asked == 2


@pytest.mark.gen_test
async def test_the_address_in_use_stays_in_use_while_the_name_has_it() -> None:
    names = Names([FIRST, SECOND])
    addresses = addresses_of(names)
    await until_taken_up(addresses, 0.0, lambda: addresses.current)
    addresses.pass_over_current()
    assert addresses.current == SECOND
    addresses.refresh(REFRESH_S)
    await until(lambda: addresses.refresh(REFRESH_S), "the second look-up")
    assert addresses.current == SECOND
    addresses.pass_over_current()
    assert addresses.current == FIRST


@pytest.mark.gen_test
@pytest.mark.parametrize("failure", [socket.gaierror(-2, "no such name"), UnicodeError("label too long")])
async def test_a_name_that_cannot_be_looked_up_is_a_flaw_that_says_why(failure: Exception) -> None:
    addresses = addresses_of(Names(failure))
    await until_taken_up(addresses, 0.0, lambda: addresses.flaw(0.0))
    assert addresses.current is None
    assert str(addresses.flaw(0.0)).startswith("statsd.example has no address: ")


@pytest.mark.gen_test
async def test_the_flaw_is_over_once_the_name_is_found() -> None:
    names = Names(OSError("name server away"))
    addresses = addresses_of(names)
    await until_taken_up(addresses, 0.0, lambda: addresses.flaw(0.0))
    names.answer = [FIRST]
    await until_taken_up(addresses, REFRESH_S, lambda: addresses.current)
    assert addresses.flaw(REFRESH_S) is None


@pytest.mark.gen_test
async def test_known_addresses_stay_in_use_when_a_later_look_up_fails() -> None:
    names = Names([FIRST])
    addresses = addresses_of(names)
    await until_taken_up(addresses, 0.0, lambda: addresses.current)
    names.answer = OSError("name server away")
    await until_taken_up(addresses, REFRESH_S, lambda: addresses.flaw(REFRESH_S))
    assert addresses.current == FIRST


@pytest.mark.gen_test
async def test_trouble_looks_up_at_once_and_then_with_growing_pauses() -> None:
    names = Names(OSError("name server away"))
    addresses = addresses_of(names)
    await until_taken_up(addresses, 0.0, lambda: addresses.flaw(0.0))
    times: list[float] = []
    for tenth in range(600):
        now = tenth / 10
        addresses.trouble(now)
        asked = names.asked
        addresses.refresh(now)
        await until(no_look_up_is_under_way)
        if names.asked > asked:
            times.append(now)
    # Half of 1, 2, 4 … seconds, because chance is always one half here.
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]


@pytest.mark.gen_test
async def test_a_second_look_up_never_starts_while_one_hangs() -> None:
    names = Names([FIRST])
    names.go_on.clear()
    addresses = addresses_of(names)
    for second in range(1000):
        addresses.trouble(float(second))
        addresses.refresh(float(second))
    await until(lambda: names.asked == 1)
    assert names.most_at_once == 1
    names.go_on.set()
    await until_taken_up(addresses, 1000.0, lambda: addresses.current)


@pytest.mark.gen_test
async def test_a_look_up_that_hangs_is_a_flaw_only_after_some_seconds() -> None:
    names = Names([FIRST])
    names.go_on.clear()
    addresses = addresses_of(names)
    addresses.refresh(0.0)
    assert addresses.flaw(PATIENCE_S - 0.1) is None
    assert addresses.flaw(PATIENCE_S) == f"looking up statsd.example takes more than {PATIENCE_S:g} s"
    names.go_on.set()
    await until_taken_up(addresses, PATIENCE_S, lambda: addresses.current)
    assert addresses.flaw(PATIENCE_S) is None


@pytest.mark.gen_test
async def test_a_resolver_with_a_bug_is_raised_where_its_result_is_taken_up() -> None:
    addresses = addresses_of(Names(LookupError("a bug")))
    with pytest.raises(LookupError, match="a bug"):
        await until_taken_up(addresses, 0.0, lambda: False)
