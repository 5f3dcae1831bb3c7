"""Keeps every run in PostgreSQL and serves it back: list, get, compare, watch, replay."""
