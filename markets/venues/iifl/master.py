"""The exchange's list of instruments, lines of columns; the shares of its EQ series are markets here (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from markets.venues.base import MarketSpec
from markets.venues.iifl.listing import LOT, MOST, TICK, share_spec
from markets.venues.iifl.numbers import positive

SEGMENT, SERIES, STATUS = "NSECM", "EQ", "EQ"
SEGMENT_NUMBER = 1
# The columns that are read, by their place.
COLUMNS = {
    "segment": 0,
    "id": 1,
    "name": 3,
    "series": 5,
    "high": 8,
    "low": 9,
    "freeze": 10,
    "tick": 11,
    "lot": 12,
}


@dataclass(frozen=True, slots=True)
class Instrument:
    """A share: what the exchange calls it by number, and its market."""

    id: int
    spec: MarketSpec


@dataclass(frozen=True, slots=True)
class Master:
    """The instruments by symbol and by number."""

    by_symbol: Mapping[str, Instrument] = field(default_factory=dict)
    by_id: Mapping[int, Instrument] = field(default_factory=dict)


def read_master(text: str) -> Master:
    """Return the shares of a list; lines of other series or with too few columns are left out."""
    found = list(_instruments(text))
    return Master({each.spec.symbol: each for each in found}, {each.id: each for each in found})


def _instruments(text: str) -> Iterator[Instrument]:
    for line in text.splitlines():
        columns = line.split("|")
        if len(columns) <= max(COLUMNS.values()):
            continue
        row = {name: columns[place].strip() for name, place in COLUMNS.items()}
        if row["segment"] == SEGMENT and row["series"] == SERIES and row["id"].isdigit():
            yield Instrument(int(row["id"]), _spec(row))


def _spec(row: Mapping[str, str]) -> MarketSpec:
    return share_spec(
        row["name"],
        status=STATUS,
        tick=positive(row["tick"]) or TICK,
        lot=positive(row["lot"]) or LOT,
        most=positive(row["freeze"]) or MOST,
        bounds=(positive(row["low"]), positive(row["high"])),
    )
