"""``fanwire serve``: configuration from flags, environment and file, then the gateway until it is told to end."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from server.bus.from_config import BadBus
from server.cli.configuration import load
from server.cli.exit_codes import CommandFailed, ExitCode
from server.config_sources import LoadedConfig
from server.signing_keys import BadKey

__all__ = ["announcement", "configure", "flags_from", "run", "worker_program"]

DEV_TOKEN_TTL_S = 3600.0

_DESCRIPTION = """\
Run the gateway until SIGTERM or Ctrl+C. Who may connect has no default: give --dev to try things out on
this machine (no tokens, loopback only, demo page at /), or configure auth.mode = "jwt" and a secret.
A flag beats the environment (FANWIRE_SERVER__PORT), which beats the file, which beats the defaults."""

_EXAMPLES = """\
examples:
  fanwire serve --dev
  fanwire serve --dev --port 9000
  FANWIRE_AUTH__MODE=jwt FANWIRE_AUTH__SECRET="$(openssl rand -hex 32)" fanwire serve
  fanwire serve --config fanwire.toml --host 0.0.0.0 --statsd 127.0.0.1:8125

signals:    TERM and INT drain and end; with several workers, HUP replaces them one by one

exit codes: 0 drained and ended; 3 the configuration or a key cannot be used; 5 the address cannot be had;
            70 the gateway gave up after failures: start it again; 71 a worker did not drain in time and was killed"""

# Not `-m server.cli`: that would look for a folder `server` in the working directory first.
_WORKER = "import sys; sys.path.append(sys.argv.pop(1)); from server.cli import main; sys.exit(main())"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("--dev", action="store_true", help="no tokens, loopback only, demo page at /")
    parser.add_argument("--config", metavar="FILE", help="a TOML file, see `fanwire check-config`")
    parser.add_argument("--host", metavar="H", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", metavar="P", help="the port; 0 takes a free one (default: 8080)")
    parser.add_argument("--workers", metavar="N", help="processes (default: 1)")
    # For the parent process alone, which gives each worker its end of a socket pair.
    parser.add_argument("--worker-of", type=int, metavar="FD", help=argparse.SUPPRESS)
    parser.add_argument("--bus", metavar="URL", help="memory://, redis://host:6379/0 or nats://host:4222")
    parser.add_argument("--statsd", metavar="HOST:PORT", help="send metrics there over UDP (default: off)")


def run(arguments: argparse.Namespace) -> int:
    loaded = load(flags_from(arguments), os.environ, arguments.config)
    # The gateway takes most of the start-up time: nobody should wait for it to hear of a mistyped key.
    from server.lifecycle import serve, serve_as_worker, serve_with_workers

    server = loaded.config.server
    try:
        if arguments.worker_of is not None:
            return serve_as_worker(loaded, arguments.worker_of)
        if server.workers > 1:
            program, hopeless = worker_program(arguments), (ExitCode.CONFIG, ExitCode.UNREACHABLE)
            return serve_with_workers(loaded, program, hopeless=hopeless, announce=_announcer(loaded))
        return serve(loaded, announce=_announcer(loaded))
    except (BadKey, BadBus) as error:
        raise CommandFailed(ExitCode.CONFIG, str(error)) from None
    except OSError as error:
        address = f"{server.host}:{server.port}"
        advice = "stop what listens there, or give another --host or --port; --port 0 takes a free one"
        rule = f"{address} cannot be listened on: {error.strerror or error}; {advice}"
        raise CommandFailed(ExitCode.UNREACHABLE, rule) from None


def flags_from(arguments: argparse.Namespace) -> dict[str, object]:
    """Settings by their dotted key, None where the flag was not given; values are checked with all others."""
    statsd_host, statsd_port = _host_and_port(arguments.statsd)
    return {
        "server.dev": arguments.dev,
        "server.host": arguments.host,
        "server.port": arguments.port,
        "server.workers": arguments.workers,
        "bus.url": arguments.bus,
        "statsd.host": statsd_host,
        "statsd.port": statsd_port,
    }


def worker_program(arguments: argparse.Namespace) -> Sequence[str]:
    """The command line of one worker, but for its last word, the descriptor.

    A process of its own that reads the configuration again, not a fork of the parent: a worker that replaces
    another one (SIGHUP) has the code and the settings that are installed then.
    """
    root = str(Path(__file__).parents[2])
    words = ["--dev"] if arguments.dev else []
    for flag in ("config", "host", "port", "workers", "bus", "statsd"):
        value = getattr(arguments, flag)
        words += [] if value is None else [f"--{flag}={value}"]
    return [sys.executable, "-P", "-c", _WORKER, root, "serve", *words, "--worker-of"]


def _host_and_port(text: str | None) -> tuple[str | None, str | None]:
    """``host:8125``, ``host`` alone, ``[::1]:8125``, or an IPv6 address alone, which has more than one colon."""
    if text is None:
        return None, None
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in host and not host.endswith("]")):
        host, port = text, ""
    return host.removeprefix("[").removesuffix("]"), port or None


def _announcer(loaded: LoadedConfig) -> Callable[[str], None]:
    token = _dev_token(loaded)

    def announce(url: str) -> None:
        if loaded.config.server.dev:
            print(announcement(url, token), flush=True)

    return announce


def _dev_token(loaded: LoadedConfig) -> str | None:
    """A token for everything, where --dev runs with authentication on and with a secret to sign with."""
    auth = loaded.config.auth
    if not loaded.config.server.dev or auth.mode != "jwt" or (auth.secret or auth.secret_file) is None:
        return None
    from server.cli.token import token_for

    claims: Mapping[str, object] = {"sub": "dev", "subscribe": ["*"], "publish": ["*"], "admin": True}
    return token_for(auth, {**claims, "ttl": DEV_TOKEN_TTL_S})


def announcement(url: str, token: str | None) -> str:
    """What a developer reads first: where everything is, and the one command that shows a first message."""
    authorization = "" if token is None else f" -H 'Authorization: Bearer {token}'"
    page = f"{url}/" if token is None else f"{url}/#token={token}"
    ops = f"{url}/ops" if token is None else f"{url}/ops#token={token}"
    message = '{"topic":"thread:demo","type":"hello","data":{"text":"hi"}}'
    lines = [
        "Fanwire runs in development mode, for this machine only.",
        "",
        f"  page       {page}",
        f"  ops        {ops}",
        f"  WebSocket  ws{url.removeprefix('http')}/api/ws",
        f"  publish    {url}/api/publish",
        *([] if token is None else [f"  token      {token}  (1 h, every topic)"]),
        "",
        "Open the page, then send it a first message:",
        "",
        f"  curl -X POST {url}/api/publish{authorization} -d '{message}'",
        "",
    ]
    return "\n".join(lines)
