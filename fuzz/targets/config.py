"""Configs: any bytes are a config that can be planned, or a ConfigError with sentences that a terminal can show."""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from fuzz.target import Target
from tressi._values import Values
from tressi.cli.preview import preview
from tressi.config.load import load_config
from tressi.errors import ConfigError
from tressi.load.messages import decode, encode
from tressi.load.plan import make_plan, uses_of
from tressi.load.tables import load_tables
from tressi.model import pools_of
from tressi.request.compiled import compiled

if TYPE_CHECKING:
    from collections.abc import Hashable

    from tressi.model import ResolvedConfig

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
"arrival": "poisson", "tls": {"verify": false, "serverName": "fa\xc3\x9f.test", "minVersion": "1.2", "ciphers": "ECDHE+AESGCM"},
"keepAlive": true, "followRedirects": 3, "seed": 7, "resolve": {"127.0.0.1:8080": "[::1]:1"}, "proxy": "http://a:b@p:1",
"maxRequestsPerConnection": 5, "maxConnectionAge": 2, "idleTimeout": 1,
"rps": 5, "workers": 2,
"earlyExitOnError": true, "errorRateThreshold": 0.5, "errorStatusCodes": [500], "connectionsPerSecond": 10, "gracefulStop": 3,
"thresholds": ["p99[10s] < 100ms", {"threshold": "rps > 0.9 * targetRps", "abortOnFail": true}],
"autoscale": {"enabled": true, "targetRps": 1000, "maxWorkers": 100, "distributionStrategy": "priority-based"},
"requests": [{"url": "/a", "method": "POST", "payload": {"a": [1]}, "name": "a", "headers": {"X-Api-Key": "k"},
"autoscale": {"enabled": true, "targetRps": 400, "priority": "high", "weight": 0.5, "minWorkers": 1, "initialWorkers": 2}},
{"url": "/b", "body": "x", "method": "PUT", "expect": {"status": [200, 404], "bodyContains": "x"}, "timeout": 1},
{"url": "http://unix:%2Ftmp%2Fsocket:/c", "autoscale": {"enabled": false}}]}"""
_VALUES = b"""{"data": {"user": {"values": [{"name": "a", "n": 1, "w": 2}, {"name": "b\\"", "n": [null], "w": 0}],
"pick": {"weight": "w"}}, "qty": {"integer": {"from": 1, "to": 5}}, "id": {"uuid": 7}, "seq": {"sequence": {"from": 3}},
"now": {"time": "iso"}, "word": {"text": {"length": 3, "alphabet": "ab"}}, "one": {"values": ["x"], "pick": {"zipf": 1.5}}},
"mask": ["query:q", "header:X", "body:/a/b"], "headers": {"X": "{{user.name}} ${NO_SUCH_NAME:-text}"},
"requests": [{"url": "http://h/{{user.name}}?q={{{one}}}&r={{now}}", "method": "POST",
"payload": {"a": {"b": "{{qty}}", "{{id}}": ["{{user}}", "{{{user.n}}} {{word}}"]}}},
{"url": "http://h/", "method": "POST", "form": {"a": "{{seq}}", "b": [1, true, "{{user.name}}"]}},
{"url": "http://h/", "method": "POST", "multipart": [{"name": "a", "value": "{{one}}"}]},
{"url": "http://h/$${x}", "method": "POST", "body": "text", "compress": "gzip",
"variants": [{"weight": 2.5, "headers": {"A": "{{id}}"}}, {"url": "http://i/", "payload": [], "compress": "gzip"}]}]}"""
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def check(data: bytes) -> Hashable:
    """Load it from a file, as the command line does."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(data)
        file.flush()
        try:
            config = load_config(file.name)
            check_values(config)
            tables = load_tables(uses_of(config))
        except ConfigError as error:
            assert error.problems
            text = str(error)
            assert text.strip()
            assert not _CONTROL.search(text), text
            return re.sub(r"[\d.]+|'[^']*'|\"[^\"]*\"|/\S+", "", text.partition("\n")[0])[:80]
    assert config.endpoints
    assert not any(_CONTROL.search(warning) for warning in config.warnings)
    json.dumps(config.document, allow_nan=False)
    plan = make_plan(config, {pool.id: 1 for pool in pools_of(config)}, tables)
    Values(tables.sources, memoryview(b"") if tables.block is None else tables.block.memory, seed=config.seed)
    told = replace(plan, tables=replace(tables, block=None))
    assert decode(encode({"plan": told})) == {"plan": told}
    return (len(config.warnings), config.shared_pool is not None, plan.is_for_clients)


def check_values(config: ResolvedConfig) -> None:
    """Compile its requests and fill them in with the first rows; a placeholder leaves nothing of itself."""
    shown = preview(config)
    made = compiled(config, "fuzz")
    assert len(made.renderings) == len(made.origins) == len(config.endpoints)
    if shown is not None:
        assert len(shown.requests) == len(config.endpoints)
        assert not any(_CONTROL.search(text) for texts in shown.requests.values() for text in texts)


_FILES = [path.read_bytes() for path in sorted(_EXAMPLES.glob("*.json"))]
TARGET = Target(
    "config", check, [*_FILES, orjson.dumps(orjson.loads(_ALL)), orjson.dumps(orjson.loads(_VALUES))], _WORDS, is_json=True
)
