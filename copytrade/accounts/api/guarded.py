"""Views some of whose methods are for people."""

from collections.abc import Sequence
from typing import Any

from rest_framework.views import APIView

from copytrade.accounts.permissions import IsPerson


class GuardedView(APIView):
    """With the methods `of_people` an API key is 403, whatever its scopes; with the others it does what they say."""

    of_people: tuple[str, ...] = ()

    def get_permissions(self) -> Sequence[Any]:
        """Let no API key do what is for people."""
        return [IsPerson()] if self.request.method in self.of_people else super().get_permissions()
