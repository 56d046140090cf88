"""Topics as subjects: one token, reversible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protocol.envelope import TopicName, TraceId
from server.bus.jetstream.names import Names, message_id

LETTERS = "aZ09_.:@/-"
TOPICS = st.text(LETTERS, min_size=1, max_size=255).map(TopicName)
NAMES = Names("my.fanwire")


@given(TOPICS)
def test_every_topic_is_one_token_and_is_found_again(topic: TopicName) -> None:
    for subject in (NAMES.subject(topic), NAMES.live(topic)):
        assert NAMES.topic_of(subject) == topic
        assert subject.count(".") == 2
        assert not set(subject) & set("*> \t\r\n")


@given(TOPICS, TOPICS)
def test_two_topics_never_share_a_subject(one: TopicName, other: TopicName) -> None:
    assert (NAMES.subject(one) == NAMES.subject(other)) == (one == other)


@pytest.mark.parametrize("subject", ["fanwire.live.a", "my,fanwire.other.a", ""])
def test_the_subjects_of_others_are_no_topics(subject: str) -> None:
    assert NAMES.topic_of(subject) is None


def test_a_prefix_with_a_dot_is_one_token_too() -> None:
    assert NAMES.every_subject == "my,fanwire.msg.*"
    assert (NAMES.messages, NAMES.tops) == ("my,fanwire-messages", "my,fanwire-tops")


def test_an_id_counts_within_its_topic_whatever_its_case() -> None:
    a, b = TopicName("a"), TopicName("b")
    assert message_id(a, TraceId("AB")) == message_id(a, TraceId("ab")) != message_id(b, TraceId("ab"))
