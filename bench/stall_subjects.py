"""What ``bench.slow_clients`` compares: Fanwire under each overflow policy, and the peers. Owns its configurations.

The mailbox keeps its defaults (500 messages, 1 MiB): they are what is measured. Only admission limits are raised,
for a thousand clients from one address of which one publishes all the time.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from bench.servers import Server, Unavailable, resolve
from bench.stall_cells import Subject

__all__ = ["NO_POLICY", "POLICIES", "find_subjects"]

POLICIES = ("disconnect", "catch_up", "drop_oldest", "drop_newest", "latest")
NO_POLICY = "–"
_CHECK_S = 30.0

_CONFIG = """\
[auth]
mode = "disabled"

[limits]
connections = 20000
connections_per_user = 20000
connections_per_ip = 20000
client_messages_per_s = 1000000

[topics.bench]
overflow = "{policy}"
"""


def find_subjects(name: str, policies: list[str], folder: Path, not_built: list[str]) -> list[Subject]:
    """The server called ``name``, once for each of ``policies`` where it has any; configurations go to ``folder``.

    A policy that the gateway refuses is named in ``not_built``.

    Raises: Unavailable when the server, or every policy of it, is missing.
    """
    server = resolve(name)
    if name != "fanwire":
        return [Subject(server, NO_POLICY)]
    return [subject for policy in policies if (subject := _with_policy(server, policy, folder, not_built))]


def _with_policy(server: Server, policy: str, folder: Path, not_built: list[str]) -> Subject | None:
    path = folder / f"{policy}.toml"
    path.write_text(_CONFIG.format(policy=policy))
    program = str(Path(sys.executable).with_name("fanwire"))
    check = [program, "check-config", str(path)]
    checked = subprocess.run(check, capture_output=True, text=True, timeout=_CHECK_S, check=False)
    if checked.returncode == 0:
        command = (program, "serve", "--config", str(path), "--port", "{port}")
        return Subject(replace(server, command=command, environment={}), policy)
    if "not built yet" not in checked.stderr:
        raise Unavailable("fanwire", f"refuses its configuration: {checked.stderr.strip()}")
    not_built.append(f"fanwire ({policy}): not built")
    return None
