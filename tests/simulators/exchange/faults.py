"""What goes wrong on purpose: rules that apply to matching requests or events, by count or by chance."""

import random
from dataclasses import dataclass, field
from typing import Any

LAGS = frozenset({"lag", "lag_after"})
STREAM = frozenset(
    {
        "stream_duplicate",  # an event is sent twice
        "stream_reorder",  # the events of a request are sent backwards
        "stream_withhold",  # an event waits until it is released
        "algo_stuck",  # a conditional order triggers and places nothing; it stays TRIGGERING
    }
)
VERDICTS = frozenset(
    {
        "drop_before",  # the connection breaks, nothing happened
        "drop_after",  # it happened, and the connection breaks instead of an answer
        "unknown_503",  # variant A: "Unknown error"; it happened unless `process` is false
        "unavailable_503",  # variant B: "Service Unavailable."; it did not happen
        "throttled_503",  # variant C: -1008; it did not happen
        "timeout_408",  # -1007; it happened unless `process` is false
        "rate_limit",  # 429 with Retry-After of `seconds`, without that header where `retry_after` is false
        "ban",  # 418 from now on for `seconds`
        "forbidden_403",  # HTML of the firewall
        "garbage",  # 200 with a body that is no JSON; it happened unless `process` is false
        "error",  # `status`, `code` and `message` as given; it happened only where `process` is true
        "stream_early",  # the events of the request go out `seconds` before its answer
    }
)
KINDS = LAGS | STREAM | VERDICTS


@dataclass(slots=True)
class Rule:
    """One fault. Empty words match everything; `count`: how often it may still happen, None without end.

    `low` and `high`: milliseconds of a lag; `process`: whether the request takes effect, None for what is usual.
    `spared_key`: an account to which nothing happens.
    """

    kind: str
    id: int = 0
    method: str = ""
    path: str = ""
    key: str = ""
    spared_key: str = ""
    event: str = ""
    count: int | None = 1
    probability: float = 1.0
    low: float = 0.0
    high: float = 0.0
    seconds: float = 1.0
    status: int = 500
    code: int = -1000
    message: str = "An unknown error occurred while processing the request."
    process: bool | None = None
    retry_after: bool = True
    hits: int = 0

    def describe(self) -> dict[str, Any]:
        """Return the rule for the control API."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(slots=True)
class Faults:
    """The rules in force."""

    rules: list[Rule] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    _last: int = 0

    def add(self, rule: Rule) -> int:
        """Set a rule; return its number."""
        self._last += 1
        rule.id = self._last
        self.rules.append(rule)
        return rule.id

    def clear(self, number: int | None = None) -> None:
        """Lift one rule, or all."""
        self.rules = [rule for rule in self.rules if number is not None and rule.id != number]

    def seed(self, number: int) -> None:
        """Begin the series of chances anew."""
        self.chance = random.Random(number)

    def for_request(self, method: str, path: str, key: str) -> tuple[list[Rule], Rule | None]:
        """Use up the rules that match a request: all lags, and the first verdict."""
        lags: list[Rule] = []
        verdict: Rule | None = None
        for rule in self.rules:
            if rule.kind in STREAM or (verdict and rule.kind not in LAGS) or not _matches(rule, method, path, key):
                continue
            if self._happens(rule):
                if rule.kind in LAGS:
                    lags.append(rule)
                else:
                    verdict = rule
        return lags, verdict

    def for_event(self, kind: str, key: str, event: str) -> bool:
        """Use up a rule of this kind that matches an event; return whether there was one."""
        return any(
            rule.kind == kind and rule.key in {"", key} and rule.event in {"", event} and self._happens(rule)
            for rule in self.rules
        )

    def pause(self, rule: Rule) -> float:
        """Return the seconds of a lag."""
        return self.chance.uniform(rule.low, rule.high) / 1000

    def _happens(self, rule: Rule) -> bool:
        if rule.count == 0 or (rule.probability < 1 and self.chance.random() >= rule.probability):
            return False
        if rule.count is not None:
            rule.count -= 1
        rule.hits += 1
        return True


def _matches(rule: Rule, method: str, path: str, key: str) -> bool:
    if key and key == rule.spared_key:
        return False
    return rule.method in {"", method} and path.startswith(rule.path) and rule.key in {"", key}
