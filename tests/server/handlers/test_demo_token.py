"""``POST /api/demo/token``: a short token for whoever is an admin already, in development alone."""

import time

import jwt
import pytest
from gateways import LONG_S, SECRET, WITH_TOKENS, bearer, running_gateway, token_for

from server.handlers.demo_token import TTL_S

DEV = {"server.dev": True}
ADMIN = bearer(token_for("root", admin=True, ttl_s=LONG_S))


@pytest.mark.gen_test
async def test_an_admin_gets_a_token_that_expires_in_seconds() -> None:
    async with running_gateway({**WITH_TOKENS, **DEV}) as running:
        answer = await running.request("POST", "/api/demo/token", headers=ADMIN)
        assert (answer.status, answer.body["ttl_s"]) == (200, TTL_S)
        claims = jwt.decode(answer.body["token"], SECRET, algorithms=["HS256"])
        assert claims["sub"] == "root"
        assert 0 < claims["exp"] - time.time() <= TTL_S
        assert (await running.request("GET", "/api/ops/config", headers=bearer(answer.body["token"]))).status == 200


@pytest.mark.gen_test
async def test_nobody_else_gets_one() -> None:
    async with running_gateway({**WITH_TOKENS, **DEV}) as running:
        reader = bearer(token_for(subscribe=["*"], publish=["*"]))
        answers = [await running.request("POST", "/api/demo/token", headers=headers) for headers in ({}, reader)]
        assert [answer.status for answer in answers] == [401, 403]


@pytest.mark.gen_test
async def test_where_there_are_no_tokens_the_answer_says_so() -> None:
    async with running_gateway(DEV) as running:
        answer = await running.request("POST", "/api/demo/token")
        assert (answer.status, answer.body["code"]) == (409, "no_secret")


@pytest.mark.gen_test
async def test_without_dev_there_is_no_such_path() -> None:
    async with running_gateway(WITH_TOKENS) as running:
        assert (await running.request("POST", "/api/demo/token", headers=ADMIN)).status == 404
