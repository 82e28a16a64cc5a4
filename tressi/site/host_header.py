"""Whether the `Host` of a request is a name under which this server is known, and not one of a stranger.

A page of any site can have its own name resolve to an address of this machine or of its network (DNS rebinding). A browser
then takes what the server says for the site's own and shows it to the page. It does send the site's name as `Host`, so a
server that answers only to names that no site can have is out of reach.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from socket import gethostname
from typing import Final

_HOST: Final = re.compile(r"(?:\[(?P<bracketed>[^\[\]]*)\]|(?P<plain>[^\[\]:/?#@\s]*))(?::[0-9]*)?")


def host_name(header: str) -> str:
    """A `Host` without its port, in lower case; "" where it is none."""
    found = _HOST.fullmatch(header)
    return (found["bracketed"] or found["plain"] or "").lower() if found else ""


def is_of_this_machine(header: str, listens_at: str) -> bool:
    """Whether a `Host` names loopback, or the address at which this server listens."""
    name = host_name(header)
    return name == "localhost" or is_loopback(name) or (name != "" and name == listens_at.lower())


def is_no_site(header: str, listens_at: str) -> bool:
    """Whether a `Host` is a name that no site on the internet can have.

    Where a server listens on loopback only, those are the names of loopback. Elsewhere they are addresses, the name of this
    machine, and names of one part, which a network gives to its own machines (`prometheus`, `ci-runner`).
    """
    if is_of_this_machine(header, listens_at):
        return True
    name = host_name(header)
    if is_loopback(listens_at) or not name:
        return False
    return _is_address(name) or "." not in name or name == gethostname().lower()


def is_loopback(address: str) -> bool:
    """Whether it is an address, and one that only this machine can reach."""
    return _is_address(address) and ip_address(address).is_loopback


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
