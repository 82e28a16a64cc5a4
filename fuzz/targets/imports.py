"""Documents that `tressi import` reads: any bytes are a config that loads, or a ConfigError that a terminal can show."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz.target import Target
from tressi.errors import ConfigError
from tressi.imports.formats import FORMATS, imported
from tressi.imports.options import Options
from tressi.imports.sound import text_of

if TYPE_CHECKING:
    from collections.abc import Hashable

_SAMPLES = Path(__file__).parent.parent.parent / "tests" / "imported"
_WORDS = (
    b"""$'|'|"|\\|--data-raw|-F|{{|}}|${|{%|$ref|#/paths|\\ud800e:HOME\\udbff|oneOf|null|1e999|http://[|://|%7B|\r\n|&a|*a"""
    b"""|base64|Set-Cookie|<input type=hidden name=t value=|openapi|swagger|item|resources|log|entries"""
).split(b"|")
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def check(data: bytes) -> Hashable:
    """Import it in every format; the import itself has loaded what comes out."""
    kinds: list[Hashable] = []
    for source in FORMATS:
        try:
            result = imported(source, text_of(data, "the document"), "the document", Options())
        except ConfigError as error:
            assert not _CONTROL.search(str(error)), str(error)
            kinds.append(re.sub(r"[\d.]+|'[^']*'|\"[^\"]*\"|/\S+", "", str(error).partition("\n")[0])[:60])
        else:
            text = json.dumps(result.document, ensure_ascii=False, allow_nan=False)
            assert not re.search("[\ud800-\udfff]", text)
            assert set(re.findall(r"(?<!\$)\$\{([A-Z_a-z]\w*)\}", text)) <= {one.name for one in result.variables}
            kinds.append((len(result.document["requests"]), len(result.notes)))
    return tuple(kinds)


TARGET = Target("imports", check, [path.read_bytes() for path in sorted(_SAMPLES.iterdir())], _WORDS, is_json=True)
