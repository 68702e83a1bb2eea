#!/usr/bin/env python3
"""Makes pictures as people would take them of MNIST's test digits, one folder a class: what `gemmnist eval --data` is for.

    python3 scripts/handwriting.py digits            # 60 of each digit; needs NumPy and Pillow
    gemmnist eval runs/001 --data digits

Each digit gets a sheet of its own: 0.6 to 6 times its size, anywhere on it; dark on light or light on dark; the paper gray,
noisy, unevenly lit, one in four ruled; saved as PNG, JPEG or PGM, gray or in colour.
"""

import argparse
import gzip
from pathlib import Path

try:
    import numpy as np
    from PIL import Image
except ModuleNotFoundError as error:
    raise SystemExit(f"{error.name} is missing: pip install numpy pillow") from None

PROJECT = Path(__file__).parent.parent


def read_idx(path, header):
    return np.frombuffer(gzip.open(path).read(), np.uint8, offset=header)


def sheet(digit, random):
    """A float array in [0, 1], the digit somewhere on it: 0 is paper, 1 ink."""
    side = max(1, round(28 * random.uniform(0.6, 6)))
    drawn = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)) / 255
    height, width = (round(side * random.uniform(1, 2.5)) for _ in range(2))
    top, left = random.integers(height - side + 1), random.integers(width - side + 1)
    ink = np.zeros((height, width))
    ink[top : top + side, left : left + side] = drawn
    if random.random() < 0.25:
        line = max(1, side // 60)
        for y in range(random.integers(side // 3 + 1), height - line, side // 3 + 2):
            ink[y : y + line] = np.maximum(ink[y : y + line], 0.25)
    return ink


def canvas(digit, random):
    """A sheet of 280 x 280, the digit 0.6 to 2 times its size anywhere on it, light on dark or dark on light."""
    side = max(1, round(28 * random.uniform(0.6, 2)))
    drawn = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC))
    top, left = random.integers(280 - side + 1, size=2)
    pixels = np.zeros((280, 280), np.uint8)
    pixels[top : top + side, left : left + side] = drawn
    return 255 - pixels if random.random() < 0.5 else pixels


def photograph(ink, random):
    """Its bytes: paper and ink of some gray, uneven light, noise; light on dark every other time."""
    paper, pen = random.uniform(170, 250), random.uniform(10, 80)
    if random.random() < 0.5:
        paper, pen = 255 - paper, 255 - pen
    y, x = np.mgrid[-0.5 : 0.5 : ink.shape[0] * 1j, -0.5 : 0.5 : ink.shape[1] * 1j]
    light = random.uniform(-30, 30) * y + random.uniform(-30, 30) * x
    noise = random.normal(0, random.uniform(0, 8), ink.shape)
    return (paper + (pen - paper) * ink + light + noise).round().clip(0, 255).astype(np.uint8)


def save(pixels, path, random):
    picture = Image.fromarray(pixels)
    if random.random() < 0.5:
        picture = picture.convert("RGB")
    match random.integers(3):
        case 0:
            picture.save(path.with_suffix(".png"))
        case 1:
            picture.save(path.with_suffix(".jpg"), quality=int(random.integers(60, 96)))
        case 2:
            picture.convert("L").save(path.with_suffix(".pgm"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder to make")
    parser.add_argument("--each", type=int, default=60, help="pictures of each digit (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of paper, places and sizes (default: 0)")
    parser.add_argument("--split", choices=["t10k", "train"], default="t10k", help="MNIST's test images or its training images (default: t10k, the test images)")
    parser.add_argument("--originals", type=Path, help="the same digits as they are go here, as PNG in a folder a digit")
    parser.add_argument("--canvas", action="store_true", help="clean PNGs of 280 x 280 instead: 0.6 to 2 times the size, anywhere, inverted every other time")
    arguments = parser.parse_args()
    for folder in filter(None, [arguments.out, arguments.originals]):
        if folder.exists():
            parser.error(f"{folder} is there already: choose another folder, or remove it")
    images = read_idx(PROJECT / f"data/mnist/{arguments.split}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28)
    labels = read_idx(PROJECT / f"data/mnist/{arguments.split}-labels-idx1-ubyte.gz", 8)
    random = np.random.default_rng(arguments.seed)
    for digit in range(10):
        folders = [arguments.out / str(digit)]
        if arguments.originals:
            folders.append(arguments.originals / str(digit))
        for folder in folders:
            folder.mkdir(parents=True)
        for number in np.flatnonzero(labels == digit)[: arguments.each]:
            if arguments.canvas:
                Image.fromarray(canvas(images[number], random)).save(folders[0] / f"{number:05}.png")
            else:
                save(photograph(sheet(images[number], random), random), folders[0] / f"{number:05}", random)
            if arguments.originals:
                Image.fromarray(images[number]).save(folders[1] / f"{number:05}.png")
    count = sum(1 for _ in arguments.out.glob("*/*"))
    print(f"{count} pictures are in {arguments.out}; to judge a network on them: gemmnist eval RUN --data {arguments.out}")


if __name__ == "__main__":
    main()
