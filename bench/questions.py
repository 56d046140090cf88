"""Every question that has a program, in the order in which the page tells them."""

from bench import (
    idle_report,
    ops_report,
    publish_report,
    report,
    scale_report,
    stall_report,
    storm_report,
    stream_report,
)

__all__ = ["QUESTIONS"]

QUESTIONS = (
    report.QUESTION,
    stall_report.QUESTION,
    storm_report.QUESTION,
    scale_report.QUESTION,
    publish_report.QUESTION,
    stream_report.TOKEN_STREAM,
    stream_report.MANY_TOPICS,
    idle_report.QUESTION,
    ops_report.QUESTION,
)
