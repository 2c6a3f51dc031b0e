"""The container's health check: asks the web process of this machine whether it lives, under a name that it serves."""

import os
import sys
import urllib.request

SECONDS = 4


def main() -> int:
    """Return 0 where `/health/live` answers, else 1."""
    host = os.environ.get("ALLOWED_HOSTS", "127.0.0.1").split(",")[0].strip().lstrip(".*") or "127.0.0.1"
    url = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}/health/live"
    try:
        urllib.request.urlopen(urllib.request.Request(url, headers={"Host": host}), timeout=SECONDS).close()
    except OSError as error:
        sys.stderr.write(f"{url}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
