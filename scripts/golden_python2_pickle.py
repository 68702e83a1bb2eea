"""Writes tests/golden/formats/cpickle.pkl.gz, byte for byte what Python 2's cPickle makes of the classic mnist.pkl.gz, small.

    python3 scripts/golden_python2_pickle.py        (checks itself with NumPy, where that is installed)

Protocol 2 as Python 2 wrote it: strings are bytes without a mark that they are (SHORT_BINSTRING below 256 of them, BINSTRING
from there on), the globals are those of NumPy 1, what was written before comes from the memo. Ten training, two
validation and three test images of 3 x 3: pixel p of image i, counted through the three splits, is (37 i + 29 p) mod 256,
kept as byte / 256; its label i mod 3. Read by tests/data_pickle.rs.
"""

import gzip
import pickle
import struct
from pathlib import Path

PATH = Path(__file__).parent.parent / "tests/golden/formats/cpickle.pkl.gz"
PARTS = [range(0, 10), range(10, 12), range(12, 15)]


class CPickle:
    def __init__(self):
        self.out, self.memo = b"\x80\x02", {}

    def put(self, key):
        self.memo[key] = len(self.memo) + 1
        self.out += b"q" + bytes([self.memo[key]])

    def once(self, key, written):
        """What was written before is got from the memo."""
        if key in self.memo:
            self.out += b"h" + bytes([self.memo[key]])
        else:
            self.out += written
            self.put(key)

    def string(self, raw):
        self.out += b"U" + bytes([len(raw)]) + raw if len(raw) < 256 else b"T" + struct.pack("<i", len(raw)) + raw

    def array(self, name, dtype, shape, raw):
        self.once("_reconstruct", b"cnumpy.core.multiarray\n_reconstruct\n")
        self.once("ndarray", b"cnumpy\nndarray\n")
        self.out += b"K\0\x85U\x01b\x87R"
        self.put(name)
        self.out += b"(K\x01" + b"".join(b"K" + bytes([size]) for size in shape) + bytes([0x84 + len(shape)])
        if dtype not in self.memo:
            self.once("dtype", b"cnumpy\ndtype\n")
            self.out += b"U\x02" + dtype + b"K\0K\x01\x87R"
            self.put(dtype)
            self.out += b"(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
        else:
            self.once(dtype, b"")
        self.out += b"\x89"
        self.string(raw)
        self.out += b"tb"


def pixel(i, p):
    return (37 * i + 29 * p) % 256


machine = CPickle()
for part in PARTS:
    images = [pixel(i, p) / 256 for i in part for p in range(9)]
    machine.array(f"images {part}", b"f4", (len(part), 9), struct.pack(f"<{len(images)}f", *images))
    machine.array(f"labels {part}", b"i8", (len(part),), struct.pack(f"<{len(part)}q", *(i % 3 for i in part)))
    machine.out += b"\x86"
    machine.put(f"pair {part}")
machine.out += b"\x87"
machine.put("all")
machine.out += b"."
with gzip.GzipFile(PATH, "wb", mtime=0) as file:
    file.write(machine.out)

try:
    import numpy  # noqa: F401
except ImportError:
    raise SystemExit("NumPy is not installed: the file was written, and not checked")
sets = pickle.loads(machine.out, encoding="latin1")
for part, (images, labels) in zip(PARTS, sets, strict=True):
    assert labels.tolist() == [i % 3 for i in part]
    assert (images * 256).tolist() == [[pixel(i, p) for p in range(9)] for i in part]
