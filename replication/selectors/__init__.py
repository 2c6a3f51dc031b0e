"""Reading copies, signals and decisions."""
