"""Benchmarks: one program per question, each run as ``python -m bench.NAME`` from the checkout."""

__all__: list[str] = []
