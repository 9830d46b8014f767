"""Documents to fax, each like no other, and what came of them: TIFF written and read in memory."""
import collections
import os
import random
import struct
import subprocess

WIDTH = 1728
ROW = WIDTH // 8
HEADER_ROWS = 60  # where the sender draws its header line
NOISE_ROWS = 160
BLOCK = 8
NEAR_SHARE = 0.7  # of its rows that a page needs to be known; T.30 would take 85 %


def make_pages(seed, count, block=BLOCK):
    """Pages as bytes of rows, 1 is black: white, then blocks of noise, `block` equal rows each. Of eight
    they code to some 5 kB in T.6, but little in T.85; of four to some seconds in both."""
    source = random.Random(seed)
    pages = []
    for _ in range(count):
        rows = [bytes(ROW)] * HEADER_ROWS
        for _ in range(NOISE_ROWS // block):
            row = bytes((0xF0 if source.random() < 0.35 else 0) | (0x0F if source.random() < 0.35 else 0)
                        for _ in range(ROW))
            rows += [row] * block
        pages.append(b"".join(rows))
    return pages


def write_tiff(pages):
    out = bytearray(b"II*\0\0\0\0\0")
    link = 4
    for pixels in pages:
        rows = len(pixels) // ROW
        strip = len(out)
        out += pixels
        resolution = len(out)
        out += struct.pack("<IIII", 204, 1, 196, 1)
        entries = [
            (254, 4, 2), (256, 4, WIDTH), (257, 4, rows), (258, 3, 1), (259, 3, 1), (262, 3, 0),
            (266, 3, 1), (273, 4, strip), (277, 3, 1), (278, 4, rows), (279, 4, len(pixels)),
            (282, 5, resolution), (283, 5, resolution + 8), (296, 3, 2),
        ]
        if len(out) % 2:
            out.append(0)
        struct.pack_into("<I", out, link, len(out))
        out += struct.pack("<H", len(entries))
        for tag, kind, value in entries:
            out += struct.pack("<HHI", tag, kind, 1)
            out += struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value)
        link = len(out)
        out += b"\0\0\0\0"
    return bytes(out)


def _parse(data):
    pages = []
    offset = struct.unpack_from("<I", data, 4)[0]
    while offset:
        count = struct.unpack_from("<H", data, offset)[0]
        tags = {}
        for i in range(count):
            tag, kind, number = struct.unpack_from("<HHI", data, offset + 2 + 12 * i)
            size = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}.get(kind, 1)
            at = offset + 10 + 12 * i
            if size * number > 4:
                at = struct.unpack_from("<I", data, at)[0]
            if kind in (3, 4):
                tags[tag] = struct.unpack_from(f"<{number}{'H' if kind == 3 else 'I'}", data, at)
        pixels = b"".join(data[a:a + n] for a, n in zip(tags[273], tags[279]))
        if tags.get(262, (0,))[0] == 1:
            pixels = bytes(b ^ 0xFF for b in pixels)
        pages.append(pixels)
        offset = struct.unpack_from("<I", data, offset + 2 + 12 * count)[0]
    return pages


def read_tiff(data):
    """The pages of an exported TIFF as bytes of rows. Only in memory."""
    coded, plain = os.memfd_create("coded"), os.memfd_create("plain")
    try:
        os.write(coded, data)
        subprocess.run(["tiffcp", "-L", "-c", "none", "-f", "msb2lsb", f"/proc/self/fd/{coded}",
                        f"/proc/self/fd/{plain}"], check=True, capture_output=True,
                       pass_fds=(coded, plain))
        return _parse(os.pread(plain, os.fstat(plain).st_size, 0))
    finally:
        os.close(coded)
        os.close(plain)


def below_header(page):
    return page[HEADER_ROWS * ROW:]


class Index:
    """Finds a page again by its pixels: exactly, or (`near`, for calls without error correction, where
    T.30 lets a few rows be damaged) by most of its rows."""

    def __init__(self, near):
        self._exact, self._rows, self._near = {}, {}, near

    def add(self, pixels, place):
        below = below_header(pixels)
        self._exact[below] = place
        if self._near:
            for row in _distinct_rows(below):
                self._rows[row] = place

    def find(self, pixels):
        below = below_header(pixels)
        if below in self._exact or not self._near:
            return self._exact.get(below)
        votes = collections.Counter(self._rows[row] for row in _distinct_rows(below)
                                    if row in self._rows)
        place, count = votes.most_common(1)[0] if votes else (None, 0)
        return place if count >= NEAR_SHARE * NOISE_ROWS // BLOCK else None


def _distinct_rows(pixels):
    return {pixels[at:at + ROW] for at in range(0, len(pixels), ROW)} - {bytes(ROW)}
