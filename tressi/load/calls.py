"""What an engine needs for the second transport, apart from it: urllib3 takes longer to import than all else of an engine."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from tressi.load.client import Client
from tressi.load.connection import client_context, routes_of

if TYPE_CHECKING:
    from tressi.load.permits import Permits
    from tressi.load.plan import Plan


class Calls:
    """Makes the clients of a plan's lanes, with one TLS context, made now where a target or the proxy speaks TLS."""

    def __init__(self, plan: Plan, permits: Permits | None) -> None:
        context = cache(partial(client_context, plan.tls))
        self._routes = routes_of(plan.tls, context, plan.proxy, plan.source_addresses)
        self._permits = permits
        self._follow_redirects = plan.follow_redirects
        proxy = self._routes.proxy
        if any(origin.is_tls for origin in plan.origins) or (proxy is not None and proxy.origin.is_tls):
            context()

    def client(self, begun: int, origins: int) -> Client:
        """A client for a lane that asks so many origins; `begun` spreads the lanes over the addresses."""
        return Client(self._routes, self._permits, follow_redirects=self._follow_redirects, begun=begun, origins=origins)
