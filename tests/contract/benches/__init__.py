"""The benches on which adapters are tried, a module for each kind of venue.

A module names its benches in `BENCHES`; that plugs them in.
"""
