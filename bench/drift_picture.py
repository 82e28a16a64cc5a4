"""The picture of a drift: one target that slows, measured one side after the other and in turn, as SVG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def drift_picture(p99: Sequence[float], drift: float) -> str:
    """The picture of blocks in the order of their time, `p99` each in milliseconds, of a target that slows by `drift`."""
    after = [place >= len(p99) // 2 for place in range(len(p99))]
    in_turn = [(place // 2 + place) % 2 == 1 for place in range(len(p99))]
    low, high = 0.9 * min(p99), 1.05 * max(p99)
    panels = [
        _panel(20, "One after the other", p99, after, (low, high)),
        _panel(390, "In turn, within one run", p99, in_turn, (low, high)),
    ]
    words = (
        f"One target that slows by {100 * drift:.0f} %, measured as A and B: one after the other B seems slower, in turn not."
    )
    style = (
        "text{font:13px system-ui,sans-serif;fill:#1b1f24}.m{fill:#59636e;font-size:12px}.a{fill:#1f6fd6}.b{fill:#b9480e}"
        ".la{stroke:#1f6fd6}.lb{stroke:#b9480e}line{stroke-width:2}.x{stroke:#818b96;stroke-width:1}"
        "@media(prefers-color-scheme:dark){text{fill:#e6e9ed}.m{fill:#9aa4af}.a{fill:#6ea8f7}.b{fill:#f0934f}.la{stroke:#6ea8f7}"
        ".lb{stroke:#f0934f}}"
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 740 270" role="img" aria-label="{words}"><style>{style}</style>'
    )
    return "\n".join([head, *panels, "</svg>", ""])


def _panel(left: int, title: str, p99: Sequence[float], is_after: Sequence[bool], span: tuple[float, float]) -> str:
    """One half of the picture: a point a block, and the mean of either side."""

    def y(value: float) -> float:
        return round(220 - 170 * (value - span[0]) / (span[1] - span[0]), 1)

    parts = [f'<text x="{left}" y="20">{title}</text>', f'<line class="x" x1="{left}" x2="{left + 330}" y1="224" y2="224"/>']
    for place, (value, after) in enumerate(zip(p99, is_after, strict=True)):
        side = "b" if after else "a"
        parts.append(f'<circle class="{side}" cx="{left + 8 + 8 * place}" cy="{y(value)}" r="3"/>')
    means = [
        sum(one for one, after in zip(p99, is_after, strict=True) if after is side) / max(1, is_after.count(side))
        for side in (False, True)
    ]
    for side, mean in zip("ab", means, strict=True):
        parts.append(
            f'<line class="l{side}" x1="{left}" x2="{left + 330}" y1="{y(mean)}" y2="{y(mean)}" stroke-dasharray="5 3"/>'
        )
        parts.append(f'<text class="{side}" x="{left + 334}" y="{y(mean) + (14 if side == "a" else -4)}">{side.upper()}</text>')
    change = f"B by A: {100 * (means[1] / means[0] - 1):+.1f} %".replace("-", "\u2212")
    return "\n".join([*parts, f'<text class="m" x="{left}" y="246">time →  p99 of each block; {change}</text>'])
