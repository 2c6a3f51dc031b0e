"""Stand-ins for exchanges: real servers on loopback that behave as the venues do, faults included."""
