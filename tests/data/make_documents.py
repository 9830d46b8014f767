#!/usr/bin/env python3
"""Makes the images, texts and hostile documents of the render tests in a directory: make_documents.py DIR"""
import os
import struct
import sys
import zlib


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows, depth=8, colour=0, extra=b"", interlace=0):
    """rows: iterable of rows without filter octets"""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(b"\0" + row) for row in rows) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data)
            + chunk(b"IEND", b""))


def exif(orientation):
    return (b"II*\0\x08\0\0\0" + struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0))


def letter_f(width, height):
    """Rows of a grey image with a black F: its turns and mirrors all differ."""
    for y in range(height):
        row = bytearray(b"\xff" * width)
        v = y * 10 // height
        for x in range(width):
            h = x * 10 // width
            if 1 <= v <= 8 and (h == 2 or (v == 1 and 2 <= h <= 7) or (v == 4 and 2 <= h <= 5)):
                row[x] = 0
        yield bytes(row)


def gradient(width, height, channels):
    for y in range(height):
        yield b"".join(bytes([(x * 255 // width), (y * 255 // height), 128, 255][:channels])
                       for x in range(width))


def make_pngs():
    yield "f.png", png(200, 300, letter_f(200, 300))
    yield "f_wide.png", png(300, 200, letter_f(300, 200))
    for turn in range(1, 9):
        yield f"f_exif{turn}.png", png(200, 300, letter_f(200, 300), extra=chunk(b"eXIf", exif(turn)))
    yield "rgb.png", png(300, 400, gradient(300, 400, 3), colour=2)
    yield "alpha.png", png(120, 160, (b"\0\0\0\0" * 60 + b"\0\0\0\xff" * 60 for _ in range(160)),
                           colour=6)
    yield "deep.png", png(120, 160, (b"\xff\xff" * 60 + b"\0\0" * 60 for _ in range(160)), depth=16)
    yield "bilevel.png", png(1728, 1146, (b"\xff" * 108 + b"\0" * 108 for _ in range(1146)), depth=1,
                             extra=chunk(b"pHYs", struct.pack(">IIB", 8032, 3858, 1)))
    yield "one.png", png(1, 1, [b"\0"])
    yield "tall.png", png(20, 20000, (b"\0" * 20 for _ in range(20000)))
    blank = bytes(5000)
    yield "bomb_side.png", png(40000, 40000, (blank for _ in range(40000)), depth=1)
    yield "bomb_area.png", png(30000, 4000, (bytes(3750) for _ in range(4000)), depth=1)
    whole = png(200, 300, letter_f(200, 300))
    yield "cut.png", whole[:len(whole) // 2]
    broken = bytearray(whole)
    broken[60] ^= 0x55
    yield "broken.png", bytes(broken)
    big_text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50_000_000), 9))
    yield "text_bomb.png", png(20, 30, letter_f(20, 30), extra=big_text)


# --- JPEG: a small encoder of grey images: flat blocks with the standard tables, or progressive ---

DC_COUNTS = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]


class Bits:
    def __init__(self):
        self.value, self.count, self.out = 0, 0, bytearray()

    def put(self, value, count):
        for i in range(count - 1, -1, -1):
            self.value = self.value << 1 | (value >> i & 1)
            self.count += 1
            if self.count == 8:
                self.out.append(self.value)
                if self.value == 0xFF:
                    self.out.append(0)
                self.value = self.count = 0

    def end(self):
        while self.count:
            self.put(1, 1)
        return bytes(self.out)


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def huffman(counts):
    codes, code, value = {}, 0, 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            codes[value] = (code, length)
            code += 1
            value += 1
        code <<= 1
    return codes


def jpeg_head(width, height, marker, exif_data=None, components=1):
    head = b"\xff\xd8"
    if exif_data:
        head += segment(0xE1, b"Exif\0\0" + exif_data)
    head += segment(0xDB, b"\0" + b"\x08" * 64)
    frame = struct.pack(">BHHB", 8, height, width, components)
    for i in range(components):
        frame += bytes([i + 1, 0x11, 0])
    return (head + segment(marker, frame)
            + segment(0xC4, b"\0" + bytes(DC_COUNTS) + bytes(range(12)))
            + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"))


def jpeg(width, height, grey, exif_data=None, components=1):
    """A baseline image of flat 8 × 8 blocks; grey(x, y, component): 0 to 255 of a block."""
    codes, bits, before = huffman(DC_COUNTS), Bits(), [0] * components
    for y in range((height + 7) // 8):
        for x in range((width + 7) // 8):
            for i in range(components):
                level = grey(x, y, i) - 128
                difference = level - before[i]
                before[i] = level
                size = abs(difference).bit_length()
                bits.put(*codes[size])
                bits.put(difference if difference >= 0 else difference + (1 << size) - 1, size)
                bits.put(0, 1)
    scan = bytes([components]) + b"".join(bytes([i + 1, 0]) for i in range(components)) + b"\0\x3f\0"
    return (jpeg_head(width, height, 0xC0, exif_data, components) + segment(0xDA, scan) + bits.end()
            + b"\xff\xd9")


def many_scans(width, height):
    """A progressive image of 883 scans: each bit of each coefficient comes by itself, all 0."""
    blocks, codes, bits = ((width + 7) // 8) * ((height + 7) // 8), huffman(DC_COUNTS), Bits()
    for _ in range(blocks):
        bits.put(*codes[0])
    out = jpeg_head(width, height, 0xC2) + segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\xe0")
    out += segment(0xDA, b"\1\1\0\0\0\0") + bits.end()
    bits = Bits()
    for done in range(0, blocks, 32767):  # runs of blocks without anything
        bits.put(0, 1)
        bits.put(min(blocks - done, 32767) - 16384 if blocks - done >= 16384 else 0, 14)
    empty = bits.end()
    for shift in range(13, -1, -1):
        above = 0 if shift == 13 else shift + 1
        for k in range(1, 64):
            out += segment(0xDA, bytes([1, 1, 0, k, k, above << 4 | shift])) + empty
    return out + b"\xff\xd9"


def block_f(x, y, _):
    return 0 if 3 <= y <= 34 and (4 <= x <= 7 or (y < 7 and 4 <= x <= 20) or
                                  (15 <= y <= 18 and 4 <= x <= 14)) else 255


def make_jpegs():
    yield "f.jpg", jpeg(200, 300, block_f)
    for turn in range(1, 9):
        yield f"f_exif{turn}.jpg", jpeg(200, 300, block_f, exif(turn))
    yield "photo.jpg", jpeg(1600, 1200, lambda x, y, _: (x + y) * 255 // 350)
    yield "colour.jpg", jpeg(240, 320, lambda x, y, i: (x * 8 if i == 0 else y * 6) % 256, None, 3)
    yield "inks.jpg", jpeg(240, 320, lambda x, y, i: 255 if i == 3 and x < 15 else 0, None, 4)
    whole = jpeg(200, 300, block_f)
    yield "cut.jpg", whole[:-120]
    yield "bomb.jpg", jpeg_head(40000, 40000, 0xC0) + segment(0xDA, b"\1\1\0\0\x3f\0") + b"\xff\xd9"
    yield "scans.jpg", many_scans(4000, 4000)


# --- PDF ---

def pdf(objects):
    """objects: bodies of object 1 (the catalog), 2, …"""
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def stream(data, entries=b""):
    return b"<< /Length %d %s>>\nstream\n" % (len(data), entries) + data + b"\nendstream"


def pages(boxes, content, resources=b""):
    """One page for each box (width, height in points), all with the same content."""
    kids = b" ".join(b"%d 0 R" % (4 + i) for i in range(len(boxes)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>",
               b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(boxes), kids), content]
    for width, height in boxes:
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %g %g] /Contents 3 0 R "
                       b"/Resources << %s >> >>" % (width, height, resources))
    return objects


A4, A4_WIDE, A5_WIDE = (595.28, 841.89), (841.89, 595.28), (595.28, 419.53)
CORNER = stream(b"20 w 0 0 m 0 500 l S 0 0 m 300 0 l S 100 100 80 40 re f")


def make_pdfs():
    yield "many_pages.pdf", pdf(pages([A4] * 10000, CORNER))
    yield "one_point.pdf", pdf(pages([(1, 1)], CORNER))
    yield "five_metres.pdf", pdf(pages([A4, (595, 14173)], CORNER))
    yield "mixed.pdf", pdf(pages([A4, A4_WIDE, A5_WIDE, A4_WIDE, A4_WIDE, A4], CORNER))
    packed = zlib.compress(b"0 0 m 500 800 l 500 0 l f\n" * 3_000_000, 9)
    yield "long_content.pdf", pdf(pages([A4], stream(packed, b"/Filter /FlateDecode ")))
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(bytes(40000)) for _ in range(40000)) + packer.flush()
    image = pages([A4], stream(b"595 0 0 842 0 0 cm /I Do"), b"/XObject << /I 5 0 R >>")
    image.append(stream(pixels, b"/Type /XObject /Subtype /Image /Width 40000 /Height 40000 "
                                b"/BitsPerComponent 8 /ColorSpace /DeviceGray /Filter /FlateDecode "))
    yield "big_image.pdf", pdf(image)


# --- TIFF ---

def tiff(directories, data=b"\0" * 216 * 4, width=1728, height=4, tags=(), loop=None, last=()):
    out = bytearray(b"II*\0" + struct.pack("<I", 0)) + data
    links = [4]
    for number in range(directories):
        struct.pack_into("<I", out, links[-1], len(out))
        fields = {256: (4, width), 257: (4, height), 258: (3, 1), 259: (3, 1), 262: (3, 0),
                  273: (4, 8), 277: (3, 1), 278: (4, height), 279: (4, len(data)), 296: (3, 2)}
        fields.update(dict(tags))
        if number == directories - 1:
            fields.update(dict(last))
        resolution = len(out) + 2 + 12 * (len(fields) + 2) + 4
        fields[282] = (5, resolution)
        fields[283] = (5, resolution + 8)
        out += struct.pack("<H", len(fields))
        for tag, (kind, value) in sorted(fields.items()):
            out += struct.pack("<HHII", tag, kind, 1, value)
        links.append(len(out))
        out += struct.pack("<I", 0) + struct.pack("<IIII", 204, 1, 196, 1)
    if loop is not None:
        struct.pack_into("<I", out, links[-1],
                         struct.unpack_from("<I", out, links[loop])[0])
    return bytes(out)


def make_tiffs():
    yield "directories.tif", tiff(1000)
    yield "cyclic.tif", tiff(5, loop=1)
    yield "mixed.tif", tiff(3, last=[(256, (4, 1600))])
    yield "longer.tif", tiff(3, last=[(257, (4, 2)), (278, (4, 2))])
    yield "tiled.tif", tiff(1, tags=[(322, (4, 1728)), (323, (4, 16)), (324, (4, 8)), (325, (4, 864))])
    row = b"\xff" * 20 + bytes(255)
    yield "sideways.tif", tiff(1, row * 1728, 2200, 1728)


# --- text ---

def make_texts():
    letter = ["Dear reader,", "", "a line that is long enough to be wrapped at the right margin: " * 3,
              "\ta tab,\tand another", "äöü ß € αβγ Привет", "שלום עולם", "مرحبا بالعالم"]
    yield "letter.txt", "\n".join(letter).encode()
    yield "feeds.txt", b"one\r\n\ftwo\n\n\fthree\n\f\n  \n"
    yield "endless_line.txt", b"x" * 200_000
    yield "marks.txt", b"a" + "\u0301".encode() * 50_000
    yield "control.txt", b"one\r\ntwo \x1b[31mred\n"
    yield "c1.txt", "one\n\u0085two\n".encode()
    yield "nul.txt", b"x" * 2000 + b"\0"
    yield "latin1.txt", "Grüße\n".encode("latin-1")
    yield "utf16.txt", "hello\n".encode("utf-16")
    yield "cjk.txt", "one\ntwo 中文\n".encode()
    yield "blanks.txt", b" \n\t\f\n"
    yield "many_lines.txt", b"\n" * 2_000_000 + b"end"
    yield "many_feeds.txt", b"\f" * 20_000 + b"end"
    yield "empty", b""
    yield "page.html", b"<!doctype html><p>hello"
    yield "letter.rtf", b"{\\rtf1 hello}"
    for number in range(501):
        yield f"parts/{number:03}.txt", b"page %d\n" % number


def main():
    directory = sys.argv[1]
    os.makedirs(os.path.join(directory, "parts"), exist_ok=True)
    for make in (make_pngs, make_jpegs, make_pdfs, make_tiffs, make_texts):
        for name, data in make():
            with open(os.path.join(directory, name), "wb") as file:
                file.write(data)


main()
