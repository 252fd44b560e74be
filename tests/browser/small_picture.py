"""Pictures of the page in as few bytes as a palette allows: a repository keeps every picture for ever.

PNG as the W3C's specification has it (chunks, the five filters, colour types 2, 3 and 6, 8 bits); nothing else is read.
"""

import struct
import zlib
from collections import Counter

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BYTES_OF = {2: 3, 6: 4}
COLOURS = 256
ALIKE = 64
"""Squared distance of two colours that are not both wanted: so a small dot keeps its colour beside many greys."""


def with_palette(png: bytes) -> bytes:
    """The same picture, opaque and with at most 256 colours; a rarer one becomes its nearest neighbour."""
    chunks = _chunks(png)
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if depth != 8 or kind not in _BYTES_OF:
        raise ValueError("a picture of this kind is not read")
    size = _BYTES_OF[kind]
    flat = _unfiltered(zlib.decompress(chunks[b"IDAT"]), width * size, height, size)
    pixels = [flat[at : at + 3] for at in range(0, len(flat), size)]
    often = [colour for colour, _ in Counter(pixels).most_common()]
    palette = _palette(often)
    places = {colour: _nearest(colour, palette) for colour in often}
    rows = bytes(places[pixel] for pixel in pixels)
    lines = b"".join(b"\0" + rows[at : at + width] for at in range(0, len(rows), width))
    return _SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", b"".join(palette)),
            _chunk(b"IDAT", zlib.compress(lines, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _palette(often: list[bytes]) -> list[bytes]:
    """The most frequent colours that are not alike."""
    chosen: list[bytes] = []
    for colour in often:
        if len(chosen) == COLOURS:
            break
        if all(_apart(colour, other) > ALIKE for other in chosen):
            chosen.append(colour)
    return chosen


def _nearest(colour: bytes, palette: list[bytes]) -> int:
    return min(range(len(palette)), key=lambda place: _apart(colour, palette[place]))


def _apart(one: bytes, other: bytes) -> int:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 + (one[2] - other[2]) ** 2


def _chunks(png: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name = png[at + 4 : at + 8]
        found[name] = found.get(name, b"") + png[at + 8 : at + 8 + length]
        at += 12 + length
    return found


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _unfiltered(raw: bytes, stride: int, height: int, size: int) -> bytes:
    """The rows of pixels; each row begins with the filter by which it was written."""
    rows = bytearray()
    above = bytearray(stride)
    for row in range(height):
        begin = row * (stride + 1)
        line = bytearray(raw[begin + 1 : begin + 1 + stride])
        _unfilter(raw[begin], line, above, size)
        rows += line
        above = line
    return bytes(rows)


def _unfilter(kind: int, line: bytearray, above: bytearray, size: int) -> None:
    """Undo one filter in place: none, left, up, average, Paeth."""
    for x in range(len(line) if kind else 0):
        left = line[x - size] if x >= size else 0
        corner = above[x - size] if x >= size else 0
        up = above[x]
        guess = (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]
        line[x] = (line[x] + guess) & 0xFF


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    to_left, to_up, to_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner
