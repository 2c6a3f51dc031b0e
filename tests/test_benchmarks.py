"""How many statements a push needs: unlike time, the same on every machine."""

import pytest

from benchmarks.bench_ingest import TARGETS, count_statements

KEY = "benchmark-key-of-more-than-twenty-characters"


@pytest.mark.django_db(transaction=True)
def test_pushes_stay_within_their_statements(settings):
    settings.INGEST_API_KEY = KEY

    counts = count_statements(KEY)

    assert all(counts["environment"][size] <= target for size, target in TARGETS.items()), counts
    assert counts["database"] == {size: count + 1 for size, count in counts["environment"].items()}
