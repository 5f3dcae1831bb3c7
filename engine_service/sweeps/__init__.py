"""Sweeps: many runs of one strategy over many parameters, ranked.

    sweep_spec      request -> plan: everything that can be wrong is found here (combinations: where the parameters come from)
    shard           what a worker process is handed and what it hands back; it travels by pickle, so it is plain data
    computing       what the worker does with it: the kernel's compiled loop, or zipline run by run
    executors       a pool of local processes, or a Dask cluster; shards of dead processes are executed again
    sweep_runner    one sweep from admission to its end: batches in the order of their numbers, ranking, recording, what follows
    recording       the way of a sweep into the store, and back when its request_id is known already

The server process plans, hands out and merges; it loads nothing that computes.
"""
