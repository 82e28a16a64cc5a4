"""What the tools are compared at: the same few situations for each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - dataclasses are read at run time
from typing import Final

JOB_PATH: Final = "/users/0/orders"  # of the typical job, see `bench.job`


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
    protocol: str = "http/1.1"  # or "h2c", "h2" (over TLS), "grpc" (unary calls of bench/grpc_server)
    streams: int = 1  # requests that share a connection at a time
    ends: bool = False  # the server ends a connection after 1,000 requests, as nginx does unless it is told otherwise

    @property
    def rate_each(self) -> float:
        """The rate of one connection, for tools that know no other."""
        return (self.rate or 0) / self.connections

    @property
    def lanes(self) -> int:
        """Requests in flight at most."""
        return self.connections * self.streams


@dataclass(frozen=True)
class Run:
    """What a command is made from."""

    scenario: Scenario
    url: str
    seconds: int
    folder: Path  # for files that the tool reads
    answer_bytes: int  # head and body


SCENARIOS = (
    Scenario("full-1", "full speed, 1 connection", 1),
    Scenario("full-64", "full speed, 64 connections", 64),
    Scenario("full-1000", "full speed, 1,000 connections", 1000),
    Scenario("rate-1000", "1,000 requests per second, 64 connections", 64, rate=1000),
    Scenario("rate-3000", "3,000 requests per second, 64 connections", 64, rate=3000),
    Scenario("rate-10000", "10,000 requests per second, 64 connections", 64, rate=10_000),
    Scenario("rate-30000", "30,000 requests per second, 64 connections", 64, rate=30_000),
    Scenario("rate-100000", "100,000 requests per second, 64 connections", 64, rate=100_000),
    Scenario("tls-64", "HTTPS, full speed, 64 connections", 64, tls=True),
    Scenario("large-64", "64 KiB answers, full speed, 64 connections", 64, path="/large"),
    Scenario("close-64", "a connection per request, full speed, 64 at a time", 64, keep_alive=False),
    Scenario("ends-64", "nginx as it comes (1,000 requests a connection), full speed, 64 connections", 64, ends=True),
    Scenario("h2c-1x1", "HTTP/2 without TLS, 1 connection, 1 stream", 1, protocol="h2c"),
    Scenario("h2c-10x10", "HTTP/2 without TLS, 10 connections, 10 streams each", 10, protocol="h2c", streams=10),
    Scenario("h2c-10x100", "HTTP/2 without TLS, 10 connections, 100 streams each", 10, protocol="h2c", streams=100),
    Scenario("h2c-100x10", "HTTP/2 without TLS, 100 connections, 10 streams each", 100, protocol="h2c", streams=10),
    Scenario("h2-10x10", "HTTP/2 over TLS, 10 connections, 10 streams each", 10, tls=True, protocol="h2", streams=10),
    Scenario(
        "h2c-ends-10x10",
        "HTTP/2, nginx as it comes (1,000 requests a connection), 10 connections, 10 streams each",
        10,
        protocol="h2c",
        streams=10,
        ends=True,
    ),
    Scenario("grpc-1x1", "unary gRPC, 1 connection, 1 call at a time", 1, path="/shop.Cart/Add", protocol="grpc"),
    Scenario(
        "grpc-10x10",
        "unary gRPC, 10 connections, 10 calls at a time on each",
        10,
        path="/shop.Cart/Add",
        protocol="grpc",
        streams=10,
    ),
    Scenario("job-64", "a typical job, full speed, 64 connections", 64, path=JOB_PATH, is_job=True),
)
