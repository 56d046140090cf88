"""Which claims let whom in, and by which rule the others are refused."""

import math

import pytest

from server.token_claims import ClaimRules, TokenRefused, claims_from, identity_from

NOW = 1_719_958_453.0
GOOD: dict[str, object] = {"sub": "ada", "exp": NOW + 60}


def refusal(changes: dict[str, object], rules: ClaimRules | None = None) -> TokenRefused:
    with pytest.raises(TokenRefused) as refused:
        identity_from(GOOD | changes, rules or ClaimRules(), NOW)
    return refused.value


def test_the_claims_become_an_identity() -> None:
    claims = GOOD | {"subscribe": ["thread:42", "agent:*"], "publish": ["*"], "admin": True}
    identity = identity_from(claims, ClaimRules(), NOW)
    assert (identity.user, identity.admin, identity.expires_at) == ("ada", True, NOW + 60)
    assert [pattern.text for pattern in identity.subscribe] == ["thread:42", "agent:*"]
    assert [pattern.text for pattern in identity.publish] == ["*"]


def test_missing_lists_grant_nothing() -> None:
    identity = identity_from(GOOD, ClaimRules(), NOW)
    assert (identity.subscribe, identity.publish, identity.admin) == ((), (), False)


@pytest.mark.parametrize("value", ["1", None, True, [], math.nan, math.inf, -math.inf, 10**400, 2**53 + 1])
@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
def test_a_time_that_is_no_finite_number_is_refused(name: str, value: object) -> None:
    refused = refusal({name: value})
    assert refused.reason == "claims"
    assert f"claim {name} must be a" in str(refused)


def test_a_token_without_exp_is_refused() -> None:
    with pytest.raises(TokenRefused, match="claim exp is missing") as refused:
        identity_from({"sub": "ada"}, ClaimRules(), NOW)
    assert refused.value.reason == "claims"


def test_clocks_may_differ_by_five_seconds_and_no_more() -> None:
    within = GOOD | {"exp": NOW - 4.9, "nbf": NOW + 5, "iat": NOW + 5}
    assert identity_from(within, ClaimRules(), NOW).expires_at == NOW - 4.9
    assert refusal({"exp": NOW - 5}).reason == "expired"
    assert refusal({"nbf": NOW + 5.1}).reason == "not_yet_valid"
    assert refusal({"iat": NOW + 5.1}).reason == "not_yet_valid"


@pytest.mark.parametrize("sub", [None, "", 7, ["ada"], "a\nb", "a\x85", "a\ud800", "a\u2028", "é" * 101])
def test_a_sub_that_is_no_plain_user_id_is_refused(sub: object) -> None:
    refused = refusal({"sub": sub})
    assert refused.reason == "claims"
    assert str(refused).startswith("claim sub must")


def test_a_sub_of_200_bytes_is_taken() -> None:
    assert identity_from(GOOD | {"sub": "é" * 100}, ClaimRules(), NOW).user == "é" * 100


@pytest.mark.parametrize("name", ["subscribe", "publish"])
@pytest.mark.parametrize(
    ("patterns", "rule"),
    [
        (None, "must be a list of topic patterns"),
        ("thread:42", "must be a list of topic patterns"),
        ([7], "[0] must be a string"),
        (["ok", "a*b"], "[1] must be 1 to 255"),
        ([""], "[0] must be"),
        (["**"], "[0] must be"),
        (["a"] * 1001, "must hold at most 1000 patterns"),
    ],
)
def test_a_bad_pattern_list_is_refused_by_name_and_place(name: str, patterns: object, rule: str) -> None:
    refused = refusal({name: patterns})
    assert refused.reason == "claims"
    assert refused.rule.startswith(f"claim {name}")
    assert rule in refused.rule


def test_a_thousand_patterns_are_taken() -> None:
    assert len(identity_from(GOOD | {"publish": ["a"] * 1000}, ClaimRules(), NOW).publish) == 1000


@pytest.mark.parametrize("admin", [1, "true", None, []])
def test_admin_must_be_a_real_boolean(admin: object) -> None:
    assert str(refusal({"admin": admin})) == "claim admin must be true or false"


@pytest.mark.parametrize("aud", ["gateway", ["other", "gateway"]])
def test_an_audience_may_stand_alone_or_in_a_list(aud: object) -> None:
    assert identity_from(GOOD | {"aud": aud}, ClaimRules(audience="gateway"), NOW).user == "ada"


@pytest.mark.parametrize("aud", [None, "gateway2", "", [], ["other"], {"gateway": 1}, [["gateway"]]])
def test_a_token_for_somebody_else_is_refused(aud: object) -> None:
    assert refusal({"aud": aud}, ClaimRules(audience="gateway")).reason == "audience"


def test_audience_and_issuer_are_not_looked_at_where_not_configured() -> None:
    assert identity_from(GOOD | {"aud": 7, "iss": 7}, ClaimRules(), NOW).user == "ada"


@pytest.mark.parametrize("changes", [{}, {"iss": "other"}, {"iss": ["idp"]}])
def test_a_token_of_another_issuer_is_refused(changes: dict[str, object]) -> None:
    assert refusal(changes, ClaimRules(issuer="idp")).reason == "issuer"
    assert identity_from(GOOD | {"iss": "idp"}, ClaimRules(issuer="idp"), NOW).user == "ada"


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"\xff", b'{"exp":NaN}', b"[" * 8000, b'{"a":1}x'])
def test_a_payload_that_is_no_json_object_is_malformed(payload: bytes) -> None:
    with pytest.raises(TokenRefused) as refused:
        claims_from(payload)
    assert refused.value.reason == "malformed"


def test_the_text_of_a_refusal_is_ascii_and_fits_a_close_reason() -> None:
    text = str(TokenRefused("claims", "ü\n" * 300))
    assert text.isascii()
    assert len(text) <= 110
