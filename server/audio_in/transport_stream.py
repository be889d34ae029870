"""MPEG transport streams that were joined: where other streams begin under the same program.

FFmpeg goes on with the streams that it found first; what comes in another codec or under another number behind a join
is never heard. A file says which streams it has in tables that are repeated all the time (ISO/IEC 13818-1, 2.4.4), and
where the tables change, another recording begins.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from server.audio_in.spliced import Readable

_SYNC = 0x47
_LAYOUTS = ((188, 0), (192, 4))
"""Bytes of a packet, and of what stands in front of it (in what cameras and Blu-ray discs write)."""
_AT_ONCE = 1 << 13
"""Packets."""
Tables = dict[int, bytes]
"""What is in the program map of each program: stream types and numbers."""


def is_transport_stream(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (400 bytes) is one."""
    return any(all(head[at : at + 1] == b"\x47" for at in (skip, skip + size)) for size, skip in _LAYOUTS)


def change_of_streams(file: Readable, start: int, check: Callable[[], None]) -> int:
    """Where behind ``start`` other streams begin, -1 where the first ones go on to the end."""
    file.seek(start)
    head = file.read(400)
    size, skip = next((size, skip) for size, skip in _LAYOUTS if head[skip] == head[skip + size] == _SYNC)
    maps: set[int] = set()
    known: Tables = {}
    at, tables = start, start  # where the last table of programs stood
    while True:
        check()
        file.seek(at)
        data = file.read(size * _AT_ONCE)
        packets = np.frombuffer(data[: len(data) // size * size], np.uint8).reshape(-1, size)[:, skip:]
        if not len(packets):
            return -1
        for row in _table_rows(packets, maps):
            packet = packets[row].tobytes()
            number = (packet[1] & 0x1F) << 8 | packet[2]
            if number == 0:
                tables = at + int(row) * size
                maps |= _program_maps(_section(packet))
                continue
            section = _section(packet)
            streams = _streams(section)
            if streams and known.setdefault(int.from_bytes(section[3:5]), streams) != streams:
                return max(tables, start + size)
        at += len(packets) * size


def _table_rows(packets: npt.NDArray[np.uint8], maps: set[int]) -> list[int]:
    """Packets in which a table begins, of programs or of a program's streams."""
    numbers = (packets[:, 1] & 0x1F).astype(np.int32) << 8 | packets[:, 2]
    begins = (packets[:, 0] == _SYNC) & (packets[:, 1] & 0x40 != 0)
    rows: list[int] = np.flatnonzero(begins & (numbers == 0)).tolist()
    found = set(maps)
    for row in rows:
        found |= _program_maps(_section(packets[row].tobytes()))
    rows += np.flatnonzero(begins & np.isin(numbers, [*found])).tolist()
    return sorted(rows)


def _section(packet: bytes) -> bytes:
    """The table that begins in a packet, behind its pointer."""
    at = 4
    if packet[3] & 0x20:
        at += 1 + packet[4]
    if not packet[3] & 0x10 or at >= len(packet):
        return b""
    section = packet[at + 1 + packet[at] :]
    length = int.from_bytes(section[1:3]) & 0xFFF
    return section[: 3 + length - 4] if 3 + length <= len(section) else b""  # its checksum is left away


def _program_maps(section: bytes) -> set[int]:
    """Under which numbers the programs' maps are sent."""
    if section[:1] != b"\0":
        return set()
    entries = (section[at : at + 4] for at in range(8, len(section) - 3, 4))
    return {int.from_bytes(entry[2:]) & 0x1FFF for entry in entries if entry[:2] != b"\0\0"}


def _streams(section: bytes) -> bytes:
    """Type and number of each stream of a program, whatever else is told of it."""
    if section[:1] != b"\x02" or len(section) < 12:
        return b""
    at, streams = 12 + (int.from_bytes(section[10:12]) & 0xFFF), b""
    while at + 5 <= len(section):
        streams += section[at : at + 3]
        at += 5 + (int.from_bytes(section[at + 3 : at + 5]) & 0xFFF)
    return streams
