"""Names of hosts beyond ASCII, as browsers write them on the wire: UTS 46, non-transitional, every label in Punycode.

Python's own codec speaks IDNA 2003, which makes `strasse.de` of `straße.de`: another name, and another owner's host. UTS 46
maps letters to their small forms and characters to their canonical ones, and keeps the four characters that IDNA 2003 lost
(ß, ς and the two joiners). It takes more characters than IDNA 2008 does, because names with them are in use; emoji are
some. What it asks of each label beyond that (the order of directions, the places of joiners) is checked here.
"""

from __future__ import annotations

_PREFIX = "xn--"
_JOINERS = "\u200c\u200d"


def ascii_host(host: str) -> str:
    """The name as DNS, TLS and the Host field carry it; one in ASCII stays as it is. Raises UnicodeError."""
    if host.isascii():
        return host
    from idna import uts46_remap  # noqa: PLC0415 - its tables cost 20 ms of the start, and most configs need none

    return ".".join(map(_ascii_label, uts46_remap(host, std3_rules=False).split(".")))


def _ascii_label(label: str) -> str:
    from idna import check_bidi, check_initial_combiner, valid_contextj  # noqa: PLC0415 - see above

    if label.isascii():
        return label
    check_initial_combiner(label)
    check_bidi(label)
    if label.startswith(_PREFIX) or not all(valid_contextj(label, at) for at, sign in enumerate(label) if sign in _JOINERS):
        raise UnicodeError(f"{label!r} is no label of a host")
    return f"{_PREFIX}{label.encode('punycode').decode('ascii')}"
