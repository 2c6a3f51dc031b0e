"""Keeps the demo world moving."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.utils import timezone

from copytrade.ops.demo.feeder import Endpoint, KeyRefused, PushRefused, feed
from copytrade.ops.demo.key import key_read
from copytrade.ops.demo.prices import DemoPrices
from copytrade.ops.demo.store import world_load

KEY_PAUSE = 3.0


class Command(BaseCommand):
    """Push new reports of the demo leaders over HTTP, and tell prices, until a signal ends it."""

    help = "Pushes new reports of the demo leaders through the ingest endpoint, and tells prices, until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add = parser.add_argument
        add("--url", default=f"http://127.0.0.1:{settings.PORT}", help="address of the web server (%(default)s)")
        add("--interval", type=float, default=2.0, help="seconds between two ticks (%(default)s)")
        add("--count", type=int, help="stop after so many pushes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Feed; where the key is refused (the demo was removed), wait for another one and begin anew."""
        refused = None
        with _ended_by_signals():
            while True:
                key = self._another_key(refused)
                close_old_connections()
                now = timezone.now()
                world = world_load(now=now, seed=int(now.timestamp()))
                endpoint = Endpoint(options["url"], key, self.stdout.write)
                try:
                    prices = DemoPrices(self.stdout.write)
                    return feed(world, endpoint, prices, interval=options["interval"], count=options["count"])
                except KeyRefused:
                    refused = key
                except PushRefused as error:
                    raise CommandError(f"The endpoint refused a report of the demo: {error}") from error

    def _another_key(self, refused: str | None) -> str:
        said = False
        while (key := key_read()) is None or key == refused:
            if not said:
                self.stdout.write("There is no demo world: run `manage.py seed_demo`. Waiting for it.")
            said = True
            time.sleep(KEY_PAUSE)
        return key


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Within this, SIGTERM and SIGINT end the process at once: a push that is cut off may be sent again."""
    previous = {number: signal.signal(number, lambda *_: sys.exit()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
