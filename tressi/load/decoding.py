"""What all decoders of a body's codings have in common: their bounds, and how they say that it cannot be decoded."""

from __future__ import annotations

from typing import Final

DECODED_BYTES: Final = 64 * 1024 * 1024  # of one body
PIECE_BYTES: Final = 64 * 1024


class CodingError(ValueError):
    """A body cannot be decoded; the words say why, and go on after "the body cannot be searched"."""
