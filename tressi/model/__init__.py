"""The values that cross rooms: what a run is asked to do, what an engine has measured, what a run tells.

Everything here is frozen. Commands go down through `Engine`, values come up as `EngineSnapshot`. Names are those of the
config schema in snake_case; every number that is not a count carries its unit in its name or in its comment.
"""

from tressi.model.autoscale import AutoscaleConfig, Priority
from tressi.model.config import (
    REDIRECTS,
    Arrival,
    EarlyExit,
    Expectation,
    JsonCondition,
    Kept,
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
