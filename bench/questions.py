"""Every question that has a program, in the order in which the page tells them."""

from bench import ops_report, report, scale_report, stall_report, storm_report

__all__ = ["QUESTIONS"]

QUESTIONS = (
    report.QUESTION,
    stall_report.QUESTION,
    storm_report.QUESTION,
    scale_report.QUESTION,
    ops_report.QUESTION,
)
