"""The values that cross rooms: what a run is asked to do, what an engine has measured, what a run tells.

Everything here is frozen. Commands go down through `Engine`, values come up as `EngineSnapshot`. Names are those of the
config schema in snake_case; every number that is not a count carries its unit in its name or in its comment.

A name of this module is imported when it is first used: a config is checked without what an engine has measured, and each file
of values takes longer to import than to read.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tressi.model.autoscale import AutoscaleConfig, Priority
    from tressi.model.config import (
        REDIRECTS,
        Arrival,
        EarlyExit,
        Expectation,
        GrpcCall,
        JsonCondition,
        Kept,
        Protocol,
        ProtocolName,
        Proxies,
        ResolvedConfig,
        ResolvedEndpoint,
        ResolvedVariant,
        SharedPool,
        Strategy,
        Threshold,
        TlsConfig,
        TlsVersion,
        Transport,
    )
    from tressi.model.curve import Curve, Stage
    from tressi.model.delta import Delta
    from tressi.model.engine import Engine, Level
    from tressi.model.events import (
        Action,
        Change,
        Draining,
        EndpointMoment,
        EndReason,
        FlowMoment,
        Moment,
        ScalingDecision,
        SecondFigures,
        Steering,
        ThresholdVerdict,
        Trouble,
        WorkerAllocation,
    )
    from tressi.model.measurements import (
        EndpointCounts,
        EndpointMetrics,
        EndpointSnapshot,
        EngineSnapshot,
        GeneratorSnapshot,
        Reason,
        Sample,
        Window,
    )
    from tressi.model.nodes import NodeFinding, NodeRecord
    from tressi.model.pool import Pool, PoolId, Pools, Wanted, pools_of

__all__ = [
    "REDIRECTS",
    "Action",
    "Arrival",
    "AutoscaleConfig",
    "Change",
    "Curve",
    "Delta",
    "Draining",
    "EarlyExit",
    "EndReason",
    "EndpointCounts",
    "EndpointMetrics",
    "EndpointMoment",
    "EndpointSnapshot",
    "Engine",
    "EngineSnapshot",
    "Expectation",
    "FlowMoment",
    "GeneratorSnapshot",
    "GrpcCall",
    "JsonCondition",
    "Kept",
    "Level",
    "Moment",
    "NodeFinding",
    "NodeRecord",
    "Pool",
    "PoolId",
    "Pools",
    "Priority",
    "Protocol",
    "ProtocolName",
    "Proxies",
    "Reason",
    "ResolvedConfig",
    "ResolvedEndpoint",
    "ResolvedVariant",
    "Sample",
    "ScalingDecision",
    "SecondFigures",
    "SharedPool",
    "Stage",
    "Steering",
    "Strategy",
    "Threshold",
    "ThresholdVerdict",
    "TlsConfig",
    "TlsVersion",
    "Transport",
    "Trouble",
    "Wanted",
    "Window",
    "WorkerAllocation",
    "pools_of",
]

_FILES = {
    "AutoscaleConfig": "autoscale",
    "Priority": "autoscale",
    "Arrival": "config",
    "EarlyExit": "config",
    "Expectation": "config",
    "GrpcCall": "config",
    "JsonCondition": "config",
    "Kept": "config",
    "Protocol": "config",
    "ProtocolName": "config",
    "Proxies": "config",
    "REDIRECTS": "config",
    "ResolvedConfig": "config",
    "ResolvedEndpoint": "config",
    "ResolvedVariant": "config",
    "SharedPool": "config",
    "Strategy": "config",
    "Threshold": "config",
    "TlsConfig": "config",
    "TlsVersion": "config",
    "Transport": "config",
    "Curve": "curve",
    "Stage": "curve",
    "Delta": "delta",
    "Engine": "engine",
    "Level": "engine",
    "Action": "events",
    "Change": "events",
    "Draining": "events",
    "EndReason": "events",
    "EndpointMoment": "events",
    "FlowMoment": "events",
    "Moment": "events",
    "ScalingDecision": "events",
    "SecondFigures": "events",
    "Steering": "events",
    "ThresholdVerdict": "events",
    "Trouble": "events",
    "WorkerAllocation": "events",
    "EndpointCounts": "measurements",
    "EndpointMetrics": "measurements",
    "EndpointSnapshot": "measurements",
    "EngineSnapshot": "measurements",
    "GeneratorSnapshot": "measurements",
    "Reason": "measurements",
    "Sample": "measurements",
    "Window": "measurements",
    "NodeFinding": "nodes",
    "NodeRecord": "nodes",
    "Pool": "pool",
    "PoolId": "pool",
    "Pools": "pool",
    "Wanted": "pool",
    "pools_of": "pool",
}


def __getattr__(name: str) -> object:
    """Import what is asked for from its file (PEP 562), and keep it."""
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_FILES[name]}"), name)
    return value


def __dir__() -> list[str]:
    """The names, used or not."""
    return sorted(__all__)
