"""Transfers: results that were produced elsewhere, and files of runs from one store to another."""
