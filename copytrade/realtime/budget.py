"""How many requests a client may send (pure)."""

WINDOW_SECONDS = 60.0


class RequestBudget:
    """At most `most` requests in each minute, which begins with the first one."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._spent = 0
        self._began = float("-inf")

    def spend(self, now: float) -> float:
        """Count a request at `now`, in seconds of any clock; return the seconds to wait where it is one too many."""
        if now - self._began >= WINDOW_SECONDS:
            self._began, self._spent = now, 0
        self._spent += 1
        return 0.0 if self._spent <= self._most else self._began + WINDOW_SECONDS - now
