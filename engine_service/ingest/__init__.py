"""Makes datasets of files, of zipline bundles, and of the sample that is shipped."""

from engine_service.ingest.command import main
from engine_service.ingest.draft import Draft, IngestRefused
from engine_service.ingest.making import ingest, ingest_sample

__all__ = ["Draft", "IngestRefused", "ingest", "ingest_sample", "main"]
