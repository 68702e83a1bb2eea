//! Loops over every element of a matrix, written so that the compiler turns them into vector code: no calls, no branches.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

/// `e^x`, branch-free, within 2 units in the last place of the true value for every `f32` (tested over the whole range).
///
/// `x = n·ln 2 + r`, `|r| ≤ ln 2 / 2`; `e^r` by the polynomial of Cephes' `expf` (Moshier 1992), `2^n` put together from
/// its exponent bits. Overflows to infinity above 88.73, flushes to zero below -87.34 (no subnormal results: they are
/// slow and no loss can tell them from zero). NaN stays NaN. Unlike `f32::exp` it is the same on every platform.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LN_2_HIGH: f32 = 0.693_359_4; // ln 2 in two parts, the first with 12 trailing zero bits: n·high is exact
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    const ROUND: f32 = 12_582_912.0; // 1.5·2^23: adding it rounds to the nearest integer, into the low bits
    const LARGEST: f32 = 88.722_84; // above it e^x exceeds f32::MAX
    const SMALLEST: f32 = -87.336_54; // below it e^x is subnormal
    // Not `clamp`: it would have to keep NaN, here the last line does.
    let bounded = if x > LARGEST { LARGEST } else { x };
    let bounded = if bounded < SMALLEST { SMALLEST } else { bounded };
    let rounded = bounded * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = bounded - n * LN_2_HIGH - n * LN_2_LOW;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * (r * r) + r + 1.0;
    // n is -126 to 128; 2^128 is no f32, so 2^n goes in two halves.
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    let power = |n: i32| f32::from_bits((n.wrapping_add(127) as u32) << 23);
    let value = p * power(half) * power(n.wrapping_sub(half));
    let value = if x > LARGEST { f32::INFINITY } else { value };
    let value = if x < SMALLEST { 0.0 } else { value };
    if x.is_nan() { x } else { value }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `tanh x`, within 4 units in the last place (tested over the whole range). Small arguments by the polynomial of Cephes'
/// `tanhf`, which keeps their relative precision; the others by `1 - 2 / (e^2x + 1)`.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let square = x * x;
    let p = -5.704_988_7e-3;
    let p = p * square + 2.063_909e-2;
    let p = p * square - 5.373_971_5e-2;
    let p = p * square + 1.333_144_2e-1;
    let p = p * square - 3.333_328e-1;
    let small = p * square * x + x;
    let large = (1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0)).copysign(x);
    if x.abs() < 0.625 { small } else { large }
}

/// `Y ← f(Y + b)`, `b` (O) added to every row of `y` (B, O).
///
/// # Panics
/// If `y` is not contiguous or the widths disagree.
#[inline(always)]
pub fn add_row_and_map(mut y: ArrayViewMut2<f32>, b: ArrayView1<f32>, f: impl Fn(f32) -> f32) {
    let b = b.to_slice().expect("a contiguous row");
    assert_eq!(y.ncols(), b.len(), "widths disagree");
    let y = y.as_slice_mut().expect("a contiguous matrix");
    for row in y.chunks_exact_mut(b.len()) {
        for (y, b) in row.iter_mut().zip(b) {
            *y = f(*y + b);
        }
    }
}

/// `D ← D ⊙ f(Y)`, elementwise: `y` (B, O) read, `d` (B, O) overwritten.
///
/// # Panics
/// If one is not contiguous or the shapes disagree.
#[inline(always)]
pub fn multiply_by_mapped(mut d: ArrayViewMut2<f32>, y: ArrayView2<f32>, f: impl Fn(f32) -> f32) {
    assert_eq!(d.dim(), y.dim(), "shapes disagree");
    let d = d.as_slice_mut().expect("a contiguous matrix");
    for (d, &y) in d.iter_mut().zip(y.to_slice().expect("a contiguous matrix")) {
        *d *= f(y);
    }
}

/// `s ← Σ rows of D`: `d` (B, O) read, `sums` (O) overwritten.
///
/// # Panics
/// If `d` is not contiguous or the widths disagree.
pub fn sum_rows(d: ArrayView2<f32>, sums: &mut [f32]) {
    assert_eq!(d.ncols(), sums.len(), "widths disagree");
    sums.fill(0.0);
    for row in d.to_slice().expect("a contiguous matrix").chunks_exact(sums.len()) {
        for (sum, d) in sums.iter_mut().zip(row) {
            *sum += d;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance between `found` and `expected` in units in the last place of `expected` as an `f32`.
    fn units_in_the_last_place(found: f32, expected: f64) -> f64 {
        let unit = f64::from(f32::from_bits((expected.abs() as f32).to_bits() + 1)) - f64::from(expected.abs() as f32);
        (f64::from(found) - expected).abs() / unit
    }

    /// Every 97th `f32` between the ends, both signs.
    fn sweep(ends: std::ops::Range<f32>) -> impl Iterator<Item = f32> {
        (ends.start.to_bits()..ends.end.to_bits()).step_by(97).map(f32::from_bits).flat_map(|x| [x, -x])
    }

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let worst = sweep(1e-30..87.3).map(|x| units_in_the_last_place(exp(x), f64::from(x).exp())).fold(0.0, f64::max);
        assert!(worst < 2.0, "{worst}");
    }

    #[test]
    fn exp_meets_its_limits() {
        assert_eq!([exp(0.0), exp(-0.0), exp(89.0), exp(f32::INFINITY)], [1.0, 1.0, f32::INFINITY, f32::INFINITY]);
        assert_eq!([exp(-88.0), exp(f32::NEG_INFINITY)], [0.0, 0.0]);
        assert!(exp(f32::NAN).is_nan());
        assert!(exp(88.72).is_finite());
    }

    #[test]
    fn tanh_is_within_four_units_in_the_last_place() {
        let worst =
            sweep(1e-30..40.0).map(|x| units_in_the_last_place(tanh(x), f64::from(x).tanh())).fold(0.0, f64::max);
        assert!(worst < 4.0, "{worst}");
        assert_eq!([tanh(0.0), tanh(f32::INFINITY), tanh(f32::NEG_INFINITY)], [0.0, 1.0, -1.0]);
        assert!(tanh(f32::NAN).is_nan());
    }

    #[test]
    fn sigmoid_is_precise_and_meets_its_limits() {
        let true_sigmoid = |x: f32| 1.0 / (1.0 + (-f64::from(x)).exp());
        let worst =
            sweep(1e-30..80.0).map(|x| units_in_the_last_place(sigmoid(x), true_sigmoid(x))).fold(0.0, f64::max);
        assert!(worst < 4.0, "{worst}");
        assert_eq!([sigmoid(0.0), sigmoid(f32::INFINITY), sigmoid(f32::NEG_INFINITY)], [0.5, 1.0, 0.0]);
        assert!(sigmoid(f32::NAN).is_nan());
    }

    #[test]
    fn rows_are_added_mapped_and_summed() {
        let mut y = ndarray::array![[1.0, -2.0], [3.0, 4.0]];
        add_row_and_map(y.view_mut(), ndarray::array![0.5, 1.0].view(), |value| value.max(0.0));
        assert_eq!(y, ndarray::array![[1.5, 0.0], [3.5, 5.0]]);
        let mut sums = [f32::NAN; 2];
        sum_rows(y.view(), &mut sums);
        assert_eq!(sums, [5.0, 5.0]);
        let mut d = ndarray::array![[1.0, 1.0], [2.0, 2.0]];
        multiply_by_mapped(d.view_mut(), y.view(), |value| value + 1.0);
        assert_eq!(d, ndarray::array![[2.5, 1.0], [9.0, 12.0]]);
    }
}
