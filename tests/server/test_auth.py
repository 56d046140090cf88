"""Who is let in with which token, and for what reason the others are not."""

import base64
import hmac
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_keys import SECRET, ManualClock, b64, hs256

from actors.protocol.permissions import Identity
from server.auth import (
    MAX_TOKEN_BYTES,
    AnonymousAuthenticator,
    Authenticator,
    JwtAuthenticator,
    TokenRefused,
    find_token,
    issue_token,
)
from server.signing_keys import BadKey, StaticSecret

CLOCK = ManualClock()
GOOD: dict[str, object] = {"sub": "ada", "exp": CLOCK() + 60}


def by_secret(*algorithms: str, secret: bytes = SECRET) -> JwtAuthenticator:
    return JwtAuthenticator(StaticSecret(secret), algorithms or ["HS256"], now=CLOCK)


async def refusal(authenticator: Authenticator, token: str | None) -> TokenRefused:
    with pytest.raises(TokenRefused) as refused:
        await authenticator.identify(token)
    assert len(str(refused.value).encode()) <= 110
    return refused.value


@pytest.mark.gen_test
async def test_where_authentication_is_disabled_everybody_is_anonymous() -> None:
    for token in (None, "whatever"):
        assert await AnonymousAuthenticator().identify(token) == Identity.anonymous()


@pytest.mark.gen_test
async def test_an_issued_token_is_accepted_as_what_it_was_issued_for() -> None:
    token = issue_token(
        SECRET,
        sub="ada",
        subscribe=["thread:42", "agent:*"],
        publish=["*"],
        admin=True,
        ttl_s=60,
        now=CLOCK,
        audience="gateway",
        issuer="idp",
        kid="2024",
    )
    authenticator = JwtAuthenticator(StaticSecret(SECRET), ["HS256"], "gateway", "idp", CLOCK)
    identity = await authenticator.identify(token)
    assert (identity.user, identity.admin, identity.expires_at) == ("ada", True, CLOCK() + 60)
    assert [pattern.text for pattern in identity.subscribe + identity.publish] == [
        "thread:42",
        "agent:*",
        "*",
    ]


@pytest.mark.gen_test
@pytest.mark.parametrize(("algorithm", "size"), [("HS256", 32), ("HS384", 48), ("HS512", 64)])
async def test_every_hash_of_a_secret_works(algorithm: str, size: int) -> None:
    secret = b"\x81" * size
    token = issue_token(secret, sub="ada", ttl_s=60, now=CLOCK, algorithm=algorithm)
    assert (await by_secret(algorithm, secret=secret).identify(token)).user == "ada"


@pytest.mark.gen_test
@pytest.mark.parametrize("token", [None, ""])
async def test_no_token_is_refused_as_missing(token: str | None) -> None:
    assert (await refusal(by_secret(), token)).reason == "missing"


@pytest.mark.gen_test
async def test_a_token_above_8_kib_is_refused_before_anything_is_parsed() -> None:
    assert (await refusal(by_secret(), "x" * (MAX_TOKEN_BYTES + 1))).reason == "too_long"
    assert (await refusal(by_secret(), "x" * MAX_TOKEN_BYTES)).reason == "malformed"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    "token",
    [
        "x",
        "..",
        "a.b.c.d.e",
        "é.é.é",
        "\ud800.a.b",
        hs256([], GOOD),
        hs256(b"[" * 3000, GOOD),
        hs256({"alg": "HS256", "kid": 7}, GOOD),
        hs256({"alg": "HS256"}, GOOD) + "=!",
        hs256({"alg": "HS256"}, GOOD) + "\ud800",
        hs256({"alg": "HS256"}, b"not json"),
        hs256({"alg": "HS256"}, []),
        hs256({"alg": "HS256", "crit": ["exp"], "exp": 1}, GOOD),
        hs256({"alg": "HS256", "crit": ["b64"], "b64": False}, GOOD),
        hs256({"alg": "HS256", "crit": []}, GOOD),
        hs256({"alg": "HS256", "crit": ["b64"], "b64": True}, GOOD),
        hs256({"alg": "HS256", "b64": False}, GOOD),
    ],
)
async def test_what_is_no_plain_jwt_is_malformed(token: str) -> None:
    assert (await refusal(by_secret(), token)).reason == "malformed"


@pytest.mark.gen_test
async def test_a_changed_payload_or_another_secret_is_a_bad_signature() -> None:
    header, _, signature = hs256({"alg": "HS256"}, GOOD).split(".")
    forged = f"{header}.{b64(GOOD | {'admin': True})}.{signature}"
    assert (await refusal(by_secret(), forged)).reason == "signature"
    assert (await refusal(by_secret(), hs256({"alg": "HS256"}, GOOD, secret=SECRET[::-1]))).reason == "signature"
    assert (await refusal(by_secret(), f"{header}.{b64(GOOD)}.")).reason == "signature"


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": CLOCK() - 6}, "expired"),
        ({"nbf": CLOCK() + 6}, "not_yet_valid"),
        ({"sub": ""}, "claims"),
        ({"aud": "other"}, "audience"),
        ({"iss": "other"}, "issuer"),
    ],
)
async def test_claims_are_checked_once_the_signature_is_good(changes: dict[str, object], reason: str) -> None:
    authenticator = JwtAuthenticator(StaticSecret(SECRET), ["HS256"], "gateway", "idp", CLOCK)
    claims = GOOD | {"aud": "gateway", "iss": "idp"} | changes
    assert (await refusal(authenticator, hs256({"alg": "HS256"}, claims))).reason == reason
    forged = hs256({"alg": "HS256"}, claims, secret=SECRET[::-1])
    assert (await refusal(authenticator, forged)).reason == "signature"


