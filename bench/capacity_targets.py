"""Targets in virtual time whose capacity is known, for `bench.capacity`: arrivals in, response times out.

Each target has `serve(arrivals)`, which takes arrival times in seconds, in order and later than all before, and returns the
times at which they end, and `fails`, a mask of those that are refused. Arrivals are Poisson, unless a target says otherwise.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field

import numpy as np


class Queue:
    """One server, first come first served, with exponential service: M/M/1. Its response times are exponential."""

    is_uniform = False

    def __init__(self, mu: float, rng: np.random.Generator) -> None:
        self.mu, self.rng, self.free = mu, rng, 0.0

    def serve(self, arrivals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When each ends, and which are refused."""
        ends = _lindley(arrivals, self.rng.exponential(1 / self.mu, len(arrivals)), self.free)
        self.free = float(ends[-1]) if len(ends) else self.free
        return ends, np.zeros(len(arrivals), bool)


class Servers:
    """c servers with one queue: M/M/c."""

    is_uniform = False

    def __init__(self, mu: float, count: int, rng: np.random.Generator) -> None:
        self.mu, self.rng, self.free = mu, rng, [0.0] * count

    def serve(self, arrivals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When each ends, and which are refused."""
        ends = np.empty(len(arrivals))
        needs = self.rng.exponential(1 / self.mu, len(arrivals)).tolist()
        for place, (at, need) in enumerate(zip(arrivals.tolist(), needs, strict=True)):
            ends[place] = end = max(at, self.free[0]) + need
            heapq.heapreplace(self.free, end)
        return ends, np.zeros(len(arrivals), bool)


class Limiter:
    """Lets R requests a second through, evenly, and has the others wait. Arrivals are even too: beyond R the wait grows."""

    is_uniform = True

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        self.rate, self.rng, self.free = rate, rng, 0.0

    def serve(self, arrivals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When each ends, and which are refused."""
        ends = _lindley(arrivals, np.full(len(arrivals), 1 / self.rate), self.free)
        self.free = float(ends[-1]) if len(ends) else self.free
        return ends + self.rng.uniform(0, 0.002, len(arrivals)), np.zeros(len(arrivals), bool)


class Refuser:
    """Refuses at once, with 429, whatever is above R in each tenth of a second."""

    is_uniform = True

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        self.rate, self.rng, self.tokens, self.at = rate, rng, rate / 10, 0.0

    def serve(self, arrivals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When each ends, and which are refused."""
        refused = np.zeros(len(arrivals), bool)
        for place, at in enumerate(arrivals.tolist()):
            self.tokens = min(self.rate / 10, self.tokens + (at - self.at) * self.rate)
            self.at = at
            if self.tokens >= 1:
                self.tokens -= 1
            else:
                refused[place] = True
        return arrivals + self.rng.uniform(0.001, 0.003, len(arrivals)), refused


class Sulker:
    """M/M/1 that serves at a third of its speed for 10 s after each time its backlog was longer than `sulk_s`."""

    is_uniform = False

    def __init__(self, mu: float, sulk_s: float, rng: np.random.Generator) -> None:
        self.mu, self.rng, self.free, self.sulk_s, self.until = mu, rng, 0.0, sulk_s, 0.0

    def serve(self, arrivals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When each ends, and which are refused."""
        ends = np.empty(len(arrivals))
        needs = self.rng.exponential(1 / self.mu, len(arrivals)).tolist()
        for place, (at, need) in enumerate(zip(arrivals.tolist(), needs, strict=True)):
            if self.free - at > self.sulk_s:
                # While it is overloaded it serves as fast as it can; afterwards it is slow.
                self.until = self.free + 10
            is_slow = self.free - at <= self.sulk_s and at < self.until
            self.free = max(at, self.free) + need * (3 if is_slow else 1)
            ends[place] = self.free
        return ends, np.zeros(len(arrivals), bool)


class Pauser:
    """M/M/1 that stands still for 200 ms every 30 s."""

    is_uniform = False
    every, still = 30.0, 0.2

    def __init__(self, mu: float, rng: np.random.Generator) -> None:
        self.mu, self.rng, self.free = mu, rng, 0.0
        self.phase = float(rng.uniform(0, self.every))

    def serve(self, arrivals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """When each ends, and which are refused."""
        # In the time that the server works, it is an ordinary queue.
        ends = _lindley(self._worked(arrivals), self.rng.exponential(1 / self.mu, len(arrivals)), self.free)
        self.free = float(ends[-1]) if len(ends) else self.free
        return self._passed(ends), np.zeros(len(arrivals), bool)

    def _worked(self, at: np.ndarray) -> np.ndarray:
        whole, part = np.divmod(at + self.phase, self.every)
        return whole * (self.every - self.still) + np.maximum(0, part - self.still)

    def _passed(self, worked: np.ndarray) -> np.ndarray:
        whole, part = np.divmod(worked, self.every - self.still)
        return whole * self.every + part + self.still - self.phase


def _lindley(arrivals: np.ndarray, needs: np.ndarray, free: float) -> np.ndarray:
    """When each ends: end_n = max(arrival_n, end_(n-1)) + need_n, all at once."""
    if not len(arrivals):
        return arrivals
    work = np.cumsum(needs)
    begins = np.maximum.accumulate(np.maximum(arrivals, free) - (work - needs))
    return begins + work


def mmc_capacity(mu: float, count: int, limit_s: float, share: float) -> float:
    """The rate at which a share of the response times of M/M/c exceeds a limit, by Erlang's C."""
    low, high = 0.0, mu * count
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if mmc_tail(middle, mu, count, limit_s) < share else (low, middle)
    return low


def mmc_tail(rate: float, mu: float, count: int, limit_s: float) -> float:
    """P(response time > t) of M/M/c: P(wait) by Erlang's C, then an exponential wait and an exponential service."""
    load = rate / mu
    terms = [1.0]
    for place in range(1, count + 1):
        terms.append(terms[-1] * load / place)
    waiting = terms[-1] * count / (count - load)
    wait = waiting / (sum(terms[:-1]) + waiting)
    eta = count * mu - rate
    alone = math.exp(-mu * limit_s)
    if abs(eta - mu) < 1e-9 * mu:
        return alone * (1 + wait * mu * limit_s)
    return alone + wait * mu / (mu - eta) * (math.exp(-eta * limit_s) - alone)


@dataclass
class Loop:
    """A target under load, second by second, as a run sees it: what ended in the second, and what is in flight after it."""

    target: object
    limit_s: float
    rng: np.random.Generator
    t: float = 0.0
    phase: float = 0.0
    arrived: np.ndarray = field(default_factory=lambda: np.empty(0))
    ended: np.ndarray = field(default_factory=lambda: np.empty(0))
    refused: np.ndarray = field(default_factory=lambda: np.empty(0, bool))

    def second(self, rate: float) -> tuple[np.ndarray, np.ndarray, int]:
        """One second at a rate: response times and refusals of what ended in it, and how many are in flight at its end."""
        if rate <= 0:
            arrivals = np.empty(0)
        elif self.target.is_uniform:
            count = math.floor(self.phase + rate)
            arrivals = self.t + (np.arange(1, count + 1) - self.phase) / rate
            self.phase += rate - count
        else:
            arrivals = self.t + np.sort(self.rng.uniform(0, 1, self.rng.poisson(rate)))
        ends, refused = self.target.serve(arrivals)
        self.t += 1
        arrived, ended = np.concatenate([self.arrived, arrivals]), np.concatenate([self.ended, ends])
        refused = np.concatenate([self.refused, refused])
        over = ended <= self.t
        self.arrived, self.ended, self.refused = arrived[~over], ended[~over], refused[~over]
        return (ended - arrived)[over], refused[over], int((~over).sum())
