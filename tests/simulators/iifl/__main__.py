"""A simulator in a process of its own; see the package."""

import argparse
import asyncio
import json
import signal

import uvloop

from tests.simulators.iifl.server import Server


async def serve(port: int, latency: tuple[float, float], accounts: int) -> None:
    """Serve until SIGTERM or SIGINT; print one line of JSON once it listens."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(latency)
    made = [server.account() for _ in range(accounts)]
    url = await server.start(port)
    print(json.dumps({"url": url, "accounts": made}), flush=True)  # noqa: T201
    await stop.wait()
    await server.stop()


def main() -> None:
    """Run a simulator in this process."""
    parser = argparse.ArgumentParser(description="A simulator of IIFL's XTS interface.")
    parser.add_argument("--port", type=int, default=0, help="0 for any free one")
    parser.add_argument("--latency", default="0-0", help="milliseconds that an answer takes, as LOW-HIGH")
    parser.add_argument("--accounts", type=int, default=0, help="how many accounts to begin with")
    options = parser.parse_args()
    low, _, high = options.latency.partition("-")
    uvloop.run(serve(options.port, (float(low), float(high or low)), options.accounts))


if __name__ == "__main__":
    main()
