"""Recorded runs: found, fetched, compared, watched and replayed."""
