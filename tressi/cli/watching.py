"""The displays and streams of a run on the command line: the flags choose them, and the run reports to them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from tressi.cli.output import remark
from tressi.errors import OutputError, TressiError
from tressi.ui.terminal import watch

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from tressi.run.runner import EndpointRunner
    from tressi.ui.dashboard.watcher import Dashboard
    from tressi.ui.watcher import Watcher


def watchers_of(arguments: Namespace, runner: EndpointRunner) -> list[Watcher]:
    """Everybody whom the flags ask for. Raises TressiError for one that cannot be."""
    # Order matters. What may fail is created first, and the stream, which truncates its file, last. The dashboard stands last
    # in the result, because its `result` is called last: it waits for its browsers.
    served = [_prometheus(*arguments.prometheus)] if arguments.prometheus is not None else []
    shown = [_dashboard(arguments.dashboard, runner)] if arguments.dashboard is not None else []
    streamed = [_stream(arguments.stream)] if arguments.stream is not None else []
    quiet = arguments.quiet or (arguments.stream == "-" and sys.stdout is not None and sys.stdout.isatty())
    progress = watch(
        sys.stderr,
        no_ui=arguments.no_ui,
        quiet=quiet,
        controls=runner,
        interval_s=arguments.progress_interval,
        address=shown[0].url if shown else "",
    )
    return [progress, *streamed, *served, *shown]


def _stream(place: str) -> Watcher:
    from tressi.ui.json_lines import stream_to  # noqa: PLC0415 - only with --stream

    return stream_to(place)


def _dashboard(listen: tuple[str, int], runner: EndpointRunner) -> Dashboard:
    try:
        from tressi.ui.dashboard.watcher import Dashboard  # noqa: PLC0415 - its libraries are an extra
    except ModuleNotFoundError as error:
        library = str(error.name).partition(".")[0]  # Flask, or one that it needs
        if library == "tressi":
            raise
        raise TressiError(f"--dashboard needs {library}, which comes with the extra tressi[dashboard]") from None
    from tressi.report.formats import FORMATS  # noqa: PLC0415 - only an export and this need the formats

    return Dashboard(runner.config, runner, listen=listen, report=FORMATS.get("report.html"), say=remark)


def _prometheus(host: str, port: int) -> Watcher:
    try:
        from tressi.ui.prometheus import Prometheus  # noqa: PLC0415 - its library is an extra
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "prometheus_client":
            raise
        raise TressiError("--prometheus needs prometheus-client, which comes with the extra tressi[prometheus]") from None
    watcher = Prometheus(host, port, remark)
    remark(f"metrics for Prometheus at {watcher.url}")
    return watcher


def tell_result(watchers: Sequence[Watcher], summary: Mapping[str, Any]) -> None:
    """Tell everybody of the summary; one that cannot write keeps no other from hearing. Raises the first OutputError."""
    failures = []
    for watcher in watchers:
        try:
            watcher.result(summary)
        except OutputError as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
