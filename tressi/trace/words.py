"""Events in words: lines for a terminal, from what `shown` made of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tressi.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Shape = Mapping[str, Any]


def words_of(event: Shape) -> str:
    """One event as lines, without the last line end."""
    return _WORDS[event["event"]](event)


def _flow_began(event: Shape) -> str:
    what = "each request once" if event["flow"] is None else f"flow {event['flow']}"
    return f"{what}, with the seed {event['seed']}"


def _part_began(event: Shape) -> str:
    return f"\n{event['part']}"


def _drawn(event: Shape) -> str:
    what = f"row {event['row']:,}" if event["row"] is not None else event["value"]
    return f"  draws {event['source']}: {what}"


def _chosen(event: Shape) -> str:
    return f"  chooses {event['what']} {event['number']} of {event['of']}, of probability {event['probability']:.3g}"


def _paused(event: Shape) -> str:
    return f"  thinks for {event['seconds']:.3g} s{'' if event['waited'] else ', which is skipped'}"


def _step_began(event: Shape) -> str:
    name = "" if event["name"] is None else f"{event['name']}, "
    return f"\n  {event['place']}: {name}{event['endpointKey']}"


def _connected(event: Shape) -> str:
    tls = "" if event["tlsMs"] is None else f", TLS in {event['tlsMs']:.1f} ms"
    return f"    connected in {event['connectMs']:.1f} ms{tls}"


def _retried(event: Shape) -> str:
    if event["reason"] is None:
        return "    the server had closed the connection: once more over a new one"
    return f"    the server has not processed the request, as it says by {event['reason']}: once more"


def _sent(event: Shape) -> str:
    hop = [f"    redirect {event['hop']} is followed"] if event["hop"] else []
    return "\n".join([*hop, *_message("> ", _lines(event, event["requestLine"]), event)])


def _received(event: Shape) -> str:
    first, *others = _lines(event, event["statusLine"])
    lines = _message("< ", [f"{first} ({event['ms']:.1f} ms)", *others], event)
    trailers = event.get("trailers") or []
    lines += ["    <", *(f"    < {name}: {value}" for name, value in trailers)] if trailers else []
    return "\n".join([*lines, *([] if event["unread"] is None else [f"    {event['unread']}"])])


def _call_ended(event: Shape) -> str:
    said = "" if event["message"] is None else f", and the server says: {event['message']}"
    return f"    the call has ended with {event['status']}{said}"


def _garbled(event: Shape) -> str:
    lines = [*(event["beginning"] or "").rstrip("\n").split("\n"), *(["…"] if event["isCut"] else [])]
    return "\n".join(
        [
            *(f"    < {line}".rstrip() for line in lines),
            f"    ({event['ms']:.1f} ms) this is no response, or not all of its head",
        ]
    )


def _lines(event: Shape, first: str | None) -> list[str]:
    """The head of a message: the first line where it has one, and its fields."""
    return [*([] if first is None else [first]), *(f"{name}: {value}" for name, value in event["headers"])]


def _message(mark: str, lines: list[str], event: Shape) -> list[str]:
    if event["body"] is not None:
        lines += ["", *event["body"].rstrip("\n").split("\n")]
        lines += [f"… (of {counted(event['bodyBytes'], 'byte')})"] if event["bodyIsCut"] else []
    return [f"    {mark}{line}".rstrip() for line in lines]


def _cookie_seen(event: Shape) -> str:
    more = f"; {event['attributes']}" if event["attributes"] else ""
    return f"    cookie {event['name']}={event['value']}{more}: {event['outcome']}"


def _extracted(event: Shape) -> str:
    if event["reason"] is not None:
        return f"    extracts {event['name']} from {event['from']}: FAILED, {event['reason']}"
    return f"    extracts {event['name']} from {event['from']}: {event['value']}"


def _checked(event: Shape) -> str:
    return f"    checks {event['check']}: {'holds' if event['holds'] else 'FAILED'}, {event['words']}"


def _step_ended(event: Shape) -> str:
    if event["succeeded"]:
        return "    succeeded"
    kind = "" if event["kind"] is None else f" ({event['kind']})"
    return f"    FAILED{kind}: {event['reason']}"


def _flow_ended(event: Shape) -> str:
    made = f"{counted(event['requests'], 'request')}, {event['failed']} failed"
    if event["completed"]:
        return f"\nCOMPLETED: {made}"
    return f"\nABANDONED at {event['stoppedAt']}: {made}"


_WORDS: dict[str, Callable[[Shape], str]] = {
    "flowBegan": _flow_began,
    "partBegan": _part_began,
    "drawn": _drawn,
    "chosen": _chosen,
    "paused": _paused,
    "stepBegan": _step_began,
    "connected": _connected,
    "sent": _sent,
    "retried": _retried,
    "received": _received,
    "callEnded": _call_ended,
    "garbled": _garbled,
    "cookieSeen": _cookie_seen,
    "extracted": _extracted,
    "checked": _checked,
    "stepEnded": _step_ended,
    "flowEnded": _flow_ended,
}
