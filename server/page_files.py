"""Files of the gateway's own pages: under a policy that lets nothing but these files run. Owns nothing."""

from pathlib import Path
from typing import Any, ClassVar

from tornado.web import StaticFileHandler

from server.allowed_methods import allowed_methods

__all__ = ["STATIC", "PageFile"]

STATIC = Path(__file__).parent / "static"
"""What the frontend's build writes; absent where there was no Node."""

# A page loads scripts and styles from here, its icon from itself, and speaks to this gateway alone.
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    )
)


class PageFile(StaticFileHandler):
    """One file below ``path``; ``absent`` is what a 404 says."""

    absent: ClassVar[str] = "no such file"

    def set_default_headers(self) -> None:
        self.set_header("Content-Security-Policy", _CONTENT_SECURITY_POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        # The token, where there is one, is in the fragment, which is never sent; this is the second lock.
        self.set_header("Referrer-Policy", "no-referrer")
        self.clear_header("Server")

    def set_extra_headers(self, path: str) -> None:
        # After an upgrade the page and the gateway must fit; the ETag makes asking again cheap.
        self.set_header("Cache-Control", "no-cache")

    def compute_etag(self) -> str | None:
        """Tornado's own remembers a file's hash for ever: after a build, browsers would be told to keep the old one."""
        if self.absolute_path is None:
            return None
        status = Path(self.absolute_path).stat()
        return f'"{status.st_mtime_ns:x}-{status.st_size:x}"'

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """In plain text: whoever reads this sits at a browser."""
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        if status_code == 405:
            self.set_header("Allow", ", ".join(allowed_methods(type(self))))
        self.finish(f"{self.absent if status_code == 404 else self._reason}\n")
