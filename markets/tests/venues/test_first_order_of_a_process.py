"""What venues need is imported as a process begins: its first order does not wait for that."""

import json
import subprocess
import sys

BEGIN = """
import json, sys
import django
django.setup()
from markets.venues.registry import FIRST_CLASS, adapter
{begins}
before = set(sys.modules)
for info in FIRST_CLASS:
    adapter(info.slug), adapter(info.slug, paper=True)
print(json.dumps(sorted(set(sys.modules) - before)))
"""
WEB = "import copytrade.asgi"
WORKER = """
from celery import signals
from copytrade.celery import app
app.loader.import_default_modules()
signals.worker_init.send(sender=None)
"""


def imported_late(begins: str) -> list[str]:
    """Return what a process imports with its first orders, after it has begun in this way."""
    result = subprocess.run(
        [sys.executable, "-c", BEGIN.format(begins=begins)], capture_output=True, text=True, check=True
    )
    late: list[str] = json.loads(result.stdout.splitlines()[-1])
    return late


def test_the_web_process_imports_nothing_with_its_first_order() -> None:
    assert imported_late(WEB) == []


def test_workers_import_nothing_with_their_first_order() -> None:
    assert imported_late(WORKER) == []
