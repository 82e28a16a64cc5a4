"""One user who walks through a flow for real, and tells each step: why a flow fails, without a load.

A config is planned as for a run; a user draws, chooses and keeps values as a lane does (`user`, `chance`), and walks the
flow's operations (`walk`). Requests go over the second transport (`client`), over HTTP/2 by the reactor's own reader of that
protocol (`streams`), and what comes back is held against the same plan (`intake`, `verdict`, `grpc`). All that happens is an
event (`events`), shown without secrets (`shown`) as text (`words`).
"""
