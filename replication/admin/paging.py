"""Lists of tables that grow without bound."""

from functools import cached_property

from django.core.paginator import Paginator
from django.db.models import QuerySet

MOST_COUNTED = 10_000


class CappedPaginator(Paginator):  # type: ignore[type-arg]  # as Django's admin has it
    """Counts up to 10,000 rows: whoever looks for an older one narrows the list."""

    @cached_property
    def count(self) -> int:
        """Return how many rows there are, 10,000 at most."""
        assert isinstance(self.object_list, QuerySet)
        return self.object_list.order_by()[:MOST_COUNTED].count()
