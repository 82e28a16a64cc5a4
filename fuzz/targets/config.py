"""Configs: any bytes are a config that can be planned, or a ConfigError with sentences that a terminal can show."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from fuzz.target import Target
from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.load.messages import decode, encode
from tressi.load.plan import make_plan
from tressi.model import pools_of

if TYPE_CHECKING:
    from collections.abc import Hashable

_EXAMPLES = Path(__file__).parent.parent.parent / "examples"
_SCHEMA = (Path(__file__).parent.parent.parent / "tressi" / "config" / "schema.json").read_text(encoding="utf-8")
_WORDS = [
    *(word.encode() for word in sorted(set(re.findall(r'"([A-Za-z]\w*)": \{', _SCHEMA)))),
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
]
_WORDS += (b'"|\\u0000|\\ud800|NaN|1e999|//|\xef\xbb\xbf|\xff|\x00|http://[|p99 < 1ms|#').split(b"|")
_ALL = b"""{"baseUrl": "http://user:secret@127.0.0.1:8080/a?b", "duration": 30, "timeout": 5, "connectTimeout": 1,
"arrival": "poisson", "tls": {"verify": false, "serverName": "fa\xc3\x9f.test"}, "keepAlive": true,
"followRedirects": false, "seed": 7,
"rps": 5, "workers": 2,
"earlyExitOnError": true, "errorRateThreshold": 0.5, "errorStatusCodes": [500], "connectionsPerSecond": 10, "gracefulStop": 3,
"thresholds": ["p99[10s] < 100ms", {"threshold": "rps > 0.9 * targetRps", "abortOnFail": true}],
"autoscale": {"enabled": true, "targetRps": 1000, "maxWorkers": 100, "distributionStrategy": "priority-based"},
"requests": [{"url": "/a", "method": "POST", "payload": {"a": [1]}, "name": "a", "headers": {"X-Api-Key": "k"},
"autoscale": {"enabled": true, "targetRps": 400, "priority": "high", "weight": 0.5, "minWorkers": 1, "initialWorkers": 2}},
{"url": "/b", "body": "x", "method": "PUT", "expect": {"status": [200, 404], "bodyContains": "x"}, "timeout": 1},
{"url": "http://unix:%2Ftmp%2Fsocket:/c", "autoscale": {"enabled": false}}]}"""
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def check(data: bytes) -> Hashable:
    """Load it from a file, as the command line does."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(data)
        file.flush()
        try:
            config = load_config(file.name)
        except ConfigError as error:
            assert error.problems
            text = str(error)
            assert text.strip()
            assert not _CONTROL.search(text), text
            return re.sub(r"[\d.]+|'[^']*'|\"[^\"]*\"|/\S+", "", text.partition("\n")[0])[:80]
    assert config.endpoints
    assert not any(_CONTROL.search(warning) for warning in config.warnings)
    json.dumps(config.document, allow_nan=False)
    plan = make_plan(config, {pool.id: 1 for pool in pools_of(config)})
    assert decode(encode({"plan": plan})) == {"plan": plan}
    return (len(config.warnings), config.shared_pool is not None, plan.is_for_clients)


_FILES = [path.read_bytes() for path in sorted(_EXAMPLES.glob("*.json"))]
TARGET = Target("config", check, [*_FILES, orjson.dumps(orjson.loads(_ALL))], _WORDS, is_json=True)
