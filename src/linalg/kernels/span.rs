//! Some numbers of a row by whole vectors, the last of which may be used in part: the columns of a tile, the elements of an update.
#![allow(clippy::needless_range_loop, reason = "loops of constant length, which the compiler unrolls")]

use super::Vector;

/// Some vectors from column `start` on, of the last of them the lanes that `last` tells.
#[derive(Clone, Copy)]
pub struct Span<L> {
    pub start: usize,
    pub last: L,
}

/// The last vector of a span: which of its lanes belong to it.
pub trait Last: Copy {
    /// All of them.
    const IS_WHOLE: bool = false;

    /// How many.
    fn lanes<V: Vector>(self) -> usize;

    /// Loads so many numbers from the beginning of `values`; zeros in the other lanes.
    fn load<V: Vector>(self, values: &[f32]) -> V;

    /// Overwrites so many numbers from the beginning of `values`.
    fn store<V: Vector>(self, vector: V, values: &mut [f32]);

    /// `a·b + c` in these lanes; what the others have after it is unspecified.
    #[inline(always)]
    fn multiply_add<V: Vector>(a: V, b: V, c: V) -> V {
        a.multiply_add(b, c)
    }
}

/// All lanes.
#[derive(Clone, Copy)]
pub struct Whole;

impl Last for Whole {
    const IS_WHOLE: bool = true;

    #[inline(always)]
    fn lanes<V: Vector>(self) -> usize {
        V::LANES
    }

    #[inline(always)]
    fn load<V: Vector>(self, values: &[f32]) -> V {
        V::load(values)
    }

    #[inline(always)]
    fn store<V: Vector>(self, vector: V, values: &mut [f32]) {
        vector.store(values);
    }
}

/// So many lanes; `IN_HALF` if half of a vector has as many.
#[derive(Clone, Copy)]
pub struct Part<const IN_HALF: bool>(pub usize);

impl<const IN_HALF: bool> Last for Part<IN_HALF> {
    #[inline(always)]
    fn lanes<V: Vector>(self) -> usize {
        self.0
    }

    #[inline(always)]
    fn load<V: Vector>(self, values: &[f32]) -> V {
        if IN_HALF { V::load_first_of_half(self.0, values) } else { V::load_first(self.0, values) }
    }

    #[inline(always)]
    fn store<V: Vector>(self, vector: V, values: &mut [f32]) {
        vector.store_first(self.0, values);
    }

    #[inline(always)]
    fn multiply_add<V: Vector>(a: V, b: V, c: V) -> V {
        if IN_HALF { a.multiply_add_half(b, c) } else { a.multiply_add(b, c) }
    }
}

/// `N` is the number of its vectors.
impl<L: Last> Span<L> {
    /// From its first column to its last.
    #[inline(always)]
    pub fn width<V: Vector, const N: usize>(self) -> usize {
        (N - 1) * V::LANES + self.last.lanes::<V>()
    }

    /// Its vectors in `row`.
    #[inline(always)]
    pub fn load<V: Vector, const N: usize>(self, row: &[f32]) -> [V; N] {
        let (mut vectors, lying) = ([V::splat(0.0); N], self.split::<V, N>(row));
        for n in 0..N {
            vectors[n] = self.load_nth::<V, N>(n, lying);
        }
        vectors
    }

    /// What [`Self::load_nth`] takes of `row`: the whole vectors and the last lanes, so that there is one check of the length.
    #[inline(always)]
    pub fn split<V: Vector, const N: usize>(self, row: &[f32]) -> (&[f32], &[f32]) {
        row[self.start..].split_at(Self::whole::<N>() * V::LANES)
    }

    /// Its `n`-th vector.
    #[inline(always)]
    pub fn load_nth<V: Vector, const N: usize>(self, n: usize, (values, rest): (&[f32], &[f32])) -> V {
        if n < Self::whole::<N>() { V::load(&values[n * V::LANES..]) } else { self.last.load(rest) }
    }

    /// Overwrites its columns in `row`.
    #[inline(always)]
    pub fn store<V: Vector, const N: usize>(self, vectors: [V; N], row: &mut [f32]) {
        let (values, rest) = row[self.start..].split_at_mut(Self::whole::<N>() * V::LANES);
        for n in 0..N {
            if n < Self::whole::<N>() {
                vectors[n].store(&mut values[n * V::LANES..]);
            } else {
                self.last.store(vectors[n], rest);
            }
        }
    }

    /// `a·b + c` of its `n`-th vectors, in the lanes that belong to it.
    #[inline(always)]
    pub fn multiply_add<V: Vector, const N: usize>(self, n: usize, a: V, b: V, c: V) -> V {
        if n + 1 < N { a.multiply_add(b, c) } else { L::multiply_add(a, b, c) }
    }

    /// Vectors all of whose lanes belong to it.
    #[inline(always)]
    const fn whole<const N: usize>() -> usize {
        if L::IS_WHOLE { N } else { N - 1 }
    }
}

/// Does `$work` with span after span of so many columns: with `[most, widest]` for `$spans` whole ones of `most` vectors, which is two, four or eight, until there are `widest` or fewer; then one of what is left, which is
/// whole if that is as much, and else has a last vector with its own number of lanes. (Halves gave nothing where whole spans have two vectors: docs/TRIALS.md, "Half vectors".)
macro_rules! for_spans {
    ($v:ident, $columns:expr, $spans:expr, |$span:ident: $n:ident| $work:expr) => {{
        let (columns, [most, widest], mut start) = ($columns, $spans, 0);
        macro_rules! whole_span {
            ($of:literal) => {{
                const $n: usize = $of;
                let $span = Span { start, last: Whole };
                $work;
            }};
        }
        macro_rules! last_span {
            ($of:literal) => {{
                const $n: usize = $of;
                let lanes = columns - start - ($n - 1) * $v::LANES;
                if $v::HAS_HALVES && most > 2 && 2 * lanes <= $v::LANES {
                    let $span = Span { start, last: Part::<true>(lanes) };
                    $work;
                } else {
                    let $span = Span { start, last: Part::<false>(lanes) };
                    $work;
                }
            }};
        }
        while columns - start > widest * $v::LANES || columns - start == most * $v::LANES {
            match most {
                2 => whole_span!(2),
                4 => whole_span!(4),
                8 => whole_span!(8),
                _ => unreachable!("whole spans have two, four or eight vectors"),
            }
            start += most * $v::LANES;
        }
        match (columns - start).div_ceil($v::LANES) {
            0 => {}
            1 => last_span!(1),
            2 => last_span!(2),
            3 if widest >= 3 => last_span!(3),
            4 if widest >= 4 => last_span!(4),
            5 if widest >= 5 => last_span!(5),
            6 if widest >= 6 => last_span!(6),
            7 if widest >= 7 => last_span!(7),
            8 if widest >= 8 => last_span!(8),
            9 if widest >= 9 => last_span!(9),
            10 if widest >= 10 => last_span!(10),
            11 if widest >= 11 => last_span!(11),
            12 if widest >= 12 => last_span!(12),
            13 if widest >= 13 => last_span!(13),
            _ => unreachable!("a span has at most so many"),
        }
    }};
}
pub(super) use for_spans;
