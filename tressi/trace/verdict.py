"""Whether a response is what its step expects, and why not, in the words and the order of the reactor (`wire/success.pxd`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tressi.load.expected import lacking_words, status_words
from tressi.trace.events import Checked
from tressi.vocabulary import GRPC_STATUSES, is_failed_status, status_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tressi.load.planned import PlannedEndpoint, PlannedField

REASON_BYTES: Final = 111  # that a run keeps of a reason
_SHOWN_BYTES: Final = 30  # of a field's value, in a reason


@dataclass(frozen=True, slots=True)
class Met:
    """What a response was, as far as it is checked.

    `found`: its body has the text that it must have; `unread`: why the body could not be decoded; `refused`: why its judge
    refuses it. `fields` are the values of those that are checked.
    """

    status: int
    found: bool
    unread: str | None
    refused: str | None
    fields: Mapping[bytes, Sequence[bytes]]
    body_bytes: int


def checks_of(endpoint: PlannedEndpoint, met: Met) -> list[Checked]:
    """Everything that is asked of the response, in the order in which the first that fails is the reason."""
    statuses = endpoint.statuses
    is_success = not is_failed_status(met.status) if statuses is None else met.status in statuses
    wanted = GRPC_STATUSES[0] if endpoint.is_grpc and statuses is None else status_words(statuses)
    checks = [Checked("status", is_success, f"status {status_name(met.status)}, expected {wanted}")]
    if endpoint.body_contains is not None:
        lacking = met.unread or lacking_words(endpoint.body_contains) or ""
        contains = lacking_words(endpoint.body_contains) or ""
        checks.append(Checked("bodyContains", met.found, contains.replace("lacks", "contains", 1) if met.found else lacking))
    checks += [_field(field, met.fields.get(field.name, ())) for field in endpoint.fields]
    if endpoint.max_body_bytes is not None:
        words = f"the body has {met.body_bytes} bytes, expected at most {endpoint.max_body_bytes}"
        checks.append(Checked("maxBodyBytes", met.body_bytes <= endpoint.max_body_bytes, words))
    if endpoint.has_judge and met.found:
        names = [
            name for name, is_there in (("json", endpoint.json), ("bodyMatches", endpoint.body_matches)) if is_there is not None
        ]
        checks.append(Checked(" and ".join(names), met.refused is None, met.refused or "the body is what it must be"))
    return checks


def kind_of(endpoint: PlannedEndpoint) -> str | None:
    """Of what kind of error a response is that is not as expected: without an `expect` its status says enough."""
    expects = endpoint.statuses is not None or endpoint.body_contains is not None or endpoint.has_further
    return "expectation" if expects else None


def kept_of(reason: str) -> str:
    """As much of a reason as a run keeps."""
    return reason.encode()[:REASON_BYTES].decode("utf-8", "replace")


def _field(field: PlannedField, values: Sequence[bytes]) -> Checked:
    name = f"header {field.name.decode('latin-1')}"
    if any(_is_met(field, value) for value in values):
        return Checked(name, holds=True, words=f"the {name} is what it must be")
    if not values:
        return Checked(name, holds=False, words=field.missing.decode())
    if field.before is None:
        return Checked(name, holds=False, words=field.behind.decode())
    shown = "".join(chr(byte) if 0x20 <= byte <= 0x7E else "?" for byte in values[-1][:_SHOWN_BYTES])  # noqa: PLR2004 - ASCII
    return Checked(name, holds=False, words=f"{field.before.decode()}{shown}{field.behind.decode()}")


def _is_met(field: PlannedField, value: bytes) -> bool:
    """Whether a value is one that the field may have; an expected one without parameters is met with any."""
    bare = value.partition(b";")[0].rstrip(b" \t")
    return any(wanted == value or (b";" not in wanted and wanted == bare) for wanted in field.values)
