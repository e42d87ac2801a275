"""Imported by every Python process that has this folder on its path: notes whom it tries to reach.

Each attempt beyond this machine becomes a line in the file that ``SOCKET_GUARD_RECORD`` names, and fails.
"""

import ipaddress
import os
import sys
from pathlib import Path

EVENTS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
    "socket.gethostbyaddr": 0,
    "socket.getnameinfo": 0,
}


def watch(event: str, arguments: tuple[object, ...]) -> None:
    if event in EVENTS and not is_here(arguments[EVENTS[event]]):
        with Path(os.environ["SOCKET_GUARD_RECORD"]).open("a", encoding="utf-8") as record:
            record.write(f"{event} {arguments[EVENTS[event]]!r}\n")
        raise PermissionError("no connection beyond this machine")


def is_here(address: object) -> bool:
    """Whether an address, or a pair that begins with one, is loopback, a socket file, or no address at all."""
    if not isinstance(address, tuple):
        return address is None or isinstance(address, bytes) or str(address).startswith("/") or is_loopback(address)
    return is_loopback(address[0])


def is_loopback(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name in ("", "None", "localhost")


sys.addaudithook(watch)
