"""Backups: the database in one file, with what proves it, and the way back. Start reading at `command`."""
