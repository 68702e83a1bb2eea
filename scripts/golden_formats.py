"""Writes tests/golden/formats: one small data set as NumPy and pickle write it, in every protocol.

    python3 scripts/golden_formats.py        (with NumPy 2)

Six training, two validation and three test images of 3 x 3: pixel p of image i, counted through the three splits, is
(37 i + 29 p) mod 256, its label i mod 3. Read by tests/data_pickle.rs and tests/data_npz.rs.
"""

import gzip
import pickle
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent.parent / "tests/golden/formats"
bytes_ = np.array([[(37 * i + 29 * p) % 256 for p in range(9)] for i in range(11)], dtype=np.uint8)
labels = np.arange(11) % 3
PARTS = [slice(0, 6), slice(6, 8), slice(8, 11)]


def pairs(scale, shape=(-1, 9), dtype="<f4", label="<i8"):
    values = bytes_ if scale is None else bytes_ / scale
    values = values.astype(dtype).reshape(shape)
    # Copies: slices of one array would do as well, but a file should hold what it shows.
    return tuple((values[part].copy(), labels[part].astype(label)) for part in PARTS)


class AsPython2(pickle._Pickler):
    """Strings as Python 2 had them: bytes, in the opcodes STRING, SHORT_BINSTRING and BINSTRING."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, text):
        raw = text.encode("latin1") if isinstance(text, str) else text
        if not self.bin:
            self.write(b"S" + repr(raw)[1:].encode("ascii") + b"\n")
        elif len(raw) < 256:
            self.write(b"U" + bytes([len(raw)]) + raw)
        else:
            self.write(b"T" + len(raw).to_bytes(4, "little") + raw)
        self.memoize(text)

    dispatch[str] = dispatch[bytes] = save_string


FOLDER.mkdir(parents=True, exist_ok=True)
for protocol in range(6):
    (FOLDER / f"numpy-protocol-{protocol}.pkl").write_bytes(pickle.dumps(pairs(256), protocol))
for protocol in range(3):
    with open(FOLDER / f"python2-protocol-{protocol}.pkl", "wb") as file:
        AsPython2(file, protocol).dump(pairs(256))
with gzip.GzipFile(FOLDER / "mnist.pkl.gz", "wb", mtime=0) as file:
    file.write((FOLDER / "python2-protocol-2.pkl").read_bytes().replace(b"numpy._core", b"numpy.core"))
(FOLDER / "by-255-f8-big-endian.pkl").write_bytes(pickle.dumps(pairs(255, (-1, 3, 3), ">f8", ">i4"), 4))
(FOLDER / "lists-of-bytes.pkl").write_bytes(pickle.dumps([list(p) for p in pairs(None, (-1, 3, 3), "u1", "u1")], 2))
x, y = zip(*pairs(None, (-1, 3, 3), "u1", "u1"))
KERAS = {"x_train": x[0], "y_train": y[0], "x_test": x[2], "y_test": y[2]}
np.savez(FOLDER / "stored.npz", **KERAS)
np.savez_compressed(FOLDER / "deflated.npz", **KERAS)
np.savez_compressed(
    FOLDER / "validation-i8.npz", **{**KERAS, "y_train": y[0].astype("<i8"), "x_val": x[1], "y_val": y[1].astype(">i2")}
)

# Pictures, with Pillow: a gray and a coloured JPEG of 8 x 8, nearly even, so that decoders agree within a level or two.
try:
    from PIL import Image
except ImportError:
    raise SystemExit("Pillow is not installed: the two JPEGs were left as they are")
Image.new("L", (8, 8), 200).save(FOLDER / "gray-200.jpg", quality=95)
Image.new("RGB", (8, 8), (200, 100, 50)).save(FOLDER / "luma-124.jpg", quality=95)
