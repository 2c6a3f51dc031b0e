"""The desk's pages of copies, signals and decisions."""
