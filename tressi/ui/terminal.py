"""How progress is shown while a run lasts: a live picture on a terminal, plain lines elsewhere, nothing when quiet.

Whatever shows it sees only what the run publishes, one moment a second, every scaling decision and every change. Where it
is shown may go away (a closed pipe, a terminal that hung up, a full disk) or stall (a pager, Ctrl-S): then nobody looks on,
and the run goes on.
"""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING

from tressi.ui.watcher import Watcher

if TYPE_CHECKING:
    from tressi.ui.watcher import Controls

_DUMB = frozenset({"dumb", "unknown"})


def watch(
    stream: IO[str] | None,
    *,
    no_ui: bool = False,
    quiet: bool = False,
    controls: Controls | None = None,
    interval_s: float | None = None,
    address: str = "",
) -> Watcher:
    """Choose how to show progress on `stream`: live on a terminal that can, else plain lines, or nothing.

    With `controls` the keys of the session's terminal steer the run while the live picture is up, and `address`, that of the
    dashboard, stands in its header. Plain lines come every `interval_s` seconds; 0: only what happens is told.
    """
    if quiet or stream is None:
        return Watcher()
    # Each only where it is chosen: the first request waits for what draws the progress.
    if no_ui or not _can_draw(stream):
        from tressi.ui.lines import INTERVAL_S, LenientConsole, Lines  # noqa: PLC0415 - see above
        from tressi.ui.nonblocking_stream import unhurried  # noqa: PLC0415 - see above

        console = LenientConsole(file=unhurried(stream), no_color=True, highlight=False, soft_wrap=True)
        return Lines(console, INTERVAL_S if interval_s is None else interval_s)
    from tressi.ui.keys import open_keyboard  # noqa: PLC0415 - see above
    from tressi.ui.live.live import LivePicture  # noqa: PLC0415 - see above

    return LivePicture(stream, controls, open_keyboard(sys.stdin) if controls is not None else None, address)


def _can_draw(stream: IO[str]) -> bool:
    """Whether a picture can be drawn there, and is wanted. Lines and bars are of ASCII where there is no more."""
    return stream.isatty() and os.environ.get("TERM") not in _DUMB and not os.environ.get("NO_COLOR")
