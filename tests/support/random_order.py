"""Loaded with ``-p random_order``: ``--order-seed N`` shuffles the tests, the same way for the same number.

Modules stay together, so that what they set up once is set up once; they are shuffled, and the tests in each.
"""

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--order-seed", type=int, required=True, metavar="N", help="run the tests in the order of seed N")


def pytest_report_header(config: pytest.Config) -> str:
    return f"random order: --order-seed {config.getoption('--order-seed')}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chance = random.Random(config.getoption("--order-seed"))
    modules = sorted({item.path for item in items})
    place = {module: chance.random() for module in modules}
    items.sort(key=lambda item: item.nodeid)
    items.sort(key=lambda item: (place[item.path], chance.random()))
