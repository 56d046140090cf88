"""Which key and algorithm a token is checked with: by configuration and by key, never by its own wish."""

from collections.abc import Sequence

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from token_keys import SECRET, ManualClock, PublishedKeys, ec_pair, ed25519_pair, hs256, rsa_pair

from server.auth import Authenticator, JwtAuthenticator, TokenRefused
from server.signing_keys import BadKey, KeySource, KeysUnavailable, SigningKey, StaticSecret

CLOCK = ManualClock()
GOOD: dict[str, object] = {"sub": "ada", "exp": CLOCK() + 60}


class NoKeys:
    """A source that has never reached its keys."""

    async def keys_for(self, kid: str | None) -> Sequence[SigningKey]:
        raise KeysUnavailable("no fresh keys")


def by_secret(*algorithms: str, secret: bytes = SECRET) -> JwtAuthenticator:
    return JwtAuthenticator(StaticSecret(secret), algorithms or ["HS256"], now=CLOCK)


def by_keys(keys: KeySource, *algorithms: str) -> JwtAuthenticator:
    return JwtAuthenticator(keys, algorithms or ["RS256", "ES256", "EdDSA"], now=CLOCK)


async def refusal(authenticator: Authenticator, token: str | None) -> TokenRefused:
    with pytest.raises(TokenRefused) as refused:
        await authenticator.identify(token)
    assert len(str(refused.value).encode()) <= 110
    return refused.value


@pytest.mark.gen_test
async def test_rsa_ec_and_ed25519_keys_are_told_apart_by_kid() -> None:
    pairs = [rsa_pair("a"), ec_pair("b"), ed25519_pair("c"), ed25519_pair("d")]
    authenticator = by_keys(PublishedKeys(*(pair.jwk() for pair in pairs)))
    for pair in pairs:
        assert (await authenticator.identify(pair.sign(GOOD))).user == "ada"


@pytest.mark.gen_test
@pytest.mark.parametrize("alg", ["none", "None", "", None, 7, ["HS256"], {"a": 1}, "HS512", "RS256"])
async def test_an_algorithm_that_is_not_configured_is_refused(alg: object) -> None:
    refused = await refusal(by_secret(), hs256({"alg": alg}, GOOD))
    assert refused.reason == "algorithm"
    assert "allowed: HS256" in refused.rule


@pytest.mark.gen_test
async def test_an_unsigned_token_is_refused() -> None:
    assert (await refusal(by_secret(), jwt.encode(dict(GOOD), "", "none"))).reason == "algorithm"


@pytest.mark.parametrize("algorithms", [[], ["none"], ["HS256", "none"], ["hs256"], ["PS256"], ["RS256"]])
def test_a_choice_of_algorithms_that_protects_nothing_is_refused_at_start(algorithms: list[str]) -> None:
    with pytest.raises(BadKey, match=r"auth\.(algorithms|secret): "):
        JwtAuthenticator(StaticSecret(SECRET), algorithms)


@pytest.mark.gen_test
async def test_a_public_key_never_serves_as_an_hmac_secret() -> None:
    pair = rsa_pair("a")
    public = pair.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    forged = hs256({"alg": "HS256", "kid": "a"}, GOOD, secret=public)
    refused = await refusal(by_keys(PublishedKeys(pair.jwk()), "RS256", "HS256"), forged)
    assert refused.reason == "algorithm"
    with pytest.raises(BadKey, match="is no secret"):
        by_secret(secret=public)


@pytest.mark.gen_test
async def test_a_key_serves_only_its_own_algorithm() -> None:
    ec, ed = ec_pair("ec"), ed25519_pair("ed")
    authenticator = by_keys(PublishedKeys(ec.jwk(), ed.jwk()))
    crossed = await refusal(authenticator, ec.sign(GOOD, kid="ed"))
    assert (crossed.reason, crossed.rule) == ("algorithm", "no key of kid 'ed' is meant for ES256")


@pytest.mark.gen_test
async def test_a_token_with_a_kid_is_checked_with_exactly_that_key() -> None:
    old, new = ec_pair("old"), ec_pair("new")
    authenticator = by_keys(PublishedKeys(old.jwk(), new.jwk()))
    assert (await authenticator.identify(new.sign(GOOD))).user == "ada"
    assert (await refusal(authenticator, new.sign(GOOD, kid="old"))).reason == "signature"
    assert (await refusal(authenticator, new.sign(GOOD, kid="newer"))).reason == "unknown_key"


@pytest.mark.gen_test
async def test_after_a_rotation_the_old_key_is_unknown() -> None:
    old, new = ec_pair("old"), ec_pair("new")
    authenticator = by_keys(PublishedKeys(new.jwk()))
    assert (await refusal(authenticator, old.sign(GOOD))).reason == "unknown_key"


@pytest.mark.gen_test
async def test_a_token_without_a_kid_works_only_if_one_key_fits() -> None:
    ec, ed = ec_pair("ec"), ed25519_pair("ed")
    nameless = jwt.encode(dict(GOOD), ec.private, "ES256")
    assert (await by_keys(PublishedKeys(ec.jwk(), ed.jwk())).identify(nameless)).user == "ada"
    twice = by_keys(PublishedKeys(ec.jwk(), ec_pair("ec2").jwk()))
    assert (await refusal(twice, nameless)).reason == "unknown_key"


@pytest.mark.gen_test
async def test_two_keys_of_one_name_and_algorithm_are_not_tried_in_turn() -> None:
    pair, double = ec_pair("same"), ec_pair("same")
    refused = await refusal(by_keys(PublishedKeys(pair.jwk(), double.jwk())), pair.sign(GOOD))
    assert refused.reason == "unknown_key"
    assert "several keys fit" in refused.rule


@pytest.mark.gen_test
async def test_without_keys_nobody_is_let_in() -> None:
    assert (await refusal(by_keys(NoKeys()), ec_pair("a").sign(GOOD))).reason == "keys_unavailable"


@pytest.mark.gen_test
async def test_a_kid_that_is_no_string_is_malformed_and_not_looked_up() -> None:
    token = hs256({"alg": "ES256", "kid": 7}, GOOD)
    assert (await refusal(by_keys(PublishedKeys(ec_pair("7").jwk())), token)).reason == "malformed"
