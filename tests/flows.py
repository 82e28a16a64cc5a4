"""Flows in tests: a small shop that keeps its users apart, and an engine that walks through it."""

import io
import json
from contextlib import contextmanager
from threading import Lock

import gevent
from engines import BOUND_S, Driven, until
from servers import response

from tressi import load_config
from tressi.load.engine import LocalEngine
from tressi.load.plan import uses_of
from tressi.load.tables import load_tables

__all__ = [
    "BOUND_S",
    "ITEM",
    "LOGIN",
    "ONCE",
    "TOKEN",
    "Shop",
    "completed",
    "ended",
    "finished",
    "flow_config",
    "flowing",
    "of_flow",
    "of_flow_in",
    "request",
    "until",
]


class Shop:
    """Answers `/login`, `/items/N` and `/cart` as a shop does, and notes what it was asked, in order.

    A token is good for `lasts` requests. `answers` has responses of other paths, or functions that make them of a request.
    """

    def __init__(self, lasts=10**9, answers=None):
        self.lasts, self.answers = lasts, answers or {}
        self.lock = Lock()
        self.seen = []
        self.tokens = {}

    def script(self, conversation):
        """For `raw_server`."""
        while (seen := conversation.head()) is not None:
            body = conversation.body(seen) or b""
            with self.lock:
                self.seen.append((seen, body))
                answer = self.answer(seen, body)
            conversation.send(answer)

    def answer(self, seen, body):
        """What the shop says."""
        path = seen.target.partition("?")[0]
        if path in self.answers:
            made = self.answers[path]
            return made(seen, body) if callable(made) else made
        if path == "/login":
            token = f"token-{len(self.tokens)}"
            self.tokens[token] = self.lasts
            said = {"user": {"id": len(self.tokens)}, "access_token": token, "items": [{"id": 4}, {"id": 5}]}
            return response("200 OK", f"Set-Cookie: sid=s{len(self.tokens)}; Path=/", body=json.dumps(said).encode())
        token = seen.fields.get("authorization", "").removeprefix("Bearer ")
        if self.tokens.get(token, 0) <= 0:
            return response("401 Unauthorized", body=b"the token has expired")
        self.tokens[token] -= 1
        return response("201 Created" if path == "/cart" else "200 OK", body=b"ok")

    def paths(self):
        """The paths that were asked for, in order."""
        with self.lock:
            return [seen.target for seen, _ in self.seen]

    def times(self, path):
        """How often a path was asked for."""
        return self.paths().count(path)


def request(name, url, **fields):
    """A request of a config, by its name."""
    return {"name": name, "url": url, **fields}


LOGIN = request("login", "/login", method="POST", payload={"user": "ann"})
ITEM = request("item", "/items/7", headers={"Authorization": "Bearer {{token}}"})
ONCE = {"startsPerSecond": 0.001}
TOKEN = {"request": "login", "extract": {"token": {"json": "$.access_token"}}}


def flow_config(server, requests, flow, **fields):
    """A config with one flow, called shop."""
    return {
        "baseUrl": server.url.rstrip("/"),
        "duration": 60,
        "requests": requests,
        "flows": [{"name": "shop", **flow}],
        **fields,
    }


@contextmanager
def flowing(document, users=None):
    """An engine that runs a config with flows; no greenlet may die of an error meanwhile."""
    config = load_config(document)
    engine = LocalEngine()
    hub = gevent.get_hub()
    stream, hub.exception_stream = hub.exception_stream, io.StringIO()
    workers = {flow.endpoint_key: users or flow.workers for flow in config.flows}
    try:
        yield Driven(engine, config, workers, load_tables(uses_of(config)))
    finally:
        engine.stop(0)
        said, hub.exception_stream = hub.exception_stream.getvalue(), stream
    assert not said, said


def of_flow(engine):
    """What was counted of the one flow."""
    (found,) = engine.read().flows.values()
    return found


def completed(engine, count):
    """Wait for so many starts that were walked to their end."""
    until(lambda: of_flow(engine).succeeded >= count)


def ended(engine, count):
    """Wait for so many starts that have ended, completed or abandoned."""
    until(lambda: of_flow(engine).requests_made >= count)


def finished(engine, drain_s=10.0):
    """Stop; the last reading, whose laws are checked: each start is accounted for, and so is each request."""
    engine.stop(drain_s)
    snapshot = engine.read()
    for flow in snapshot.flows.values():
        assert flow.in_flight == 0
        steps = [snapshot.endpoints[key] for key in snapshot.endpoints]
        # A user is lost at one step of the start that he is lost in.
        assert flow.failed == sum(step.abandoned for step in steps)
        assert flow.response.count >= flow.succeeded
    for step in snapshot.endpoints.values():
        assert step.requests_made == step.succeeded + step.failed
        assert step.in_flight == 0
    return snapshot


def of_flow_in(snapshot):
    """The one flow of a snapshot."""
    (found,) = snapshot.flows.values()
    return found
