"""The workers of one pool: how many there are, how many are on their way out, and who goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.load.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi._wire import Reactor
    from tressi.load.worker import Lane


class WorkerPool:
    """Workers of one autoscaled endpoint, or of the shared pool. `make_lane` makes one more lane of it."""

    def __init__(self, lanes_per_worker: int, make_lane: Callable[[], Lane]) -> None:
        self._lanes_per_worker = lanes_per_worker
        self._make_lane = make_lane
        self._workers: list[Worker] = []
        self._draining: set[Worker] = set()

    @property
    def count(self) -> int:
        """Workers, without those that are draining."""
        return len(self._workers)

    @property
    def draining(self) -> int:
        """Workers that were removed and still have requests in flight."""
        return len(self._draining)

    def scale(self, count: int, reactor: Reactor) -> list[Worker]:
        """Make it `count` workers; returns those that are new. Workers that were idle longest leave first."""
        added = [Worker([self._make_lane() for _ in range(self._lanes_per_worker)]) for _ in range(count - self.count)]
        self._workers += added
        if count < self.count:
            self._workers.sort(key=lambda worker: worker.idle_since_ns(reactor), reverse=True)
            leaving = self._workers[count:]
            del self._workers[count:]
            for worker in leaving:
                self._draining.add(worker)
                worker.retire(reactor)
        return added

    def lane_ended(self, worker: Worker) -> None:
        """One of a worker's lanes has ended."""
        worker.alive -= 1
        if worker.alive == 0:
            self._draining.discard(worker)
