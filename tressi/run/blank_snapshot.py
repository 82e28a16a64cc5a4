"""A snapshot in which nothing has happened: what the first second is compared with, and what a failed start measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tressi.model import EndpointSnapshot, EngineSnapshot, GeneratorSnapshot

if TYPE_CHECKING:
    from tressi.model import ResolvedConfig


def blank_snapshot(config: ResolvedConfig) -> EngineSnapshot:
    """What an engine measured that never started: every endpoint and flow of `config`, with zeros."""
    endpoints = {endpoint.endpoint_key: EndpointSnapshot(endpoint.endpoint_key) for endpoint in config.endpoints}
    flows = {flow.endpoint_key: EndpointSnapshot(flow.endpoint_key) for flow in config.flows}
    return EngineSnapshot(time_s=0.0, endpoints=endpoints, generator=GeneratorSnapshot(), flows=flows)
