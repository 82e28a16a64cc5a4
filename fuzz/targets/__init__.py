"""The targets, each in a file of its own."""

from fuzz.target import Target
from fuzz.targets import (
    blocks,
    config,
    extract,
    frames,
    hlog,
    http2,
    imports,
    journal,
    messages,
    request,
    response,
    summary,
    threshold,
)

TARGETS: dict[str, Target] = {
    one.TARGET.name: one.TARGET
    for one in (response, config, threshold, summary, hlog, imports, journal, messages, frames, extract, request, blocks, http2)
}
