"""The flat answers of the health routes."""

from typing import Literal

import msgspec

Part = Literal["ok", "down", "unknown"]


class HealthReport(msgspec.Struct):
    """What works. `uptime` is in seconds."""

    status: Literal["healthy", "degraded", "unhealthy"]
    timestamp: str
    uptime: float
    version: str
    environment: str
    database: Part
    redis: Part
    worker: Part
    executor: Part
    beat: Part


class ProbeReport(msgspec.Struct):
    """The answer to a probe."""

    status: Literal["alive", "ready", "not ready"]
    timestamp: str
