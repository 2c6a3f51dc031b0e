"""What a client misses is worked out right, whatever it subscribes to and resumes from."""

from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from copytrade.realtime.coverage import Coverage
from copytrade.realtime.selectors import PlacedMessage

STREAMS = ("a", "b", "c")

some_streams = st.sets(st.sampled_from(STREAMS), min_size=1).map(lambda names: ("tell", tuple(sorted(names))))
steps = st.lists(
    st.one_of(
        some_streams,
        st.sampled_from(STREAMS).map(lambda name: ("subscribe", name)),
        st.integers(min_value=0, max_value=20).map(lambda after: ("resume", after)),
    ),
    max_size=40,
)


def message(seq: int, *streams: str) -> PlacedMessage:
    return PlacedMessage(seq, datetime.now(UTC), "told", msgspec.Raw(b"{}"), streams, "")


def replay(coverage: Coverage, log: list[PlacedMessage]) -> list[int]:
    """Return the numbers of the messages that are replayed now."""
    begin = coverage.gap_begins()
    if begin is None:
        return []
    brought = [old.seq for old in log if old.seq > begin and coverage.lacks(old)]
    coverage.fill()
    return brought


@given(steps)
def test_each_message_is_brought_once_and_none_that_was_asked_for_is_missing(
    steps: list[tuple[str, object]],
) -> None:
    coverage = Coverage()
    log: list[PlacedMessage] = []
    brought: list[int] = []
    since: dict[str, int] = {}  # by stream, the lowest number after which all messages have to be there
    resumed: int | None = None
    for step in steps:
        match step:
            case "tell", tuple(streams):
                new = message(len(log) + 1, *streams)
                log.append(new)
                if coverage.carries(new):
                    brought.append(new.seq)
            case "subscribe", str(name):
                coverage.add(name, len(log))
                since.setdefault(name, len(log) if resumed is None else min(resumed, len(log)))
                brought += replay(coverage, log)
            case "resume", int(after) if after <= len(log):
                coverage.resume(after)
                resumed = after
                since = {name: min(number, after) for name, number in since.items()}
                brought += replay(coverage, log)
    wanted = {old.seq for old in log if any(name in since and old.seq > since[name] for name in old.streams)}
    assert sorted(brought) == sorted(wanted)


def test_without_resuming_nothing_is_missed() -> None:
    coverage = Coverage()
    coverage.add("a", 5)
    assert coverage.gap_begins() is None
    assert not coverage.lacks(message(3, "a"))


def test_a_stream_that_was_left_is_not_replayed_when_it_is_joined_again() -> None:
    coverage = Coverage()
    coverage.resume(0)
    coverage.add("a", 5)
    coverage.fill()
    assert coverage.drop("a")
    assert not coverage.drop("a")
    coverage.add("a", 9)
    assert coverage.gap_begins() is None


def test_what_was_lost_on_its_way_is_missed_by_the_next_resume() -> None:
    coverage = Coverage()
    coverage.add("a", 2)
    coverage.begin_again(7)
    coverage.resume(4)
    assert [seq for seq in range(1, 9) if coverage.lacks(message(seq, "a"))] == [1, 2, 3, 4, 5, 6, 7]
    assert coverage.gap_begins() == 4
