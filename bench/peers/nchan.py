"""nginx with nchan, a publish/subscribe module: fills in ``nchan.conf`` and becomes nginx.

Run as ``python -m bench.peers.nchan PORT MODULE``, MODULE being the path of ``ngx_nchan_module.so``. Owns the folder
``bench/.peers/nchan/run``, which is written anew at each start.
"""

import os
import shutil
import sys
from pathlib import Path

__all__ = ["find_nginx", "main"]

_TEMPLATE = Path(__file__).with_suffix(".conf")
_FOLDER = Path(__file__).parent.parent / ".peers" / "nchan" / "run"


def find_nginx() -> str | None:
    """The path of nginx, or None. Daemons are not on the PATH of ordinary users."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/sbin")


def main() -> None:
    """Become an nginx that listens on 127.0.0.1 at the port in ``sys.argv[1]``."""
    port, module = sys.argv[1:3]
    nginx = find_nginx()
    if nginx is None:
        raise SystemExit("nginx is not installed: apt-get install nginx-light")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    config = _TEMPLATE.read_text()
    for name, value in {"@MODULE@": module, "@FOLDER@": str(_FOLDER), "@PORT@": port}.items():
        config = config.replace(name, value)
    path = _FOLDER / "nginx.conf"
    path.write_text(config)
    os.execv(nginx, [nginx, "-e", "stderr", "-p", str(_FOLDER), "-c", str(path)])


if __name__ == "__main__":
    main()
