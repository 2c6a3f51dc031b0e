"""What is wrong with the settings is told at the start."""

from typing import Any

from replication.checks import check_people


def test_a_venue_of_paper_accounts_that_is_none_is_an_error(settings: Any):
    settings.PAPER_VENUE = "nowhere"
    assert [error.id for error in check_people(None)] == ["replication.E001"]


def test_a_venue_that_is_there_is_fine(settings: Any):
    settings.PAPER_VENUE = "binance"
    assert check_people(None) == []
