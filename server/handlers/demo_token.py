"""``POST /api/demo/token``, in development mode alone: a token that expires while one watches."""

from server.admission import Refused
from server.auth import issue_token
from server.authentication import secret_of
from server.config import AuthConfig
from server.handlers.json_handler import JsonHandler
from server.operators import Operators

__all__ = ["TTL_S", "DemoTokenHandler"]

TTL_S = 4.0


class DemoTokenHandler(JsonHandler):
    """For admins: ``{"token", "ttl_s"}``, for all topics; 409 where there is no secret to sign with."""

    def initialize(self, operators: Operators, auth: AuthConfig) -> None:
        self._operators = operators
        self._auth = auth

    async def post(self) -> None:
        admitted = await self._operators.identify(self.request)
        if isinstance(admitted, Refused):
            self.turn_away(admitted)
            return
        secret = secret_of(self._auth) if self._auth.mode == "jwt" else None
        ours = [algorithm for algorithm in self._auth.algorithms if algorithm.startswith("HS")]
        if secret is None or not ours:
            self.refuse(409, "no_secret", "auth: this gateway asks for no tokens, or has no secret to sign one with")
            return
        token = issue_token(
            secret,
            sub=admitted.user,
            subscribe=["*"],
            publish=["*"],
            admin=True,
            ttl_s=TTL_S,
            audience=self._auth.audience,
            issuer=self._auth.issuer,
            algorithm=ours[0],
        )
        self.answer({"token": token, "ttl_s": TTL_S})
