"""Who may use which topic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.protocol.envelope import TopicName
from actors.protocol.permissions import BadPattern, Identity, TopicPattern

NAMES = st.text("abz019_.:@/-", min_size=1, max_size=12)


@given(NAMES, NAMES)
def test_a_pattern_without_a_star_is_that_topic_and_no_other(pattern: str, topic: str) -> None:
    assert TopicPattern(pattern).matches(TopicName(topic)) is (pattern == topic)


@given(NAMES, NAMES)
def test_a_pattern_with_a_star_is_all_that_begins_so(prefix: str, topic: str) -> None:
    assert TopicPattern(prefix + "*").matches(TopicName(topic)) is (topic[: len(prefix)] == prefix)


@given(NAMES, NAMES)
def test_whatever_follows_the_prefix_is_matched(prefix: str, rest: str) -> None:
    assert TopicPattern(prefix + "*").matches(TopicName(prefix + rest))


@given(NAMES)
def test_a_star_alone_is_every_topic(topic: str) -> None:
    assert TopicPattern("*").matches(TopicName(topic))


@pytest.mark.parametrize("text", ["", "**", "a*b", "*a", "a**", "a b", "a\n", "ä", "thread:42\n", "a" * 256])
def test_anything_else_is_no_pattern_and_says_which(text: str) -> None:
    with pytest.raises(BadPattern) as refused:
        TopicPattern(text)
    assert repr(text[:80]) in str(refused.value)


@given(st.text(max_size=20))
def test_a_pattern_is_refused_or_matches_only_by_its_own_beginning(text: str) -> None:
    try:
        pattern = TopicPattern(text)
    except BadPattern:
        return
    assert pattern.matches(TopicName(text.removesuffix("*") + ("x" if text.endswith("*") else "")))
    assert text == "*" or not pattern.matches(TopicName("~" + text))


def test_a_user_may_subscribe_to_their_own_topic_without_a_grant() -> None:
    ada = Identity("ada")
    assert ada.may_subscribe(TopicName("user:ada"))
    assert not ada.may_subscribe(TopicName("user:adam"))
    assert not ada.may_subscribe(TopicName("user:ad"))
    assert not ada.may_publish(TopicName("user:ada"))


def test_subscribe_and_publish_are_granted_apart() -> None:
    ada = Identity("ada", subscribe=(TopicPattern("thread:*"),), publish=(TopicPattern("thread:42"),))
    assert ada.may_subscribe(TopicName("thread:7"))
    assert not ada.may_publish(TopicName("thread:7"))
    assert ada.may_publish(TopicName("thread:42"))


def test_an_anonymous_identity_may_everything_and_never_expires() -> None:
    anybody = Identity.anonymous()
    assert anybody.may_subscribe(TopicName("a"))
    assert anybody.may_publish(TopicName("a"))
    assert (anybody.user, anybody.admin, anybody.expires_at) == ("anonymous", True, None)
