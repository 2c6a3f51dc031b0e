"""The process that watches prices."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from markets.watching import PriceWatching


class Command(BaseCommand):
    """Watch prices until SIGTERM."""

    help = "Watches the prices that are wanted, keeps them in Redis and fills paper orders, until SIGTERM or Ctrl-C."

    def handle(self, *args: Any, **options: Any) -> None:
        """Watch; feeds are closed before it ends."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        PriceWatching(stop).run()
