"""``python -m server.cli``: the command ``fanwire`` where nothing is installed."""

import sys

from server.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
