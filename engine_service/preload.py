"""What the fork server loads once, so that no run pays for it: zipline, the calendars of all datasets, compiled code.

Importing this module does the work: only the fork server imports it first. It swallows an ImportError of a preload module, so the first
worker is asked (`job.report_preload`). A dataset ingested later works too; its calendar is built by every run until the engine is started
again.
"""

from __future__ import annotations

import gc
import os
import warnings
from pathlib import Path


def _load(data_dir: Path) -> str | None:
    # Warnings of libraries are not ours to mend, and -W error is inherited from the parent.
    warnings.simplefilter("ignore")
    try:
        from engine_service import metrics, simulation, worker  # noqa: F401 - loaded for the children
        from engine_service.datasets import Catalogue
        from engine_service.strategies import load_strategies
        from engine_service.sweeps import computing

        # polars may be imported here but not used: its threads do not survive the fork, and every child would hang.
        catalogue = Catalogue(data_dir)
        for name in catalogue.names():
            dataset = catalogue.latest(name)
            if dataset is not None:
                simulation.warm(dataset)
        metrics.warm()
        computing.warm()
        load_strategies()
        # What is loaded here stays for ever: a collector that looked at it would copy all of its pages into every child.
        gc.collect()
        gc.freeze()
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
        return f"workers can't be prepared: {type(error).__name__}: {error}"
    return None


def get_ready() -> None:
    """What a worker does before it has a job: use what a run uses, so that the run finds polars started and its pages copied."""
    if PROBLEM is not None:
        return
    import polars as pl

    from engine_service import simulation, worker

    pl.Series([0.0, 1.0]).rolling_mean(2)
    worker.strategies_of(frozenset())
    catalogue = worker.catalogue_of(Path(os.environ["TAPEDECK_DATA_DIR"]))
    for name in catalogue.names()[:1]:
        if (dataset := catalogue.latest(name)) is not None:
            simulation.warm(dataset)


PROBLEM = _load(Path(os.environ["TAPEDECK_DATA_DIR"]))
"""Why workers can't run, or None."""
