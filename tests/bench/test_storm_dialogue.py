"""bench.storm_dialogue: every client is a user of its own, and its messages can be told apart."""

import json
import time
import uuid

import jwt

from bench.storm_dialogue import ALGORITHM, Resume, client_lines, handshake_head, room_messages, sign

SECRET = "a secret that is long enough for HS256"
RESUME = Resume(topics=2, missed=3, rooms=3)
SEEN = {0: 100, 1: 200, 2: 300}


def _clients(count: int) -> list[tuple[dict[str, object], dict[str, object]]]:
    """The claims and the subscribed topics of each line."""
    parsed = []
    for line in client_lines(count, RESUME, SEEN, SECRET, time.time()):
        token, _, request = line.partition(" ")
        parsed.append((jwt.decode(token, SECRET, [ALGORITHM]), json.loads(request)["data"]["topics"]))
    return parsed


def test_every_client_has_a_token_of_its_own_that_may_read_the_rooms() -> None:
    claims = [claim for claim, _ in _clients(4)]
    assert len({claim["sub"] for claim in claims}) == 4
    assert all(claim["subscribe"] == ["bench:*"] for claim in claims)


def test_a_client_asks_for_what_came_after_the_last_message_it_has_seen_in_each_of_its_rooms() -> None:
    topics = [asked for _, asked in _clients(4)]
    assert topics[1] == {"bench:1": {"since": 200}, "bench:2": {"since": 300}}
    assert topics[2] == {"bench:2": {"since": 300}, "bench:0": {"since": 100}}
    assert topics[3] == topics[0]
    assert RESUME.messages == 6


def test_a_message_says_in_a_valid_id_of_which_room_it_is_and_where_there() -> None:
    messages = room_messages(17, 3)
    assert [str(message["id"])[-12:] for message in messages] == [f"00000011000{number}" for number in range(4)]
    assert all(uuid.UUID(str(message["id"])).version == 4 for message in messages)


def test_a_handshake_is_whole_with_a_token_and_an_empty_line() -> None:
    token = sign(SECRET, "ada", time.time())
    request = handshake_head(8080) + token + "\r\n\r\n"
    assert request.endswith(f"Sec-WebSocket-Protocol: fanwire.v1, fanwire.token.{token}\r\n\r\n")
    assert request.count("\r\n\r\n") == 1
