"""A parent process of any workers: parent_program.py PLAN, where PLAN is a JSON object of ``WorkerPlan``'s fields.

``intensity`` and ``backoff`` are lists of what theirs take. Prints ``all serving`` and, at the end, nothing.
"""

import asyncio
import json
import sys
from typing import Any

from actors.runtime.restart import Backoff, Intensity
from server.config import LogConfig
from server.logs import configure_logging
from server.workers import WorkerPlan, Workers


async def run(plan: WorkerPlan) -> int:
    return await Workers(plan, serving=lambda: print("all serving", flush=True)).run()


def plan_from(data: dict[str, Any]) -> WorkerPlan:
    if "intensity" in data:
        data["intensity"] = Intensity(*data["intensity"])
    if "backoff" in data:
        data["backoff"] = Backoff(*data["backoff"])
    return WorkerPlan(**data)


if __name__ == "__main__":
    configure_logging(LogConfig(format="text"))
    sys.exit(asyncio.run(run(plan_from(json.loads(sys.argv[1])))))
