"""The works that are compared: what is trained, and on how many images."""

from dataclasses import dataclass

ALL_IMAGES = 60_000


@dataclass(frozen=True)
class Work:
    key: str
    layers: tuple
    batch: int
    optimizer: str
    rate: float
    # Fewer than all where an epoch of the slow ones would take minutes. The first of the file, for everybody.
    images: int = ALL_IMAGES

    @property
    def title(self):
        name = f"{'-'.join(map(str, self.layers))} ReLU, {self.optimizer} {self.rate}, batch {self.batch}"
        part = self.images / ALL_IMAGES
        return name if part == 1 else f"{name}, {self.images:,} images ({part:.1%} of an epoch)"

    def arguments(self):
        """As every peer takes them."""
        return [",".join(map(str, self.layers)), str(self.batch), self.optimizer, str(self.rate), str(self.images)]

    def options(self):
        """As gemmnist takes them."""
        return [
            "--hidden", ",".join(map(str, self.layers[1:-1])), "--activation", "relu", "--batch", str(self.batch),
            "--optimizer", self.optimizer, "--lr", str(self.rate), "--init", "he",
        ]  # fmt: skip


WORKS = {
    work.key: work
    for work in [
        Work("a", (784, 128, 10), 10, "sgd", 0.1),
        Work("a1", (784, 128, 10), 1, "sgd", 0.01, images=12_000),
        Work("b", (784, 100, 100, 10), 100, "adam", 0.001),
        Work("c", (784, 800, 800, 10), 128, "sgd", 0.1),
        # Ten steps: 12 million weights.
        Work("d", (784, 2500, 2000, 1500, 1000, 500, 10), 256, "sgd", 0.01, images=2_560),
    ]
}
