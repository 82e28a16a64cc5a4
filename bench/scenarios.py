"""What the tools are compared at: the same few situations for each."""

from __future__ import annotations

from dataclasses import dataclass

from bench import job


@dataclass(frozen=True)
class Scenario:
    """One situation; a tool either does exactly this or is left out of it."""

    name: str
    title: str
    connections: int
    rate: int | None = None  # requests per second in all; None: as fast as they go
    path: str = "/"
    tls: bool = False
    keep_alive: bool = True  # False: a connection for each request
    is_job: bool = False  # what `bench.job` says, instead of a GET of the path

    @property
    def rate_each(self) -> float:
        """The rate of one connection, for tools that know no other."""
        return (self.rate or 0) / self.connections


SCENARIOS = (
    Scenario("full-1", "full speed, 1 connection", 1),
    Scenario("full-64", "full speed, 64 connections", 64),
    Scenario("full-1000", "full speed, 1,000 connections", 1000),
    Scenario("rate-1000", "1,000 requests per second, 64 connections", 64, rate=1000),
    Scenario("rate-10000", "10,000 requests per second, 64 connections", 64, rate=10_000),
    Scenario("tls-64", "HTTPS, full speed, 64 connections", 64, tls=True),
    Scenario("large-64", "64 KiB answers, full speed, 64 connections", 64, path="/large"),
    Scenario("close-64", "a connection per request, full speed, 64 at a time", 64, keep_alive=False),
    Scenario("job-64", "a typical job, full speed, 64 connections", 64, path=job.PATH, is_job=True),
)
