"""Who may come in: the order of the checks, and what each answer is made of."""

from collections.abc import Mapping

import pytest
from token_keys import SECRET
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from actors.meter import Meter
from actors.protocol.codes import CloseCode, ErrorCode, Refusal
from actors.protocol.permissions import Identity
from server.access import Access, offered_subprotocols
from server.admission import Admission, Refused
from server.auth import Authenticator, issue_token
from server.authentication import authenticator_of
from server.config import AuthConfig, LimitsConfig, ServerConfig


class _Connection:
    """What Tornado asks of a request's connection: the address of its other end."""

    def __init__(self, remote_ip: str) -> None:
        self.remote_ip = remote_ip
        self.protocol = "http"
        self.context = self


def _request(headers: Mapping[str, str] | None = None, uri: str = "/api/ws") -> HTTPServerRequest:
    fields = HTTPHeaders({"Host": "gateway.example:8080", **(headers or {})})
    connection = _Connection("127.0.0.1")
    start_line = RequestStartLine("GET", uri, "HTTP/1.1")
    return HTTPServerRequest(headers=fields, connection=connection, start_line=start_line)  # type: ignore[arg-type]


class _Counting:
    """A real authenticator that counts how often it is asked."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator
        self.asked = 0

    async def identify(self, token: str | None) -> Identity:
        self.asked += 1
        return await self._authenticator.identify(token)


def _access(limits: LimitsConfig | None = None, **server: tuple[str, ...]) -> tuple[Access, _Counting]:
    authenticator = _Counting(authenticator_of(AuthConfig(mode="jwt", secret=SECRET.decode())))
    admission = Admission(limits or LimitsConfig())
    return Access(ServerConfig(**server), authenticator, admission, Meter()), authenticator  # type: ignore[arg-type]


def _token(sub: str = "ada") -> str:
    return issue_token(SECRET, sub=sub, ttl_s=60)


@pytest.mark.gen_test
async def test_limits_and_origin_are_looked_at_before_a_token_is_worth_any_work() -> None:
    access, authenticator = _access(LimitsConfig(connections=1))
    headers = {"Authorization": f"Bearer {_token()}"}
    foreign = await access.connect(_request({**headers, "Origin": "https://evil.example"}))
    assert isinstance(foreign, Refused)
    assert (foreign.status, foreign.close_code) == (403, CloseCode.ORIGIN_FORBIDDEN)
    access.admission.enter("127.0.0.1", "ada")
    full = await access.connect(_request({**headers, "Origin": "https://evil.example"}))
    assert isinstance(full, Refused)
    assert full.status == 503
    assert authenticator.asked == 0


@pytest.mark.gen_test
async def test_a_good_token_of_a_known_origin_is_an_identity() -> None:
    access, _ = _access(allowed_origins=("https://app.example",))
    headers = {"Authorization": f"Bearer {_token()}", "Origin": "https://app.example"}
    identity = await access.connect(_request(headers))
    assert isinstance(identity, Identity)
    assert identity.user == "ada"


@pytest.mark.gen_test
async def test_the_limit_of_a_user_counts_once_the_token_has_named_them() -> None:
    access, _ = _access(LimitsConfig(connections_per_user=1))
    access.admission.enter("127.0.0.1", "ada")
    refused = await access.connect(_request({"Authorization": f"Bearer {_token('ada')}"}))
    assert isinstance(refused, Refused)
    assert refused.status == 429
    assert isinstance(await access.connect(_request({"Authorization": f"Bearer {_token('bob')}"})), Identity)


@pytest.mark.gen_test
@pytest.mark.parametrize("place", ["subprotocol", "header", "query"])
async def test_the_token_is_found_in_each_of_its_places(place: str) -> None:
    access, _ = _access()
    token = _token()
    headers = {
        "subprotocol": {"Sec-WebSocket-Protocol": f"fanwire.v1, fanwire.token.{token}"},
        "header": {"Authorization": f"bearer  {token}"},
        "query": {},
    }[place]
    uri = f"/api/ws?token={token}" if place == "query" else "/api/ws"
    assert isinstance(await access.identify(_request(headers, uri)), Identity)


@pytest.mark.gen_test
async def test_two_different_tokens_in_one_query_are_refused() -> None:
    access, _ = _access()
    refused = await access.identify(_request({}, f"/api/ws?token=old&token={_token()}"))
    assert isinstance(refused, Refused)
    assert "two different tokens" in refused.message


@pytest.mark.gen_test
async def test_a_refused_token_says_why_and_fits_a_close_reason() -> None:
    access, _ = _access()
    for request in (_request(), _request(uri="/api/ws?token=%ff%fe"), _request({"Authorization": "Basic YTpi"})):
        refused = await access.identify(request)
        assert isinstance(refused, Refused)
        assert (refused.status, refused.code, refused.close_code) == (401, "unauthorized", CloseCode.UNAUTHORIZED)
        assert refused.message.startswith("token: ")
        assert len(refused.close_reason.encode()) <= 123


@pytest.mark.gen_test
async def test_a_renewal_is_an_identity_or_a_refusal_for_an_error_frame() -> None:
    access, _ = _access()
    assert isinstance(await access.renew(_token()), Identity)
    assert await access.renew("x") == Refusal(
        ErrorCode.FORBIDDEN, "token: the header of the token is not base64url of JSON"
    )


@pytest.mark.gen_test
async def test_the_scheme_that_a_proxy_names_counts_only_from_a_trusted_one() -> None:
    headers = {"Origin": "https://gateway.example:8080", "X-Forwarded-Proto": "https"}
    for proxies, status in (((), 403), (("127.0.0.1",), 401)):
        access, _ = _access(trusted_proxies=proxies)
        refused = await access.connect(_request(headers))
        assert isinstance(refused, Refused)
        assert refused.status == status


def test_addresses_are_counted_as_the_trusted_proxy_reports_them() -> None:
    request = _request({"X-Forwarded-For": "203.0.113.7"})
    assert _access()[0].address_of(request) == "127.0.0.1"
    assert _access(trusted_proxies=("127.0.0.0/8",))[0].address_of(request) == "203.0.113.7"


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("", []),
        (" , ,", []),
        ("fanwire.v1", ["fanwire.v1"]),
        ("fanwire.v1,fanwire.token.x ,  other", ["fanwire.v1", "fanwire.token.x", "other"]),
    ],
)
def test_subprotocols_are_a_list_with_commas(header: str, names: list[str]) -> None:
    assert offered_subprotocols(_request({"Sec-WebSocket-Protocol": header})) == names
