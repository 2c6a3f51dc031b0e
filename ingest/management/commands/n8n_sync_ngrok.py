"""`manage.py n8n_sync_ngrok`: the n8n workflow gets the address that ngrok gave this backend."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ingest.n8n import sync

NEXT_STEPS = """\
Import the file into n8n again, or put the address into the Config node there.
Where the Config node reads $env.N8N_BACKEND_BASE_URL instead, set that and restart n8n:
  N8N_BACKEND_BASE_URL={url}
Set the same for this backend and restart it, so that it accepts the host."""


class Command(BaseCommand):
    """Thin shell around `ingest.n8n.sync`."""

    help = "Write the public address of the running ngrok tunnel into the n8n workflow file."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add = parser.add_argument
        add("--file", type=Path, default=sync.WORKFLOW_FILE, help="workflow file (%(default)s)")
        add("--ngrok-api", default=sync.NGROK_API, help="the ngrok agent's API (%(default)s)")
        add("--port", type=int, default=settings.PORT, help="port of this backend (%(default)s)")
        add("--check", action="store_true", help="say what would change, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Find the tunnel, write its address, say what changed and what is left to do."""
        try:
            tunnel = sync.tunnel_find(options["ngrok_api"], port=options["port"])
            self.stdout.write(f"ngrok: {tunnel.public_url} -> {tunnel.forwards_to}")
            self._point(options["file"], tunnel.public_url, write=not options["check"])
        except sync.SyncError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(NEXT_STEPS.format(url=tunnel.public_url))

    def _point(self, file: Path, url: str, *, write: bool) -> None:
        """Write the address unless the file has it already, and say so."""
        change = sync.workflow_point_at(sync.workflow_read(file), url)
        if change.before == change.after:
            self.stdout.write(f"{file}: {sync.FIELD} is that already")
            return
        if write:
            sync.workflow_write(file, change.text)
        verb = "changed" if write else "would change"
        self.stdout.write(f"{file}: {sync.FIELD} {verb}\n  from {change.before}\n  to   {change.after}")
