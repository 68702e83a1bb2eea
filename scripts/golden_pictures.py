"""Writes tests/golden/pictures: small pictures in the variants that phones, scanners and drawing programs write.

    python3 scripts/golden_pictures.py        (with Pillow)

The PNGs are 8 x 8, pixel (y, x) at level 24 y + 10 x. The JPEGs are 16 high and 24 wide, six even blocks of 8 x 8, so that
decoders agree within a level or two. Read by tests/own_pictures.rs.
"""

import struct
import zlib
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).parent.parent / "tests/golden/pictures"
FOLDER.mkdir(parents=True, exist_ok=True)
LEVELS = [[24 * y + 10 * x for x in range(8)] for y in range(8)]
gray = Image.new("L", (8, 8))
gray.putdata([level for row in LEVELS for level in row])


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(bits, color, interlaced, rows, *before):
    header = struct.pack(">IIBBBBB", 8, 8, bits, color, 0, 0, interlaced)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(before) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


# Pillow writes neither of these two.
ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
passes = [bytes(LEVELS[y][left::right]) for top, left, down, right in ADAM7 for y in range(top, 8, down)]
(FOLDER / "interlaced.png").write_bytes(png(8, 0, 1, passes))
sixteen = [b"".join(struct.pack(">H", 257 * level) for level in row) for row in LEVELS]
(FOLDER / "sixteen-bit.png").write_bytes(png(16, 0, 0, sixteen))

palette = gray.convert("P")  # colour i is gray i
palette.save(FOLDER / "palette.png")
gray.convert("RGBA").save(FOLDER / "rgba.png")
bits = gray.point(lambda level: 255 * (level >= 128)).convert("1")
bits.save(FOLDER / "one-bit.png")

# Black strokes on nothing, as a drawing program exports them: what is not drawn has no colour.
drawing = Image.new("LA", (8, 8), (0, 0))
for y in range(1, 7):
    drawing.putpixel((3, y), (0, 255))
drawing.save(FOLDER / "ink-on-nothing.png")

blocks = Image.new("L", (24, 16))
for i, level in enumerate([20, 60, 100, 140, 180, 220]):
    blocks.paste(level, (i % 3 * 8, i // 3 * 8, i % 3 * 8 + 8, i // 3 * 8 + 8))
exif = Image.Exif()
exif[0x112] = 6
blocks.save(FOLDER / "orientation-6.jpg", quality=95, exif=exif)
blocks.save(FOLDER / "progressive.jpg", quality=95, progressive=True)
blocks.convert("RGB").convert("CMYK").save(FOLDER / "cmyk.jpg", quality=95)
blocks.convert("RGB").save(FOLDER / "subsampled.jpg", quality=95, subsampling=2)
blocks.convert("RGB").save(FOLDER / "rgb.jpg", quality=95, keep_rgb=True)
