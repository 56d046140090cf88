"""What ``bench.slow_clients`` quotes: the medians of one server in one setting. Owns no state."""

from dataclasses import dataclass

__all__ = ["StallRow"]


@dataclass(frozen=True, slots=True)
class StallRow:
    """The medians of one server in one setting; None for a latency that was never, or a ratio without a baseline.

    ``missing`` and ``disordered`` are the worst of the rounds, ``fate`` that of the last; units as in ``StallCell``.
    ``baseline_disturbed`` puts ``ratio`` in doubt, which is no better than the worse of its two windows.
    """

    server: str
    policy: str
    rate: int
    stalled_percent: int
    rounds: int
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    ratio: float | None
    due: int
    missing: int
    disordered: int
    rss_growth_mib: float
    rss_peak_growth_mib: float
    server_busy: float
    generator_busy: float
    generator_limited: bool
    disturbed: bool
    baseline_disturbed: bool
    fate: str
    remark: str

    @property
    def label(self) -> str:
        """The server with its policy, where it has one, and the rate."""
        policy = "" if self.policy == "–" else f" ({self.policy})"
        return f"{self.server}{policy}, {self.rate}/s"
