"""Each test of the suite runs at every bench."""

from collections.abc import Iterator

import pytest

from markets.venues.base import Capabilities
from tests.contract.bench import Bench, Desk, Fault, all_benches

BENCHES = all_benches()


def pytest_configure(config: pytest.Config) -> None:
    """Name the marks of the suite."""
    config.addinivalue_line("markers", "capable(*names): only where the venue has these capabilities")
    config.addinivalue_line("markers", "can_fail(*faults): only where the bench can bring about these faults")


@pytest.fixture(params=[pytest.param(name, marks=getattr(BENCHES[name], "marks", ())) for name in sorted(BENCHES)])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A venue under test; skips where it cannot do what `capable` or `can_fail` ask for."""
    with BENCHES[request.param](request) as made:
        for marker in request.node.iter_markers("capable"):
            _skip_unless(_has(made.adapter.capabilities, marker.args), marker.args)
        for marker in request.node.iter_markers("can_fail"):
            _skip_unless(made.faults.issuperset(marker.args), marker.args)
        yield made


@pytest.fixture
def desk(bench: Bench) -> Desk:
    """A trader with a rich account."""
    return Desk(bench, bench.account())


def _has(capabilities: Capabilities, names: tuple[str, ...]) -> bool:
    return all(getattr(capabilities, name) for name in names)


def _skip_unless(able: bool, what: tuple[str | Fault, ...]) -> None:
    if not able:
        pytest.skip(f"this venue has no such thing: {', '.join(str(each) for each in what)}")
