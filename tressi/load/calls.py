"""What an engine needs for the second transport, apart from it: urllib3 takes longer to import than all else of an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.load.connection import client_context, routes_of
from tressi.load.second_transport import Client
from tressi.load.tls import Contexts

if TYPE_CHECKING:
    from tressi.load.permits import Permits
    from tressi.load.plan import Plan


class Calls:
    """Makes the clients of a plan's lanes, which connect by `routes`.

    TLS contexts are made now where a target or a proxy speaks TLS.
    """

    def __init__(self, plan: Plan, permits: Permits | None = None) -> None:
        contexts = Contexts(plan.network.tls, client_context)
        self.routes = routes_of(plan.network, contexts, plan.source_addresses, plan.kept)
        self._permits = permits
        self._redirects = plan.redirects
        for way in plan.ways:
            for tls in (way.proxy_tls, way.tls):
                if tls is not None:
                    contexts.of(tls)

    def client(self, begun: int, origins: int) -> Client:
        """A client for a lane that asks so many origins; `begun` spreads the lanes over the addresses."""
        return Client(self.routes, self._permits, redirects=self._redirects, begun=begun, origins=origins)
