"""Writes docs/performance.md and its pictures from what is recorded: ``python -m bench.performance_page``.

The page holds nothing that is not in ``bench/results/``, in the programs' headers or in the table of targets; a test
fails while it is not what this would write.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

from bench.drawing import draw_question
from bench.outputs import fact_lines
from bench.question import Question
from bench.questions import QUESTIONS
from bench.record import Run, last_runs
from bench.targets import TARGETS
from bench.verdicts import judge, render_verdicts

__all__ = ["COMMAND", "PAGE", "page", "picture_name", "write"]

COMMAND = "python -m bench.performance_page"
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
_NOT_RECORDED = "not recorded yet"

_INTRODUCTION = f"""\
# Performance

Written by `{COMMAND}` from what is recorded in [bench/results/](../bench/results); do not edit it here.
`make bench` measures everything again on your machine, in about ten minutes, and writes this page anew.

Trust ratios before times, and CPU time before rates: a machine that others use as well moves rates and latencies at
once, CPU time by a few per cent. (*) marks what the load generator limited, (!) what was measured while something else
used the server's core. Each program says in its header what it does and what it cannot show;
[bench/README.md](../bench/README.md) says how they are built.
"""


def page(runs: Mapping[str, Run]) -> str:
    """The whole page as Markdown; ``runs`` by question, those that are missing are named."""
    parts = [_INTRODUCTION, _targets(runs), *(_section(question, runs.get(question.name)) for question in QUESTIONS)]
    # Two bare stars in parentheses would be read as emphasis of what is between them.
    return "\n".join(parts).replace("(*)", "(\\*)")


def write(runs: Mapping[str, Run], path: Path = PAGE) -> None:
    """Write the page to ``path`` and a picture for each run to ``images`` beside it; pictures without a run go.

    Raises: OSError when a file cannot be written.
    """
    images = path.parent / "images"
    images.mkdir(parents=True, exist_ok=True)
    path.write_text(page(runs))
    for question in QUESTIONS:
        picture = images / picture_name(question)
        if run := runs.get(question.name):
            draw_question(question, run, picture)
        else:
            picture.unlink(missing_ok=True)


def picture_name(question: Question) -> str:
    """The file of a question's picture."""
    return f"performance-{question.name.replace('_', '-')}.svg"


def _targets(runs: Mapping[str, Run]) -> str:
    rows = {
        question.name: question.summarise(runs[question.name].cells) for question in QUESTIONS if question.name in runs
    }
    lines = ["| program | target | wanted | measured | |", "|---|---|---|---|---|"]
    for target in TARGETS:
        verdict = judge(target, rows.get(target.question, []))
        result = verdict.result if target.question in rows else _NOT_RECORDED
        lines.append(f"| `{target.question}` | {target.asks} | {verdict.wanted} | {verdict.found} | {result} |")
    return "## Targets\n\n" + "\n".join(lines) + "\n"


def _section(question: Question, run: Run | None) -> str:
    header = _header(question.name)
    blocks = [f"## {header['title']}", f"`python -m bench.{question.name}`"]
    if run is None:
        blocks[1] += f": {_NOT_RECORDED}."
    else:
        blocks[1] = f"`{run.command}`, {_where(run)}"
        blocks += _findings(question, run)
    return "\n\n".join([*blocks, header["how to read it"], header["what it is not"]]) + "\n"


def _where(run: Run) -> str:
    machine = run.machine
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    pinned = "" if machine["pinned"] else " Server and load generator were NOT pinned to cores of their own."
    loads = ", ".join(f"{load:g}" for load in machine["load_average_at_start"])
    return (
        f"{run.date}, source {machine['source']}.\n{machine['processor']}, {machine['cores']} cores, "
        f"Linux {machine['kernel']}, Python {machine['python']}; load average at the start {loads}.{pinned}\n"
        f"Installed: {packages}."
    )


def _findings(question: Question, run: Run) -> list[str]:
    rows = question.summarise(run.cells)
    facts = [*fact_lines(run.servers), *fact_lines(run.setting), *(f"NOT MEASURED: {reason}" for reason in run.skipped)]
    blocks = ["\n".join(f"- {fact}" for fact in facts)]
    if rows:
        picture = f"![The figures of the table below, drawn](images/{picture_name(question)})"
        blocks += [picture, question.render(rows), render_verdicts(question.name, rows)]
    return [block for block in blocks if block]


def _header(program: str) -> dict[str, str]:
    """What the program's docstring says: its first line, how to read it, and what it is not.

    Raises: ValueError naming the program when its header lacks one of them.
    """
    source = (Path(__file__).parent / f"{program}.py").read_text()
    text = (ast.get_docstring(ast.parse(source)) or "").replace("``", "`")
    title, _, rest = text.partition("\n")
    _, _, reading = rest.partition("\nHow to read it: ")
    how, _, limits = reading.partition("\nWhat it is not: ")
    if not how or not limits:
        raise ValueError(f"bench/{program}.py: its header must say 'How to read it: …' and then 'What it is not: …'")
    return {
        "title": title,
        "how to read it": f"**How to read it.** {_sentence(how)}",
        "what it is not": f"**What it is not.** {_sentence(limits)}",
    }


def _sentence(text: str) -> str:
    stripped = text.strip()
    return stripped[0].upper() + stripped[1:]


if __name__ == "__main__":
    write(last_runs())
