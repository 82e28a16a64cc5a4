"""The values that cross rooms: what a run is asked to do, what an engine has measured, what a run tells.

Everything here is frozen. Commands go down through `Engine`, values come up as `EngineSnapshot`. Names are those of the
config schema in snake_case; every number that is not a count carries its unit in its name or in its comment.
"""

from tressi.model.asked import (
    Arrival,
    AutoscaleConfig,
    EarlyExit,
    Expectation,
    JsonCondition,
    Priority,
    ResolvedConfig,
    ResolvedEndpoint,
    SharedPool,
    Strategy,
    Threshold,
    TlsConfig,
    Transport,
)
from tressi.model.curve import Curve, Stage
from tressi.model.delta import Delta
from tressi.model.engine import Engine, Level
from tressi.model.measured import (
    EndpointCounts,
    EndpointMetrics,
    EndpointSnapshot,
    EngineSnapshot,
    GeneratorSnapshot,
    Reason,
    Sample,
    Window,
)
from tressi.model.pool import Pool, PoolId, Pools, Wanted, pools_of
from tressi.model.told import (
    Action,
    Change,
    Draining,
    EndpointMoment,
    EndReason,
    Moment,
    ScalingDecision,
    SecondFigures,
    Steering,
    ThresholdVerdict,
    Trouble,
    WorkerAllocation,
)

__all__ = [
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
    "GeneratorSnapshot",
    "JsonCondition",
    "Level",
    "Moment",
    "Pool",
    "PoolId",
    "Pools",
    "Priority",
    "Reason",
    "ResolvedConfig",
    "ResolvedEndpoint",
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
    "Transport",
    "Trouble",
    "Wanted",
    "Window",
    "WorkerAllocation",
    "pools_of",
]
