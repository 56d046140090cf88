"""Which keys are taken, for which algorithms, and which are refused."""

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms
from token_keys import SECRET, SigningPair, ec_pair, ed25519_pair, jwks, rsa_pair

from server.signing_keys import BadKey, SigningKey, StaticSecret, parse_jwks, secret_key


@pytest.fixture(scope="module")
def rsa() -> SigningPair:
    return rsa_pair("rsa")


def oct_jwk(secret: bytes, **more: object) -> dict[str, object]:
    return {"kty": "oct", "k": base64.urlsafe_b64encode(secret).rstrip(b"=").decode()} | more


def only_key(*members: object) -> SigningKey:
    (key,) = parse_jwks(jwks(*members), subject="test").keys
    return key


def why_refused(*members: object) -> str:
    with pytest.raises(BadKey) as refused:
        parse_jwks(jwks(*members), subject="test")
    return str(refused.value)


def test_a_secret_below_32_bytes_is_refused_with_the_rule() -> None:
    with pytest.raises(BadKey, match=r"auth\.secret: a secret has at least 32 bytes, this one 31"):
        StaticSecret(SECRET[:31])


@pytest.mark.parametrize(
    ("length", "algorithms"),
    [(32, {"HS256"}), (47, {"HS256"}), (48, {"HS256", "HS384"}), (64, {"HS256", "HS384", "HS512"})],
)
def test_the_length_of_a_secret_decides_which_hashes_it_may_key(length: int, algorithms: set[str]) -> None:
    assert secret_key(b"\x81" * length, subject="test").algorithms == algorithms


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_a_public_key_is_refused_as_a_secret(rsa: SigningPair, encoding: Encoding) -> None:
    public = rsa.private.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(BadKey, match="is no secret"):
        StaticSecret(public)
    assert "is no secret" in why_refused(oct_jwk(public))


def test_a_jwk_is_refused_as_a_secret() -> None:
    with pytest.raises(BadKey, match="is no secret"):
        StaticSecret(json.dumps(oct_jwk(SECRET)).encode())


def test_a_secret_is_asked_at_start_whether_it_can_serve_the_algorithms() -> None:
    secret = StaticSecret(SECRET)
    secret.require_fit(["HS256"])
    with pytest.raises(BadKey, match="HS512 needs a secret of at least 64 bytes"):
        secret.require_fit(["HS256", "HS512"])
    with pytest.raises(BadKey, match=r"cannot check RS256; use auth\.jwks_file"):
        secret.require_fit(["RS256"])


def test_the_repr_of_a_key_does_not_show_the_secret() -> None:
    assert SECRET.decode() not in repr(secret_key(SECRET, subject="test"))


def test_each_type_of_key_is_bound_to_its_algorithm(rsa: SigningPair) -> None:
    for pair in (rsa, ec_pair("ec"), ed25519_pair("ed")):
        key = only_key(pair.jwk())
        assert (key.kid, key.algorithms) == (pair.kid, frozenset({pair.algorithm}))
    assert only_key(oct_jwk(SECRET, kid="shared")).algorithms == {"HS256"}


