"""Who is on the other end: addresses behind proxies, and Origins compared exactly."""

import pytest

from server.peer import client_address, networks_from, origin_is_allowed

PROXIES = networks_from(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"])


@pytest.mark.parametrize(
    ("remote", "forwarded_for", "address"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("192.0.2.1", "203.0.113.7, 10.9.9.9", "203.0.113.7"),
        ("2001:db8::1", "2001:db9::7", "2001:db9::7"),
        # A client may write what it likes into the header: only what a trusted proxy added counts.
        ("10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("203.0.113.7", "10.0.0.1", "203.0.113.7"),
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.7,", "10.0.0.1"),
    ],
)
def test_the_address_is_the_last_one_that_no_trusted_proxy_added(
    remote: str, forwarded_for: str | None, address: str
) -> None:
    assert client_address(remote, forwarded_for, PROXIES) == address


def test_without_trusted_proxies_the_header_is_never_believed() -> None:
    assert client_address("127.0.0.1", "203.0.113.7", ()) == "127.0.0.1"


OWN = "http://gateway.example:8080"
ALLOWED = ("https://app.example", "http://[::1]:3000")


@pytest.mark.parametrize(
    "origin",
    [None, OWN, "https://app.example", "https://app.example:443", "HTTPS://APP.example", "http://[::1]:3000"],
)
def test_ones_own_origin_a_listed_one_and_no_browser_at_all_are_allowed(origin: str | None) -> None:
    assert origin_is_allowed(origin, OWN, ALLOWED)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "file://",
        "https://gateway.example:8080",
        "http://gateway.example",
        "http://gateway.example:8081",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example.evil.example",
        "https://evilapp.example",
        "https://sub.app.example",
        "https://app.example@evil.example",
        "https://user@app.example",
        "https://app.example/",
        "https://app.example/path",
        "https://app.example?query",
        "https://app.example#fragment",
        "https://app.example:port",
        "https://[app.example",
        "//app.example",
        "app.example",
        "javascript://app.example",
    ],
)
def test_whatever_differs_in_scheme_host_or_port_is_not(origin: str) -> None:
    assert not origin_is_allowed(origin, OWN, ALLOWED)


def test_with_an_empty_list_only_ones_own_origin_is_allowed() -> None:
    assert origin_is_allowed(OWN, OWN, ())
    assert not origin_is_allowed("https://app.example", OWN, ())
