"""Ports on this machine, and one question over HTTP."""

import http.client
import itertools
import json
import random
import socket
from contextlib import closing, suppress
from ipaddress import ip_address

LOOPBACK = "127.0.0.1"

# Below every system's range for outgoing connections, so that none of those can sit on the port
# of a server that is being restarted.
_SERVER_PORTS = range(20_000, 32_000)


def listen_error(host: str, port: int) -> OSError | None:
    """Why nothing can listen on the address, or None where it is free."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        socket.create_server(address[:2], family=family).close()
    except OSError as error:
        return error
    return None


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nothing listens on now."""
    ports = random.sample(_SERVER_PORTS, len(_SERVER_PORTS))
    free = (port for port in ports if listen_error(LOOPBACK, port) is None)
    return list(itertools.islice(free, count))


def reachable_host(host: str) -> str:
    """The address at which this machine reaches a server that listens on `host`."""
    with suppress(ValueError):  # a name is no address
        if ip_address(host).is_unspecified:
            return "::1" if ":" in host else LOOPBACK
    return host


def get_json(host: str, port: int, path: str) -> dict[str, object] | None:
    """The JSON object at the path, whatever the status code; None where there is no such answer."""
    with suppress(OSError, http.client.HTTPException, ValueError):
        with closing(http.client.HTTPConnection(host, port, timeout=3)) as connection:
            connection.request("GET", path, headers={"Accept": "application/json"})
            answer = json.loads(connection.getresponse().read())
        return answer if isinstance(answer, dict) else None
    return None
