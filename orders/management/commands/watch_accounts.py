"""The process that listens to accounts."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from orders.watching import Watch


class Command(BaseCommand):
    """Listen to the private streams of live accounts until SIGTERM."""

    help = "Listens to the private streams of live accounts and stores what they tell, until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the watch; what was heard is stored before it ends."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        Watch(stop).run()
