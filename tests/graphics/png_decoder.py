"""A plain PNG reader for the tests: 1 to 8 bits, grey, palette and RGB, all five filters, not interlaced."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kinds and contents, in order; the CRCs are checked."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    out, at = [], 8
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert struct.unpack(">I", data[at + 8 + size : at + 12 + size])[0] == zlib.crc32(kind + body)
        out.append((kind, body))
        at += 12 + size
    assert out[0][0] == b"IHDR"
    assert out[-1] == (b"IEND", b"")
    return out


def decode(data: bytes) -> NDArray[np.uint8]:
    """(H, W, 4) RGBA."""
    parts = dict(chunks(data))
    width, height, bits, colour, *rest = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert rest == [0, 0, 0]
    channels = {0: 1, 2: 3, 3: 1}[colour]
    raw = zlib.decompress(parts[b"IDAT"])
    stride = -(-width * bits * channels // 8)
    assert len(raw) == height * (stride + 1)
    rows = _unfiltered(raw, height, stride, max(1, bits * channels // 8))
    out = np.full((height, width, 4), 255, np.uint8)
    if colour == 2:
        out[..., :3] = rows.reshape(height, width, 3)
        return out
    values = np.unpackbits(rows, axis=1).reshape(height, -1, bits)
    values = (values * (1 << np.arange(bits)[::-1])).sum(2)[:, :width]
    if colour == 0:
        out[..., :3] = values[..., None]
        return out
    table = np.full((256, 4), 255, np.uint8)
    palette = np.frombuffer(parts[b"PLTE"], np.uint8).reshape(-1, 3)
    assert values.max() < len(palette)
    table[: len(palette), :3] = palette
    alpha = np.frombuffer(parts.get(b"tRNS", b""), np.uint8)
    table[: len(alpha), 3] = alpha
    return table[values]


def _unfiltered(raw: bytes, height: int, stride: int, step: int) -> NDArray[np.uint8]:
    out = np.zeros((height, stride), np.uint8)
    previous = [0] * stride
    for y in range(height):
        kind, *row = raw[y * (stride + 1) : (y + 1) * (stride + 1)]
        for x in range(stride if kind else 0):
            a = row[x - step] if x >= step else 0
            b, c = previous[x], previous[x - step] if x >= step else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            row[x] = (row[x] + (0, a, b, (a + b) // 2, nearest)[kind]) & 255
        out[y] = row
        previous = row
    return out
