"""nginx and HAProxy with the files of ``deploy/``, in front of a gateway: real programs, free ports, stopped by pid."""

import os
import shutil
from pathlib import Path

from server.testing.server_process import ServerProcess, free_port

__all__ = ["PROXIES", "haproxy", "nginx"]

DEPLOY = Path(__file__).parents[2] / "deploy"
# Daemons are not on the PATH of ordinary users.
SBIN = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log stderr warn;
worker_processes 1;
{user}
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/fanwire.conf;
}}
"""


def nginx(folder: Path, gateway_port: int) -> ServerProcess:
    """Writes its access log to ``folder``/access.log."""
    port = free_port()
    ours = _with(
        (DEPLOY / "nginx" / "fanwire.conf").read_text(),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("127.0.0.1:8080", f"127.0.0.1:{gateway_port}"),
        ("/var/log/nginx/fanwire.log", f"{folder}/access.log"),
    )
    # As root it would serve as nobody, who may not write into the test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "fanwire.conf").write_text(ours)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    # The prefix is where it would look for everything that is not named.
    argv = [_program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    return ServerProcess(argv, port=port)


def haproxy(folder: Path, gateway_port: int) -> ServerProcess:
    port = free_port()
    ours = _with(
        (DEPLOY / "haproxy" / "fanwire.cfg").read_text(),
        ("bind :80", f"bind 127.0.0.1:{port}"),
        ("127.0.0.1:8080", f"127.0.0.1:{gateway_port}"),
        ("maxconn 50000", "maxconn 500"),
    )
    (folder / "haproxy.cfg").write_text(ours)
    return ServerProcess([_program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")], port=port)


PROXIES = {"nginx": nginx, "haproxy": haproxy}


def _with(text: str, *changes: tuple[str, str]) -> str:
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def _program(name: str) -> str:
    found = shutil.which(name, path=SBIN)
    assert found, f"{name} is missing; install the Debian package {name} (make test does)"
    return found
