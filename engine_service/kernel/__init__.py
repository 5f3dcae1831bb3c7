"""The kernel: zipline's daily ledger, compiled, bit for bit (docs/kernel.md names each rule with zipline's file and line).

Target weights in, ledger out. Importing this package loads nothing; its modules are what callers use:

    domain.refusal(spec, strategy, dataset) -> str | None        why a run is not the kernel's, or None; loads neither numba nor zipline
    simulation.simulate(spec, targets, dataset) -> Iterator[SessionFacts]      one run, equal to zipline's in every field
    simulation.warm()                                            compiles everything, or loads it from disk

Sweeps call compiled code from compiled code (`compilation.compiled` makes theirs and keeps it on disk):

    market = market.open_market(dataset, symbols, first_row, last_row)     once per symbols and range; Python
    costs = costs.costs_of(spec.slippage, spec.commission)                 once per spec; Python: a literal exponent would change bits
    buffers = buffers.make_buffers(market)                                 once per thread; Python

    outcome, buffers = measuring.measure_run(market, costs, capital_base, decisions, decision_count, buffers)     compiled

`decisions` is a `market.Decisions` of arrays `row`, `column` (int64) and `weight` (float64), sorted by row, then column; the first
`decision_count` count, so the arrays are reused from run to run. Rows count from the first session of the run. A decision outside the
listing of its symbol must not be there (`simulation.target_weights` masks them the same way); `measuring.gather(targets, decisions)`
makes the sparse form of a dense one. The buffers returned are those given, or longer ones when a run needed more: go on with them.

`outcome.status` is `buffers.DONE`, or says why the run ended early, on `outcome.row`: zipline would have refused an order with an
exception (TOO_MANY_UNITS, NOT_A_NUMBER, INFINITE), or it left the numbers in which the two are equal (BEYOND_PRECISION). When it is DONE:

    buffers.values[:sessions]                         portfolio value at each session's close
    buffers.pnls[:outcome.round_trips]                profit and loss of each round trip, in the order of `round_trips.RoundTripMatcher`
    buffers.returns[:outcome.round_trips]             return_on_cost of each
    outcome.traded_value, .sessions_with_position, .open_positions, .fills     as `engine_service.ledger` counts them

which is all that `measures.measure(values, capital_base, pnls, traded_value, benchmark)` and `measures.average(returns)` take; they are
compiled too.
"""
