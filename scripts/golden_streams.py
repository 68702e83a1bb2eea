#!/usr/bin/env python3
"""Prints the values that src/seed.rs's tests expect, from a second implementation of its streams.

    python3 scripts/golden_streams.py
"""

import math
import struct

MASK = (1 << 64) - 1


def split_mix(state):
    state = (state + 0x9E3779B97F4A7C15) & MASK
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return state, z ^ (z >> 31)


def fnv1a(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


class Stream:
    """xoshiro256++, its state filled from the key (seed, purpose, index)."""

    def __init__(self, seed, purpose, index):
        state = seed
        for word in (fnv1a(purpose), index):
            _, mixed = split_mix(state)
            state = mixed ^ word
        self.state = []
        for _ in range(4):
            state, value = split_mix(state)
            self.state.append(value)

    def next(self):
        def rotate(x, k):
            return ((x << k) | (x >> (64 - k))) & MASK

        s = self.state
        result = (rotate((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)
        return result

    def unit(self):
        return (self.next() >> 11) * 2.0**-53

    def below(self, bound):
        rejected_below = (2**32 - bound) % bound
        while True:
            product = (self.next() >> 32) * bound
            if product & 0xFFFFFFFF >= rejected_below:
                return product >> 32

    def normal(self):
        while True:
            u, v = 2 * self.unit() - 1, 2 * self.unit() - 1
            square = u * u + v * v
            if 0 < square < 1:
                return u * math.sqrt(-2 * math.log(square) / square)


def shuffled(seed, epoch, images):
    order, stream = list(range(images)), Stream(seed, "shuffle", epoch)
    for last in range(images - 1, 0, -1):
        other = stream.below(last + 1)
        order[last], order[other] = order[other], order[last]
    return order


print("first values:", [Stream(1, *key).next() for key in (("init", 0), ("init", 1), ("shuffle", 1))])
print("order:", shuffled(1, 1, 8))
stream = Stream(1, "init", 0)
values = stream.normal(), stream.unit()
print("normal, unit:", [hex(struct.unpack("<Q", struct.pack("<d", value))[0]) for value in values])
