"""A worker with a real gateway on a memory bus of its own: worker_gateway.py SETTINGS DESCRIPTOR.

What `fanwire serve --workers` would run, but for the bus: messages stay within one worker. SETTINGS is a JSON object
of dotted keys.
"""

import json
import sys

from server.config_sources import load_config
from server.lifecycle import serve_as_worker

if __name__ == "__main__":
    flags = {"auth.mode": "disabled", "log.format": "text", **json.loads(sys.argv[1])}
    sys.exit(serve_as_worker(load_config(flags, {}, None), int(sys.argv[2])))
