"""What the services cost, measured against the same work done without them. `python -m bench --help`."""
