"""The process that listens to accounts."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from orders.watching import Watch


class Command(BaseCommand):
    """Listen to live accounts, and poll those that lead and have no stream, until SIGTERM."""

    help = "Listens to live accounts, polls leaders without a stream, and stores what is told, until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the watch; what was heard is stored before it ends."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Watch(stop).run()
