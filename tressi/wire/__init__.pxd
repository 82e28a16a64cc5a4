# The reactor: what sends requests and reads responses, without the GIL and without an object of Python per request.
#
# Why .pxd files with code. A .pxd is Cython's header. Code in it is compiled into each module that takes it in, and all of
# the reactor is taken in by one, `_wire.pyx`: it is one C file in the end. Its functions are `inline` there, so a call from
# one file to another costs what a call within a file does, mostly nothing; as modules of their own they would be reached
# through pointers that no compiler sees through. `_planned.pyx` takes in what makes the records that it works on,
# `_books.pyx` the accounting alone, and `_parser.pyx` the parser, to have them without a socket. The price is that a change
# in any of them compiles all of it again.
#
# Bottom up (docs/architecture.md lists the files in the order in which they may refer to each other): a *link* is one
# connection, bytes in both directions. `h1/` makes status, fields and body of bytes, and puts them into a *response*. An
# *exchange* is one request and its response over a link. A *lane* has one exchange at a time, and asks its pool for a start
# when that has ended. The *loop* says who has something to do.
#
# The states of a lane (lane.pxd):
#
#                                  no start is due
#        ┌─────────────────────────────────────────────────────────────────────────────┐
#        ▼                                                                             │
#      IDLE ──a start is due──► READY ──its link is connected──► IN_FLIGHT ──ends──► next start?
#                               ▲  │                                ▲                  │
#                 one is due    │  │ it is not                      │ connected        │ its worker was removed
#        ┌──────────────────────┘  ▼                                │                  ▼
#        │                      WAITING ─has a permit─► READY       │                GONE
#        │                         │                                │
#        │                         ├──the addresses are known─────────► DIALING (TCP, and then TLS)
#        │                         └──a name to look up, or a tunnel──► CONNECTING (its greenlet does it)
#        │
#        └── from "next start?": the lane goes on at once
#
# A lane that shares connections of HTTP/2 with others waits in JOINING, a state beside WAITING, where no place is free on one:
# for the connection that another lane makes, or for a lane that gives its place back.
#
# READY is left when the batch of responses has been read, so that sends follow sends. WAITING is passed only where
# connections are limited. Who cannot connect goes to "next start?" too, and where no rate holds its pool back to IDLE until
# the next slot begins.
#
# Where records lie. In plain a link sends straight from the request's own bytes, which live as long as the reactor, so
# `Link.send_at` may point there for any time. TLS makes records of them, in one buffer of the reactor's (`Buffers.records`)
# that all links share: the caller of `tls_seal` sends them at once, and calls `link_sent` with what the socket has taken.
# What it has not taken moves to `Tls.held`, memory of the link's own, which is given back when it is sent. Records that TLS
# makes by itself while the link is read go behind those. So nothing is allocated where the socket takes all, which is nearly
# always, and no record is torn. Of a large body 256 KiB are sealed at a time, the rest being held in `Exchange.held`.
