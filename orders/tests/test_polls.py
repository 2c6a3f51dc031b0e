"""Whose turn it is to be asked: every few seconds, ever later while a venue does not answer."""

from orders.polling import LONGEST_PAUSE, POLL_SECONDS, Polls


def test_who_comes_in_waits_first():
    polls = Polls()

    assert polls.due({1}, now=100) == []
    assert polls.due({1}, now=100 + POLL_SECONDS) == [1]


def test_who_was_asked_is_due_again_some_seconds_later():
    polls = Polls()
    polls.due({1}, now=0)
    polls.asked(1, well=True, now=20)

    assert polls.due({1}, now=20 + POLL_SECONDS - 0.1) == []
    assert polls.due({1}, now=20 + POLL_SECONDS) == [1]


def test_who_waits_longest_is_first():
    polls = Polls()
    polls.due({1, 2, 3}, now=0)
    for pk, moment in [(2, 1), (3, 2), (1, 3)]:
        polls.asked(pk, well=True, now=moment)

    assert polls.due({1, 2, 3}, now=100) == [2, 3, 1]


def test_a_venue_that_does_not_answer_is_asked_ever_later_until_it_does():
    polls, pauses = Polls(), []
    polls.due({1}, now=0)
    for well in (False, False, False, False, True):
        polls.asked(1, well=well, now=0)
        pauses.append(next(second for second in range(1000) if polls.due({1}, now=second)))

    assert pauses == [2 * POLL_SECONDS, 4 * POLL_SECONDS, LONGEST_PAUSE, LONGEST_PAUSE, POLL_SECONDS]


def test_who_is_told_by_a_stream_again_begins_anew_when_that_is_lost():
    polls = Polls()
    polls.due({1}, now=0)
    polls.due(set(), now=POLL_SECONDS)

    assert polls.due({1}, now=POLL_SECONDS) == []
