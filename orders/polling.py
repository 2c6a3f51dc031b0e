"""Whose turn it is to be asked, of the accounts that lead and have no stream that runs (pure)."""

from collections.abc import Set as AbstractSet
from typing import NamedTuple

POLL_SECONDS = 12.0  # copies take no entry that is older than their limit, a minute unless they say otherwise
LONGEST_PAUSE = 60.0


class Turn(NamedTuple):
    """When an account is asked next, and how long it waits after that."""

    at: float
    pause: float = POLL_SECONDS


class Polls:
    """The turns of all accounts that are polled. Times are those of one clock, in seconds."""

    def __init__(self) -> None:
        self._turns: dict[int, Turn] = {}

    def due(self, polled: AbstractSet[int], *, now: float) -> list[int]:
        """Return those of the polled accounts whose turn has come, who waits longest first.

        An account that comes in waits first: a stream that was lost may be back by then. All others are forgotten.
        """
        self._turns = {pk: self._turns.get(pk, Turn(now + POLL_SECONDS)) for pk in polled}
        return sorted((pk for pk, turn in self._turns.items() if turn.at <= now), key=lambda pk: self._turns[pk].at)

    def asked(self, pk: int, *, well: bool, now: float) -> None:
        """Give an account that was asked its next turn: ever later while its venue does not answer well."""
        before = self._turns.get(pk, Turn(now)).pause
        pause = POLL_SECONDS if well else min(before * 2, LONGEST_PAUSE)
        self._turns[pk] = Turn(now + pause, pause)
