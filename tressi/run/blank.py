"""A snapshot in which nothing has happened: what the first second is compared with, and what a failed start measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi._core import Histogram
from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot, Window

if TYPE_CHECKING:
    from tressi.model import ResolvedConfig


def blank_snapshot(config: ResolvedConfig) -> EngineSnapshot:
    """What an engine measured that never started: every endpoint of `config`, with zeros."""
    endpoints = {endpoint.endpoint_key: _blank_endpoint(endpoint.endpoint_key) for endpoint in config.endpoints}
    return EngineSnapshot(time_s=0.0, endpoints=endpoints, generator=_blank_generator())


def _blank_endpoint(endpoint_key: str) -> EndpointSnapshot:
    return EndpointSnapshot(
        endpoint_key=endpoint_key,
        succeeded=0,
        failed=0,
        missed=0,
        missed_late=0,
        bytes_sent=0,
        bytes_received=0,
        connections_opened=0,
        retries=0,
        status_codes={},
        errors={},
        worker_count=0,
        draining=0,
        peak_worker_count=0,
        target_rps=None,
        scheduled=0.0,
        window=Window(),
        service=Histogram(),
        response=Histogram(),
    )


def _blank_generator() -> GeneratorSnapshot:
    return GeneratorSnapshot(
        cpu_s=0.0,
        run_queue_s=0.0,
        own_delay=Histogram(),
        late_sends=Histogram(),
        kernel_timed=0,
        user_timed=0,
        disturbed=0,
    )
