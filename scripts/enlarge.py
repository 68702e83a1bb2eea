#!/usr/bin/env python3
"""Makes a large data set of a small one: raw IDX files of as many training images as asked for.

    scripts/enlarge.py 8000000 data/mnist8m                 6.3 GB of MNIST's 60,000 images, moved by up to 3 pixels
    scripts/enlarge.py 480000 data/mnist480k --from data/fashion-mnist
    scripts/enlarge.py 8000000 data/mnist8m --move 0        the same images again and again: what an image costs of many

Round r of the images is moved by the r-th of 49 places (of one, with --move 0): as all of MNIST's ink keeps 4 pixels from the border, moving all bytes of
the file moves every image. A batch of images that are moved differently has more pixels that are not zero in all of them (of ten of
MNIST's, 455 of 784, not 383), so more to learn from. The test files are copied as they are. Needs nothing but Python.
"""

import argparse
import gzip
import os
import pathlib
import struct
import sys

IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
FEWEST_EMPTY = 4


def content(folder: pathlib.Path, name: str, dims: int) -> tuple[tuple[int, ...], bytes]:
    """Sizes and bytes of the IDX file `name` in `folder`, packed or not."""
    path = next((path for path in (folder / name, folder / f"{name}.gz") if path.exists()), None)
    if path is None:
        sys.exit(f"{folder / name}: expected the file, or one that ends with .gz, found neither (scripts/fetch-data.sh brings it)")
    data = path.read_bytes()
    data = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    start = 4 + 4 * dims
    if len(data) < start or data[:4] != bytes([0, 0, 8, dims]):
        sys.exit(f"{path}: expected an IDX file of {dims} dimensions, found {data[:4].hex(' ')}")
    return struct.unpack(f">{dims}I", data[4:start]), data[start:]


def write(path: pathlib.Path, sizes: tuple[int, ...], parts) -> None:
    """An IDX file of `parts`, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(bytes([0, 0, 8, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes))
            for part in parts:
                file.write(part)
            os.fsync(file.fileno())
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)


def moved(pixels: bytes, width: int, count: int, most: int):
    """The bytes of all images again and again, `count` bytes in all, each round moved by another few pixels, at most `most`."""
    steps = range(-most, most + 1)
    places = sorted(((dy, dx) for dy in steps for dx in steps), key=lambda place: (place != (0, 0), place))
    written, turn = 0, 0
    while written < count:
        dy, dx = places[turn % len(places)]
        cut = -(dy * width + dx) % len(pixels)
        part = (pixels[cut:] + pixels[:cut])[: count - written]
        yield part
        written, turn = written + len(part), turn + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int, help="training images, 1 to 2147483648")
    parser.add_argument("out", type=pathlib.Path, help="folder to make")
    parser.add_argument("--from", dest="source", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "data/mnist",
                        help="folder to take")
    parser.add_argument("--move", type=int, default=3, metavar="PIXELS", help=f"at most so far, 0 to {FEWEST_EMPTY} (default: 3)")
    args = parser.parse_args()
    if not 1 <= args.count <= 1 << 31:
        parser.error(f"count: expected 1 to 2147483648, found {args.count}")
    if not 0 <= args.move <= FEWEST_EMPTY:
        parser.error(f"--move: expected 0 to {FEWEST_EMPTY}, the pixels from MNIST's ink to the border, found {args.move}")
    (images, height, width), pixels = content(args.source, f"train-{IMAGES}", 3)
    (_,), labels = content(args.source, f"train-{LABELS}", 1)
    rounds = -(-args.count // images)
    needed = args.count * (height * width + 1)
    args.out.mkdir(parents=True)
    room = os.statvfs(args.out)
    if needed > room.f_bavail * room.f_frsize:
        args.out.rmdir()
        sys.exit(f"{args.out}: expected room for {needed} bytes, found {room.f_bavail * room.f_frsize} (ask for fewer images)")
    write(args.out / f"train-{IMAGES}", (args.count, height, width), moved(pixels, width, args.count * height * width, args.move))
    write(args.out / f"train-{LABELS}", (args.count,), [(labels * rounds)[: args.count]])
    for name, dims in ((f"t10k-{IMAGES}", 3), (f"t10k-{LABELS}", 1)):
        sizes, data = content(args.source, name, dims)
        write(args.out / name, sizes, [data])


if __name__ == "__main__":
    main()
