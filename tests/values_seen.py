"""Runs whose requests are filled from data, and what their targets have seen of it."""

from collections import Counter
from threading import Lock

import gevent
import warm
from servers import response

from tressi.load.cluster import Cluster
from tressi.load.engine import LocalEngine
from tressi.load.process import ProcessEngine
from tressi.run.runner import EndpointRunner

BOUND_S = 30


class Seen:
    """What targets were asked for: heads with their bodies, in the order in which they came."""

    def __init__(self):
        self.requests = []
        self._lock = Lock()

    def answering(self, answer=None):
        """A script that keeps every request; `answer(seen, body)` is what is sent back, None ends the connection."""

        def script(conversation):
            while seen := conversation.head():
                if "100-continue" in seen.fields.get("expect", ""):
                    conversation.send(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = conversation.body(seen)
                if body is None:
                    return
                with self._lock:
                    self.requests.append((seen, body))
                said = response() if answer is None else answer(seen, body)
                if said is None:
                    return
                conversation.send(said)

        return script

    def counts(self, key):
        """How often each came."""
        return Counter(key(seen, body) for seen, body in self.requests)


def target_of(seen, _):
    return seen.target


def many(engines):
    """So many engines: one here, several in processes."""
    return LocalEngine() if engines == 1 else Cluster([ProcessEngine(warm.engine) for _ in range(engines)])


def ran(config, engine=None, **more):
    """The summary of a whole run."""
    runner = EndpointRunner({"duration": BOUND_S, "seed": 1, **config, **more}, engine=engine or LocalEngine())
    with gevent.Timeout(BOUND_S):
        runner.start()
        return runner.summary()


def requests_of(url, path="/{{t}}", **more):
    """One request under a server's root."""
    return [{"url": url + path[1:], **more}]


def numbers(count, pick, **more):
    """A table of the numbers from 0 on."""
    return {"t": {"values": [str(number) for number in range(count)], "pick": pick}, **more}
