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


def watch(stream: IO[str] | None, *, no_ui: bool = False, quiet: bool = False, controls: Controls | None = None) -> Watcher:
    """Choose how to show progress on `stream`: live on a terminal that can, else plain lines, or nothing.

    With `controls` the keys of the session's terminal steer the run while the live picture is up.
    """
    if quiet or stream is None:
        return Watcher()
    # Each only where it is chosen: the first request waits for what draws the progress.
    if no_ui or not _can_draw(stream):
        from tressi.ui.lines import LenientConsole, Lines  # noqa: PLC0415 - see above
        from tressi.ui.nonblocking_stream import unhurried  # noqa: PLC0415 - see above

        return Lines(LenientConsole(file=unhurried(stream), no_color=True, highlight=False, soft_wrap=True))
    from tressi.ui.keys import open_keyboard  # noqa: PLC0415 - see above
    from tressi.ui.live.live import LivePicture  # noqa: PLC0415 - see above

    return LivePicture(stream, controls, open_keyboard(sys.stdin) if controls is not None else None)


def _can_draw(stream: IO[str]) -> bool:
    """Whether a picture can be drawn there, and is wanted: lines and bars need a terminal that knows them."""
    if os.environ.get("TERM") in _DUMB or os.environ.get("NO_COLOR"):
        return False
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return stream.isatty() and encoding.lower().replace("-", "") == "utf8"
