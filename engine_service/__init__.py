"""Executes backtests and streams what happens in them to callers and to the store."""
