"""Run by a test in a network namespace of its own: over loopback every packet is dropped, and a reactor is made there."""

import fcntl
import socket
import struct
import sys
import time

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
RTM_NEWQDISC, NLMSG_ERROR = 36, 2
REQUEST, ACK, REPLACE, CREATE = 1, 4, 0x100, 0x400
ROOT, KIND = 0xFFFFFFFF, 1


def raise_loopback():
    """A new namespace has it down, where a connect fails at once."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))


def drop_all():
    """What `tc qdisc replace dev lo root blackhole` does; see rtnetlink(7)."""
    name = b"blackhole\0"
    attribute = struct.pack("HH", 4 + len(name), KIND) + name + bytes(-len(name) % 4)
    body = struct.pack("BxxxiIII", 0, socket.if_nametoindex("lo"), 0, ROOT, 0) + attribute
    head = struct.pack("IHHII", 16 + len(body), RTM_NEWQDISC, REQUEST | ACK | REPLACE | CREATE, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(head + body)
        answer = netlink.recv(4096)
    kind, code = struct.unpack_from("H", answer, 4)[0], struct.unpack_from("i", answer, 16)[0]
    if kind != NLMSG_ERROR or code:
        raise OSError(-code, "no such qdisc")


raise_loopback()
drop_all()
sys.stdout.write("dropped\n")
sys.stdout.flush()
from tressi._core import Arena  # noqa: E402 - what may hang is imported when the packets are dropped
from tressi._wire import Reactor  # noqa: E402 - see above

began = time.monotonic()
Reactor(Arena(1)).close()
sys.stdout.write(f"made in {time.monotonic() - began:.3f} s\n")