def test_the_alg_of_a_jwk_narrows_and_never_widens(rsa: SigningPair) -> None:
    assert only_key(oct_jwk(b"\x81" * 64, alg="HS384")).algorithms == {"HS384"}
    assert only_key(rsa.jwk(alg="RS256")).algorithms == {"RS256"}
    for alg in ("HS256", "PS256", "none", "", 7, ["RS256"]):
        assert "`alg` is not one of RS256" in why_refused(rsa.jwk(alg=alg))
    assert "`alg` is not one of HS256" in why_refused(oct_jwk(SECRET, alg="HS512"))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"use": "enc"}, "`use` is not sig"),
        ({"use": None}, "`use` is not sig"),
        ({"key_ops": ["sign"]}, "`key_ops` does not hold verify"),
        ({"key_ops": "verify"}, "`key_ops` does not hold verify"),
        ({"kid": 7}, "`kid` is not a string"),
        ({"d": "AAAA"}, "a private key"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "not a key for RS256"),
        ({"kty": "EC", "crv": "P-384"}, "none of oct, RSA, EC P-256"),
        ({"kty": "OKP", "crv": "Ed448"}, "none of oct, RSA, EC P-256"),
        ({"kty": ["EC"]}, "none of oct, RSA, EC P-256"),
        ({"x": "AAAA"}, "not a key for ES256"),
        ({"kty": "oct"}, "not a key for HS256"),
        ({"kty": "oct", "k": "AAAA"}, "at least 32 bytes"),
    ],
)
def test_a_key_that_must_not_check_tokens_is_skipped_with_the_reason(members: dict[str, object], reason: str) -> None:
    good = ec_pair("good")
    read = parse_jwks(jwks(ec_pair("odd").jwk() | members, good.jwk()), subject="test")
    assert [key.kid for key in read.keys] == ["good"]
    assert len(read.skipped) == 1
    assert reason in read.skipped[0]


def test_use_sig_and_key_ops_verify_are_taken() -> None:
    assert only_key(ec_pair("a").jwk(use="sig", key_ops=["sign", "verify"])).kid == "a"


def test_an_rsa_key_below_2048_bits_is_skipped() -> None:
    assert "2048 to 8192 bits, this one 1024" in why_refused(rsa_pair("weak", bits=1024).jwk())


def test_an_ec_key_on_another_curve_is_skipped() -> None:
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    jwk: Any = get_default_algorithms()["ES384"].to_jwk(public, as_dict=True)
    assert "none of oct, RSA, EC P-256" in why_refused(jwk)


@pytest.mark.parametrize("document", [b"", b"[]", b"{}", b'{"keys":{}}', b"\xff", b"[" * 100_000])
def test_what_is_not_a_jwk_set_is_refused(document: bytes) -> None:
    with pytest.raises(BadKey, match=r"auth\.jwks_file keys\.json: not"):
        parse_jwks(document, subject="auth.jwks_file keys.json")


def test_a_set_without_a_usable_key_is_refused_with_the_reasons() -> None:
    assert why_refused() == "test: no usable key; its list `keys` is empty"
    assert why_refused(7, {"kid": "k"}).startswith("test: no usable key; JWK: not an object; JWK 'k': `kty`")
    assert len(why_refused(*range(1000))) < 600


def test_no_secret_is_in_the_text_of_a_refusal() -> None:
    short = oct_jwk(b"hunter2-hunter2")
    assert str(short["k"]) not in why_refused(short)


_texts = st.text("AQab-_=é", max_size=8)
_jwk_values = st.none() | st.integers() | _texts | st.lists(_texts, max_size=2)
_jwk_members = st.sampled_from(["kty", "crv", "n", "e", "x", "y", "k", "alg", "use", "kid"])
_kinds = st.sampled_from(
    [{"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}, {"kty": "OKP", "crv": "Ed25519"}, {"kty": "oct"}, {}]
)


@given(_kinds, st.dictionaries(_jwk_members, _jwk_values))
def test_an_odd_jwk_raises_nothing_but_bad_key(kind: dict[str, Any], members: dict[str, Any]) -> None:
    try:
        read = parse_jwks(jwks(members | kind), subject="test")
    except BadKey:
        return
    assert all(key.algorithms for key in read.keys)


def test_the_keys_of_a_set_are_found_by_name() -> None:
    first, second = ec_pair("first"), ec_pair("second")
    read = parse_jwks(jwks(first.jwk(), second.jwk()), subject="test")
    assert [key.kid for key in read.named("second")] == ["second"]
    assert [key.kid for key in read.named(None)] == ["first", "second"]
    assert read.named("third") == ()
    token = second.sign({})
    jwt.PyJWS().decode_complete(token, read.named("second")[0].material, algorithms=["ES256"])
