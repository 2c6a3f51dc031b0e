"""Figures and how they are shown: a table for people, or one JSON object."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of the sorted values do not exceed."""
    return ordered[ceil(len(ordered) * percent / 100) - 1]


def machine(postgres: str) -> dict[str, Any]:
    """Return where and when figures were taken."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "postgresql": postgres,
        "load": round(os.getloadavg()[0], 2),
    }


def machine_line(facts: dict[str, Any]) -> str:
    """Return the same as a line."""
    return (
        f"{facts['date']}, {facts['cores']} cores, Python {facts['python']}, PostgreSQL {facts['postgresql']}, "
        f"load {facts['load']} at the end"
    )


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table with the first column to the left and the others to the right."""
    lines = [headings, *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    text = [
        "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(line, widths, strict=True)) for line in lines)
    ]
    return "\n".join([title, *(f"  {line}" for line in text), ""])


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
