//! Products of rows with rows, `A·Bᵀ`, for few long rows of `B`: sums of vectors along both, whose lanes are added up at the end.

use super::Vector;
use crate::linalg::kernels::{Columns, ColumnsMut};

/// See [`super::super::dots`].
#[inline(always)]
pub fn dots<V: Vector>(a: Columns, b: Columns, mut c: ColumnsMut) {
    let mut row = 0;
    while row + 1 < a.rows {
        dots_of::<V, 2>(a, b, row, &mut c);
        row += 2;
    }
    if row < a.rows {
        dots_of::<V, 1>(a, b, row, &mut c);
    }
}

/// Of `M` rows of `A` from the `row`-th on with all of `B`: with two rows of `A`, five of `B` are ten sums, which stay in registers.
#[inline(always)]
fn dots_of<V: Vector, const M: usize>(a: Columns, b: Columns, row: usize, c: &mut ColumnsMut) {
    let mut column = 0;
    while column < b.rows {
        macro_rules! tile_of {
            ($n:literal) => {{
                tile::<V, M, $n>(a, b, [row, column], c);
                column += $n;
            }};
        }
        match b.rows - column {
            1 => tile_of!(1),
            2 => tile_of!(2),
            3 => tile_of!(3),
            4 => tile_of!(4),
            _ => tile_of!(5),
        }
    }
}

/// Of `M` rows of `A` and `N` of `B` from these on.
#[inline(always)]
fn tile<V: Vector, const M: usize, const N: usize>(
    a: Columns,
    b: Columns,
    [row, column]: [usize; 2],
    c: &mut ColumnsMut,
) {
    let length = a.columns;
    let (mut of_a, mut of_b): ([&[f32]; M], [&[f32]; N]) = ([&[]; M], [&[]; N]);
    for m in 0..M {
        of_a[m] = &a.row(row + m)[..length];
    }
    for n in 0..N {
        of_b[n] = &b.row(column + n)[..length];
    }
    let (mut sums, mut k) = ([[V::splat(0.0); N]; M], 0);
    while length - k >= V::LANES {
        let mut left = [V::splat(0.0); M];
        for m in 0..M {
            left[m] = V::load(&of_a[m][k..]);
        }
        for n in 0..N {
            let right = V::load(&of_b[n][k..]);
            for m in 0..M {
                sums[m][n] = left[m].multiply_add(right, sums[m][n]);
            }
        }
        k += V::LANES;
    }
    if k < length {
        for n in 0..N {
            let right = V::load_first(length - k, &of_b[n][k..]);
            for m in 0..M {
                sums[m][n] = V::load_first(length - k, &of_a[m][k..]).multiply_add(right, sums[m][n]);
            }
        }
    }
    for m in 0..M {
        let c = &mut c.row(row + m)[column..][..N];
        for n in 0..N {
            c[n] = sums[m][n].sum();
        }
    }
}
