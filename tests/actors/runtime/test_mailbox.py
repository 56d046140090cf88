"""The mailbox: bounded in both lanes, control first, and nothing is lost or turned around."""

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.runtime.mailbox import ControlLaneFull, Mailbox, Outcome

MAX_MESSAGES = 4
MAX_CONTROL = 3


def nothing() -> None:
    """Wakes nobody."""


class MailboxAgainstTwoLists(RuleBasedStateMachine):
    """Whatever is offered and taken, the mailbox behaves like two lists of which control goes first."""

    def __init__(self) -> None:
        super().__init__()
        self.mailbox: Mailbox[int] = Mailbox(max_messages=MAX_MESSAGES, max_control=MAX_CONTROL)
        self.data: list[int] = []
        self.control: list[str] = []
        self.most = 0
        self.woken = 0
        self.attached = False
        self.number = 0

    def wake(self) -> None:
        self.woken += 1

    @rule()
    def offer(self) -> None:
        self.number += 1
        had_room, woken = len(self.data) < MAX_MESSAGES, self.woken
        outcome = self.mailbox.offer(self.number)
        assert outcome is (Outcome.QUEUED if had_room else Outcome.REFUSED)
        if had_room:
            self.data.append(self.number)
            self.most = max(self.most, len(self.data))
            assert self.woken == woken + self.attached

    @rule()
    def control_message(self) -> None:
        self.number += 1
        message = f"control {self.number}"
        if len(self.control) >= MAX_CONTROL:
            with pytest.raises(ControlLaneFull):
                self.mailbox.control(message)
        else:
            woken = self.woken
            self.mailbox.control(message)
            self.control.append(message)
            assert self.woken == woken + self.attached

    @rule()
    def take(self) -> None:
        expected: object = None
        if self.control:
            expected = self.control.pop(0)
        elif self.data:
            expected = self.data.pop(0)
        assert self.mailbox.take() == expected

    @rule()
    def take_data(self) -> None:
        expected = self.data.pop(0) if self.data else None
        assert self.mailbox.take_data() == expected

    @rule()
    def attach(self) -> None:
        woken = self.woken
        self.mailbox.attach(self.wake)
        self.attached = True
        assert self.woken == woken + bool(self.data or self.control)

    @rule()
    def detach(self) -> None:
        self.mailbox.detach()
        self.attached = False

    @invariant()
    def it_counts_what_waits(self) -> None:
        assert self.mailbox.depth == len(self.data) <= MAX_MESSAGES
        assert len(self.mailbox) == len(self.data) + len(self.control) <= MAX_MESSAGES + MAX_CONTROL
        assert self.mailbox.empty() is not bool(self.data or self.control)
        assert self.mailbox.has_room is (len(self.data) < MAX_MESSAGES)
        assert self.mailbox.high_water == self.most


TestMailboxAgainstTwoLists = MailboxAgainstTwoLists.TestCase
TestMailboxAgainstTwoLists.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_refused_message_is_not_kept_and_wakes_nobody() -> None:
    woken: list[int] = []
    mailbox: Mailbox[str] = Mailbox(max_messages=0, max_control=1)
    mailbox.attach(lambda: woken.append(1))
    assert mailbox.offer("a") is Outcome.REFUSED
    assert mailbox.take() is None
    assert not woken


def test_a_full_control_lane_is_an_error_that_says_its_bound() -> None:
    mailbox: Mailbox[str] = Mailbox(max_messages=1, max_control=2)
    mailbox.control("a")
    mailbox.control("b")
    with pytest.raises(ControlLaneFull, match="2 control messages wait already"):
        mailbox.control("c")


def test_pykkas_door_is_the_control_lane() -> None:
    mailbox: Mailbox[str] = Mailbox(max_messages=2, max_control=2)
    mailbox.offer("data")
    mailbox.put("from pykka")
    assert [mailbox.get(), mailbox.get()] == ["from pykka", "data"]
    with pytest.raises(IndexError):
        mailbox.get()


def test_what_waits_is_there_for_the_next_incarnation() -> None:
    mailbox: Mailbox[str] = Mailbox(max_messages=2, max_control=2)
    mailbox.attach(nothing)
    mailbox.offer("a")
    mailbox.detach()
    mailbox.offer("b")
    woken: list[int] = []
    mailbox.attach(lambda: woken.append(1))
    assert woken == [1]
    assert [mailbox.take_data(), mailbox.take_data()] == ["a", "b"]
