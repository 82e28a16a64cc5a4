"""The workers of one pool: how many there are, how many are on their way out, and who goes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.load.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi._wire import Reactor
    from tressi.load.worker import Lane


class WorkerPool:
    """Workers of one autoscaled endpoint, or of the shared pool.

    `make_lane` makes one more lane of it; `publish` hears (workers, draining) whenever one of the two changes.
    """

    def __init__(self, lanes_per_worker: int, make_lane: Callable[[], Lane], publish: Callable[[int, int], None]) -> None:
        self._lanes_per_worker = lanes_per_worker
        self._make_lane = make_lane
        self._publish = publish
        self._workers: list[Worker] = []
        self._draining: set[Worker] = set()

    def scale(self, count: int, reactor: Reactor) -> None:
        """Make it `count` workers. Those that are idle longest leave first; one that is busy finishes its requests."""
        if count < len(self._workers):
            self._remove(len(self._workers) - count, reactor)
        while count > len(self._workers):
            self._workers.append(Worker([self._make_lane() for _ in range(self._lanes_per_worker)], self._worker_ended))
        self._publish(len(self._workers), len(self._draining))

    def _remove(self, count: int, reactor: Reactor) -> None:
        self._workers.sort(key=lambda worker: worker.idle_since_ns(reactor), reverse=True)
        for worker in self._workers[-count:]:
            self._draining.add(worker)
            worker.retire(reactor)
        del self._workers[-count:]

    def _worker_ended(self, worker: Worker) -> None:
        self._draining.discard(worker)
        self._publish(len(self._workers), len(self._draining))
