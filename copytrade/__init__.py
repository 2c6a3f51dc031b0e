"""The project package: composition and the generic platform."""
