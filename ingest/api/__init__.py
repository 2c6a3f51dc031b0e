"""Where pushes arrive."""
