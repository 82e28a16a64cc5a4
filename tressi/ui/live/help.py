"""What the keys do and what the columns mean, in a window's words."""

from __future__ import annotations

from typing import Final

from rich.text import Text

_HELP: Final = (
    ("↑ ↓ j k", "select an endpoint; PgUp PgDn Home End go further"),
    ("/", "show endpoints whose names have what is typed; Enter keeps it, Esc shows all"),
    ("s   r", "sort by the next column; reverse the order"),
    ("+   -", "raise or lower the selected endpoint's target by about a tenth"),
    ("p", "start nothing more until p is pressed again"),
    ("q", "end the run and report; what is in flight ends first"),
    ("? Esc", "this page, and back"),
    ("", ""),
    ("target", "requests per second asked for now, ~ their mean in the last second; max: no limit"),
    ("rate", "those that ended in the last second: green, as asked for"),
    ("trend", "that rate over the last minute, full height being the target"),
    ("workers", "at work now, then the fewest and the most there may be"),
    ("busy", "the share of the workers' time that requests took"),
    ("p50, p99", "response times of the last second in ms, from the scheduled start on"),
    ("svc p99", "service time: from the first byte sent until the last one came"),
    ("ok p99", "service time of the successes alone; shown once requests fail"),
    ("dim", "a percentile of too few values to be relied on"),
    ("missed", "scheduled starts given up since the start"),
    ("errors", "attempts that failed since the start, by kind"),
)
_NAMES = 13


def help_lines(width: int) -> list[Text]:
    """The page of help."""
    names = min(_NAMES, max(1, width // 3))
    return [Text(), *(Text.assemble((f" {name:<{names}}", "bold cyan"), words) for name, words in _HELP)]
