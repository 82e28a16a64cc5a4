from collections.abc import Sequence
from mmap import mmap
from typing import Any, Protocol

class Rendered(Protocol):
    @property
    def head(self) -> Sequence[Any]: ...
    @property
    def body(self) -> Sequence[Any]: ...

PICKS: tuple[str, ...]
UNITS_NS: dict[str, int]

class Values:
    count: int
    def __init__(
        self,
        sources: Sequence[Any],
        block: bytes | bytearray | memoryview | mmap,
        *,
        first: int = 0,
        of: int = 1,
        seed: int = 0,
    ) -> None: ...

class Filler:
    def __init__(self, values: Values, rendering: Rendered) -> None: ...
    def fill(self) -> tuple[bytes, int] | None: ...
    def drawn(self) -> dict[int, int | bytes]: ...

class Drawer:
    def __init__(self, values: Values) -> None: ...
    def draw(self, number: int) -> int | bytes | None: ...
