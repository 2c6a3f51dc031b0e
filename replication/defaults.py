"""What a new copy begins with where its owner leaves a limit open (pure).

A limit is the first of these that says something: the copy itself, its account, the plan of its owner, the
installation. Defaults never stand in the way of what was given: they are fitted to it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from copytrade.billing.limits import LIMITS, MONEY, NARROW_TO_WIDE, Figure
from replication.engine.instruments import quotes_like
from replication.terms import CopySettings


class Source(StrEnum):
    """Who says what a copy begins with."""

    ACCOUNT = "account"
    PLAN = "plan"
    INSTALLATION = "installation"


@dataclass(frozen=True, slots=True)
class Defaults:
    """The limits that one of them names; what is not among them, it leaves to the next."""

    source: Source
    limits: Mapping[str, Figure]


def in_money(limits: Mapping[str, Figure], currency: str, asset: str) -> dict[str, Figure]:
    """Return limits that hold for a copy in this money: amounts in a currency that is worth something else do not."""
    same = currency in quotes_like(asset)
    return {name: value for name, value in limits.items() if same or name not in MONEY}


def said_by(sources: Sequence[Defaults]) -> dict[str, Source]:
    """Return who says each limit that somebody names; the first one has the word."""
    return {name: each.source for each in reversed(sources) for name in each.limits}


def settings_filled(settings: CopySettings, left_open: Collection[str], sources: Sequence[Defaults]) -> CopySettings:
    """Return settings with the limits that were left open taken from the first source that names them.

    What was given stays as it is, and nothing is wrong with the whole that is not wrong with that.
    """
    said = {name: value for each in reversed(sources) for name, value in each.limits.items()}
    taken: dict[str, Any] = {name: said[name] for name in LIMITS if name in left_open and name in said}
    given = {name: value for name in LIMITS if name not in left_open and (value := getattr(settings, name)) is not None}
    return replace(settings, **(taken | _fitted(given, taken)))


def _fitted(given: Mapping[str, Figure], taken: Mapping[str, Figure]) -> dict[str, Any]:
    """Return the taken amounts raised to what was given for less, then cut to what holds for more."""
    fitted: dict[str, Any] = {}
    for place, name in enumerate(NARROW_TO_WIDE):
        if name in taken:
            fitted[name] = max([taken[name], *(given[each] for each in NARROW_TO_WIDE[:place] if each in given)])
    least: Figure | None = None
    for name in reversed(NARROW_TO_WIDE):
        value = fitted.get(name, given.get(name))
        if name in fitted and least is not None:
            value = fitted[name] = min(fitted[name], least)
        least = least if value is None else value
    return fitted
