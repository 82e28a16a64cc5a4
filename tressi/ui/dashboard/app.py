"""The routes of the dashboard. They hold no state: what is shown is the board's, what is done the run's.

Commands are POST requests with a JSON object; `guard` has checked by then that they may come at all.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import flask
import orjson
from werkzeug.exceptions import BadRequest, HTTPException, NotFound

from tressi.errors import ConfigError, TressiError
from tressi.log import log_failure
from tressi.page.assets import asset, charts_script, environment, plotly_script, policy, stand_ins

if TYPE_CHECKING:
    from collections.abc import Callable

    from tressi.site.feed import Feed
    from tressi.ui.dashboard.board import Board
    from tressi.ui.watcher import Controls

EXTRA: Final = "dashboard"
BODY_LIMIT: Final = 1 << 16
LOADS_S: Final = 30.0  # the longest that a browser on a busy machine takes from a script to its first question
_NUMBER_DIGITS: Final = 18
_JSON: Final = "application/json"
_SCRIPT, _STYLE = "text/javascript", "text/css"
_HERE: Final = "tressi.ui.dashboard"
_MODULES: Final = (
    *("dashboard.js", "cards.js", "chosen.js", "details.js", "endpoint_table.js", "flows.js", "format.js", "nodes.js"),
    *("notes.js", "seconds.js", "server.js", "target_form.js", "thresholds.js", "time_charts.js", "verdict.js"),
)
# Each script and style by its name in the page's addresses.
ASSETS: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    "plotly.js": (_SCRIPT, lambda: plotly_script(EXTRA)),
    "charts.js": (_SCRIPT, charts_script),
    "style.css": (_STYLE, lambda: asset("style.css")),
    "dashboard.css": (_STYLE, lambda: asset("dashboard.css", _HERE)),
    **{name: (_SCRIPT, partial(asset, name, _HERE)) for name in _MODULES},
}


@dataclass(frozen=True, slots=True)
class Run:
    """What a run's pages are made of: `report` gives the report once there is one, `leave` ends the dashboard."""

    board: Board
    feed: Feed
    controls: Controls
    report: Callable[[], bytes | None]
    leave: Callable[[], object]


def make_app(run: Run) -> flask.Flask:
    """The pages of one run, from `/` on."""
    app = flask.Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY_LIMIT
    app.register_error_handler(Exception, _failed)
    app.register_blueprint(pages(run))
    app.register_blueprint(commands(run))
    return app


def _page(document: str | bytes, allowed: str) -> flask.Response:
    """A document under a policy that says what it may do; nobody may frame it."""
    answer = flask.Response(document, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = f"{allowed}; frame-ancestors 'none'"
    return answer


def _asset(name: str) -> flask.Response:
    """A script or style by its name."""
    if name not in ASSETS:
        raise NotFound(f"there is no {name!r} here")
    kind, text = ASSETS[name]
    return flask.Response(text(), content_type=f"{kind}; charset=utf-8")


def pages(run: Run) -> flask.Blueprint:
    """What is read."""
    blueprint = flask.Blueprint("pages", __name__)
    # Whatever is missing is found out now, not when the first browser comes.
    template, stands = environment(_HERE, extra=EXTRA).get_template("dashboard.html"), stand_ins(EXTRA)

    @blueprint.get("/")
    def page() -> flask.Response:
        nonce = secrets.token_urlsafe(16)
        own = f"'nonce-{nonce}'"
        return _page(template.render(nonce=nonce, stand_ins=stands), policy(scripts=own, styles=own, connect="'self'"))

    @blueprint.get("/assets/<name>")
    def script_or_style(name: str) -> flask.Response:
        answer = _asset(name)
        # A program that asks for the page alone is no browser that will listen.
        run.feed.expect(LOADS_S)
        return answer

    @blueprint.get("/events")
    def events() -> flask.Response:
        last = _number(flask.request.headers.get("Last-Event-ID", ""))
        return flask.Response(run.feed.listen(last), content_type="text/event-stream")

    @blueprint.get("/config")
    def config() -> flask.Response:
        return flask.Response(run.board.config(), content_type=_JSON)

    @blueprint.get("/past")
    @blueprint.get("/past/<int:number>")
    def past(number: int | None = None) -> flask.Response:
        try:
            return flask.Response(orjson.dumps(run.board.columns(number)), content_type=_JSON)
        except IndexError:
            raise NotFound(f"the run has no endpoint {number}") from None

    @blueprint.get("/report")
    def report() -> flask.Response:
        made = run.report()
        if made is None:
            raise NotFound("there is no report yet: it is made when the run is over")
        # What may run in it, the report says itself: it is a file that has to be safe without us too.
        return _page(made, "base-uri 'none'; form-action 'none'")

    return blueprint


def commands(run: Run) -> flask.Blueprint:
    """What is asked of the run."""
    blueprint = flask.Blueprint("commands", __name__)

    @blueprint.post("/target")
    def target() -> dict[str, Any]:
        given = _body()
        endpoint, rps = given.get("endpointKey"), given.get("targetRps")
        if not isinstance(endpoint, str):
            raise BadRequest(f"endpointKey: {endpoint!r} is neither the key nor the name of an endpoint")
        if isinstance(rps, bool) or not isinstance(rps, (int, float)):
            raise BadRequest(f"targetRps: {rps!r} is not a number")
        run.controls.set_target(endpoint, float(rps))
        return {}

    actions: dict[str, Callable[[], object]] = {
        "pause": run.controls.pause,
        "resume": run.controls.resume,
        "stop": run.controls.stop,
        "leave": run.leave,
    }

    @blueprint.post("/<any(pause, resume, stop, leave):action>")
    def act(action: str) -> dict[str, Any]:
        _body()
        actions[action]()
        return {}

    return blueprint


def _number(text: str) -> int | None:
    """The number that a text is; None where it is none, or one longer than any that we give (Python limits those it reads)."""
    return int(text) if text.isdecimal() and len(text) <= _NUMBER_DIGITS else None


def _body() -> dict[str, Any]:
    """The object that a command comes with. Its content type is one that no form of another site can send."""
    if flask.request.mimetype != _JSON:
        raise BadRequest(f"a command is a JSON object, its content type {_JSON}")
    try:
        given = orjson.loads(flask.request.get_data())
    except orjson.JSONDecodeError as failure:
        raise BadRequest(f"a command is a JSON object: {failure}") from None
    if not isinstance(given, dict):
        raise BadRequest("a command is a JSON object")
    return given


def _failed(failure: Exception) -> tuple[dict[str, str], int]:
    """What went wrong, as a sentence: the client's fault, a run that is over, or ours."""
    if isinstance(failure, HTTPException):
        return {"error": failure.description or failure.name}, failure.code or 500
    if isinstance(failure, TressiError):
        return {"error": str(failure)}, 400 if isinstance(failure, ConfigError) else 409
    log_failure("the dashboard failed", failure, path=flask.request.path)
    return {"error": "the dashboard failed: its log says why"}, 500
