"""The version, on the lowest floor: results name it, and the package's top repeats it."""

from __future__ import annotations

__version__ = "0.1.0"
