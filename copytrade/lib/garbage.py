"""Looking for garbage without looking at all that stays."""

import gc

MANY_OBJECTS = 50_000  # so many more than before, before anybody looks


def garbage_look_rarely() -> None:
    """Keep all that is loaded now out of collections, which took 0.1 s each with it, and look at new objects rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(MANY_OBJECTS, 20, 20)
