"""How much a target carries: a search that drives a run's rates, as values, without a clock or a socket."""
