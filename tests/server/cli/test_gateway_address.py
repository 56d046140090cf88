"""Where the client commands look for a gateway."""

import argparse

import pytest

from server.cli.exit_codes import CommandFailed, ExitCode
from server.cli.gateway_address import DEFAULT_URL, address_from, parse_address


def _arguments(url: str | None = None, token: str | None = None) -> argparse.Namespace:
    return argparse.Namespace(url=url, token=token)


def test_a_flag_beats_the_environment_which_beats_the_default() -> None:
    environ = {"FANWIRE_URL": "http://b:2", "FANWIRE_TOKEN": "t"}
    assert address_from(_arguments("http://a:1"), environ).url == "http://a:1"
    assert address_from(_arguments(), environ).url == "http://b:2"
    assert address_from(_arguments(), environ).token == "t"
    assert address_from(_arguments(), {}).url == DEFAULT_URL


def test_the_urls_keep_a_path_in_front_and_tls() -> None:
    address = parse_address("https://example.org/live/")
    assert address.publish_url == "https://example.org/live/api/publish"
    assert address.socket_url == "wss://example.org/live/api/ws"


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8080", "ws://a", "http://", "http://a:99999", "http://a:x", "http://a/?q=1", "file:///etc"]
)
def test_what_is_no_http_url_is_refused_by_name(url: str) -> None:
    with pytest.raises(CommandFailed, match="--url: must look like") as refused:
        parse_address(url)
    assert refused.value.exit_code is ExitCode.USAGE


def test_a_token_that_could_break_a_header_is_refused() -> None:
    with pytest.raises(CommandFailed, match="--token"):
        parse_address(DEFAULT_URL, "abc\r\nX: y")


def test_no_repr_shows_the_token() -> None:
    assert "geheim" not in repr(parse_address(DEFAULT_URL, "geheim"))
