"""Recorded sweeps: taken as a whole, found, ranked, and results made full runs of."""
