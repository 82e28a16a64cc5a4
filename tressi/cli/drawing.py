"""Tables and lines as rich would write them, for a stream that is written to elsewhere."""

from __future__ import annotations

from io import StringIO
from typing import IO, TYPE_CHECKING

from rich.console import Console

from tressi.ui.characters import shown

if TYPE_CHECKING:
    from rich.console import RenderableType


def drawn(picture: RenderableType, stream: IO[str] | None) -> str:
    """What rich would write to `stream`. It does not write itself: at a closed pipe it would end the program."""
    meant = Console(file=stream)
    text = StringIO()
    console = Console(file=text, width=meant.width, force_terminal=meant.is_terminal, highlight=False)
    # What reads a pipe or a file folds lines itself, or searches them: a key in two pieces is not found.
    console.print(picture, soft_wrap=not meant.is_terminal, crop=False)
    return shown(text.getvalue(), stream)
