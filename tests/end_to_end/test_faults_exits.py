"""What ends other programs ends one actor here, and the process lives (fault matrix, row 11)."""

from typing import Any

import pytest
from faults import FaultyGateway, until_got
from gateways import Tab, envelope

from server.testing.child_process import ProcessError

pytestmark = pytest.mark.slow

ENDS = ["SystemExit", "CancelledError", "KeyboardInterrupt"]


async def assert_lives(gateway: FaultyGateway, tab: Tab, number: int) -> None:
    """A message still goes through, on a topic of its own that ``tab`` has subscribed to."""
    try:
        answer = await tab.ask(envelope("t", data={"n": number}))
    except Exception as failure:
        raise ProcessError(gateway.argv, f"does not serve any more: {failure!r}", gateway.log) from failure
    assert answer["type"] == "published"
    assert (await until_got(tab, "t", number))[-1] == number
    assert gateway.returncode is None


@pytest.mark.gen_test(timeout=60)
async def test_an_end_of_the_process_raised_in_a_topic_ends_that_incarnation_only() -> None:
    async with FaultyGateway() as gateway, await gateway.tab() as ada, await gateway.tab() as bob:
        topics = [f"{place}:{end}" for place in ("topic", "history", "fan_out") for end in ENDS]
        for tab in (ada, bob):
            await tab.subscribe("t", *topics)
        for number, name in enumerate(topics):
            fault = " ".join(name.split(":")) + (" after 1" if name.startswith("fan_out") else "")
            for data in ({"n": 0}, {"n": 1, "fault": fault}, {"n": 2}):
                assert (await ada.ask(envelope(name, data=data)))["type"] == "published"
                if data["n"] == 0:
                    await until_got(ada, name, 0)  # or the topic takes the poison along with it
            everything = [0, 1, 2] if name.startswith("fan_out") else [0, 2]
            for tab in (ada, bob):
                assert await until_got(tab, name, 2) == everything, name
            await assert_lives(gateway, ada, number)
        assert gateway.log.count("an actor failed") == len(topics), gateway.log


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("end", ENDS)
async def test_an_end_of_the_process_raised_in_a_client_ends_that_incarnation_only(end: str) -> None:
    async with FaultyGateway() as gateway, await gateway.tab() as ada, await gateway.tab() as bob:
        for tab in (ada, bob):
            await tab.subscribe("t")
        answer = await ada.ask(envelope("nowhere", data={"fault": f"command {end}"}))
        assert (answer["type"], answer["data"]["code"]) == ("error", "internal")
        await assert_lives(gateway, bob, 0)
        await assert_lives(gateway, ada, 1)
        assert await until_got(ada, "t", 1) == await until_got(bob, "t", 1) == [0, 1]


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("end", ["SystemExit", "KeyboardInterrupt"])
async def test_an_end_of_the_process_raised_beside_a_clients_turns_ends_no_more_than_its_request(end: str) -> None:
    """A new token is looked at in the background, by a task of its own."""
    async with FaultyGateway() as gateway, await gateway.tab() as ada, await gateway.tab() as bob:
        await bob.subscribe("t")
        request = envelope("system", "auth", {"token": f"fault {end}"})
        answer: dict[str, Any] = await ada.ask(request)
        assert (answer["type"], answer["data"]["code"]) == ("error", "internal")
        await assert_lives(gateway, bob, 0)
