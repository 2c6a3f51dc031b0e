#!/usr/bin/env python
"""The project's command line."""

import os
import sys


def main() -> None:
    """Run a management command; `up` first starts the servers that the settings need."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "copytrade.settings")
    if sys.argv[1:2] == ["up"]:
        from copytrade.ops.runtime.launcher import main as launch

        sys.exit(launch(sys.argv[2:]))
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
