"""``fanwire doctor``: looks for what would keep a gateway from working on this machine."""

import argparse
import errno
import os
import resource
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from server.cli.configuration import setting_variables
from server.cli.exit_codes import ExitCode
from server.cli.findings import Finding, dependency_finding, extra_finding, fd_finding, python_finding
from server.cli.gateway_address import DEFAULT_URL, parse_address
from server.cli.try_out import fault_of
from server.config import Config
from server.config_sources import ConfigError, LoadedConfig, load_config

__all__ = ["configure", "findings", "run"]

PROBE_TIMEOUT_S = 3.0
DEPENDENCIES = ("tornado", "pykka", "ujson", "statsd", "PyJWT")
EXTRAS = {"demo": "psutil", "redis": "redis", "nats": "nats-py"}

_DESCRIPTION = """\
Check Python, the dependencies, the configuration (environment and --config), the limit of open files
against limits.connections, the optional extras, and whether the port is free or a gateway answers there.
One line per check; what fails says what to do."""

_EXAMPLES = """\
examples:
  fanwire doctor
  fanwire doctor --url http://127.0.0.1:9000
  fanwire doctor --config fanwire.toml

exit codes: 0 nothing failed (warnings are fine); 6 something did"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("--url", help=f"the gateway, or where one will listen (default: {DEFAULT_URL})")
    parser.add_argument("--config", metavar="FILE", help="the gateway's TOML file")


def run(arguments: argparse.Namespace) -> int:
    url = parse_address(arguments.url or os.environ.get("FANWIRE_URL") or DEFAULT_URL).url
    failed = False
    for finding in findings(url, arguments.config):
        print(finding, flush=True)
        failed = failed or finding.verdict == "fail"
    return ExitCode.CHECK_FAILED if failed else ExitCode.OK


def findings(url: str, file: str | None) -> Iterator[Finding]:
    """Every check, the cheap ones first, as it is made."""
    yield python_finding(sys.version_info[:3])
    for name in DEPENDENCIES:
        yield dependency_finding(name, _installed(name))
    loaded = _configuration(file)
    if isinstance(loaded, Finding):
        yield loaded
    else:
        yield _configuration_finding(loaded)
    limits = (loaded.config if isinstance(loaded, LoadedConfig) else Config()).limits
    yield fd_finding(resource.getrlimit(resource.RLIMIT_NOFILE)[0], limits.connections)
    for extra, name in EXTRAS.items():
        yield extra_finding(extra, name, _installed(name))
    yield from _gateway_findings(url)


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _configuration(file: str | None) -> LoadedConfig | Finding:
    environ = setting_variables(dict(os.environ))
    # Without anything set, `serve --dev` is what a newcomer runs next: that must not look like a failure.
    untouched = file is None and not any(name.startswith("FANWIRE_") for name in environ)
    try:
        return load_config({"server.dev": untouched}, environ, None if file is None else Path(file))
    except ConfigError as error:
        return Finding("fail", "configuration", "; ".join(map(str, error.problems)), "fix it: fanwire check-config")


def _configuration_finding(loaded: LoadedConfig) -> Finding:
    fault = fault_of(loaded.config)
    if fault is not None:
        return Finding("fail", "configuration", fault, "fix it: fanwire check-config")
    return Finding("ok", "configuration", f"{len(loaded.sources)} settings, auth.mode {loaded.config.auth.mode}")


def _gateway_findings(url: str) -> Iterator[Finding]:
    health = _status(f"{url}/healthz")
    if isinstance(health, OSError):
        yield _port_finding(url, health)
        return
    yield _status_finding("gateway", f"{url}/healthz", health, "something else listens there: give another --url")
    ready = _status(f"{url}/readyz")
    yield _status_finding("readiness", f"{url}/readyz", ready, "it drains or its bus is gone: read its log")


def _status(url: str) -> int | OSError:
    try:
        with urllib.request.urlopen(url, timeout=PROBE_TIMEOUT_S) as answer:  # noqa: S310 - http(s) by parse_address
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    except urllib.error.URLError as error:
        return error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason))
    except OSError as error:
        return error


def _status_finding(name: str, url: str, status: int | OSError, advice: str) -> Finding:
    if status == 200:
        return Finding("ok", name, f"{url} answers 200")
    return Finding("fail", name, f"{url} answers {status}", advice)


def _port_finding(url: str, why: OSError) -> Finding:
    """Nobody answers: fine where that is only because nobody runs there yet."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if not isinstance(why, ConnectionRefusedError):
        return Finding("fail", "gateway", f"{url}: {why}", "check the URL and what is between here and there")
    blocked = _bind_error(host, port)
    if blocked is None:
        return Finding("ok", "port", f"{host}:{port} is free; no gateway runs there yet")
    if blocked.errno == errno.EADDRNOTAVAIL:
        return Finding("fail", "gateway", f"{url} refuses connections", "start the gateway on that machine")
    return Finding("fail", "port", f"{host}:{port}: {blocked.strerror}", "give `fanwire serve` another --port")


def _bind_error(host: str, port: int) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the gateway does it: a port in TIME_WAIT is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None
