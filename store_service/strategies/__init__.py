"""Versions of strategies, the runs of each, and suggestions attached to runs."""