_parts = st.binary(max_size=40) | st.dictionaries(
    st.sampled_from(["alg", "kid", "crit", "b64", "exp", "sub", "nbf", "aud", "publish", "admin"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["HS256", "none", "*", "é\n"]),
)
_garbage = st.one_of(
    st.text(max_size=60),
    st.builds(lambda *parts: ".".join(b64(part) for part in parts), _parts, _parts, _parts),
    st.builds(lambda header, claims: hs256({"alg": "HS256"} | header, claims), st.just({}), _parts),
    st.builds(lambda place, byte: _spoiled(place, byte), st.integers(0, 150), st.characters()),
)


def _spoiled(place: int, character: str) -> str:
    token = hs256({"alg": "HS256", "typ": "JWT"}, GOOD)
    return token[:place] + character + token[place + 1 :]


@given(_garbage)
def test_no_garbage_raises_anything_but_token_refused(token: str) -> None:
    step = by_secret().identify(token)
    try:
        step.send(None)
    except TokenRefused as refused:
        assert len(str(refused).encode()) <= 110
        assert token not in str(refused) or len(token) < 20
    except StopIteration as finished:
        assert isinstance(finished.value, Identity)


@pytest.mark.parametrize(
    ("authorization", "subprotocols", "query", "token"),
    [
        (None, [], None, None),
        (None, ["fanwire.v1", "fanwire.token.a.b.c"], None, "a.b.c"),
        ("Bearer a.b.c", ["fanwire.v1"], None, "a.b.c"),
        ("bearer   a.b.c ", [], None, "a.b.c"),
        (None, [], "a.b.c", "a.b.c"),
        ("Bearer a.b.c", ["fanwire.token.a.b.c"], "a.b.c", "a.b.c"),
        ("Basic YTpi", [], "a.b.c", "a.b.c"),
        ("Bearer", ["fanwire.token."], "", None),
    ],
)
def test_the_token_is_found_where_it_may_travel(
    authorization: str | None, subprotocols: list[str], query: str | None, token: str | None
) -> None:
    assert find_token(authorization, subprotocols, query) == token


@pytest.mark.parametrize(
    ("authorization", "subprotocols", "query"),
    [
        ("Bearer a", ["fanwire.token.b"], None),
        ("Bearer a", [], "b"),
        (None, ["fanwire.token.a"], "b"),
        (None, ["fanwire.token.a", "fanwire.token.b"], None),
    ],
)
def test_two_different_tokens_are_refused(
    authorization: str | None, subprotocols: list[str], query: str | None
) -> None:
    with pytest.raises(TokenRefused, match="two different tokens") as refused:
        find_token(authorization, subprotocols, query)
    assert refused.value.reason == "malformed"


def test_a_token_that_would_be_refused_is_not_issued() -> None:
    for odd in ({"sub": ""}, {"subscribe": ["a*b"]}, {"ttl_s": 0}, {"publish": ["p" * 200] * 50}):
        with pytest.raises(TokenRefused):
            issue_token(SECRET, **({"sub": "ada", "ttl_s": 60} | odd))  # type: ignore[arg-type]
    with pytest.raises(BadKey, match="HS512 needs"):
        issue_token(SECRET, sub="ada", ttl_s=60, algorithm="HS512")
    with pytest.raises(BadKey, match="at least 32 bytes"):
        issue_token(b"short", sub="ada", ttl_s=60)


@pytest.mark.gen_test
@pytest.mark.parametrize("segment", range(3))
@pytest.mark.parametrize(
    "respell", [lambda text: text + "=" * 8, lambda text: text[:4] + "!" + text[4:], lambda text: text + "\n"]
)
async def test_a_segment_has_one_spelling(segment: int, respell: Callable[[str], str]) -> None:
    segments = hs256({"alg": "HS256"}, GOOD).split(".")
    segments[segment] = respell(segments[segment])
    assert (await refusal(by_secret(), ".".join(segments))).reason in ("malformed", "signature")


@pytest.mark.gen_test
async def test_bits_that_the_last_character_has_to_spare_must_be_zero() -> None:
    """Else one token had several spellings, and a list of revoked ones could be gone around."""
    token = hs256({"alg": "HS256"}, GOOD)  # a digest of 32 bytes ends in a character of which two bits are not used
    assert token[-1] in "AEIMQUYcgkosw048"
    respelled = token[:-1] + chr(ord(token[-1]) + 1)
    assert (await refusal(by_secret(), respelled)).reason == "malformed"


@pytest.mark.gen_test
async def test_padded_segments_are_understood() -> None:
    header, payload, _ = (text + "=" * (-len(text) % 4) for text in hs256({"alg": "HS256"}, GOOD).split("."))
    signature = hmac.digest(SECRET, f"{header}.{payload}".encode(), "sha256")
    padded = f"{header}.{payload}.{base64.urlsafe_b64encode(signature).decode()}"
    assert (await by_secret().identify(padded)).user == GOOD["sub"]
