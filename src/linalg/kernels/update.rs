//! What an optimizer does with each element of a parameter, by whole vectors.

use std::ops::{Add, Div, Mul, Sub};

use super::span::{Last, Part, Span, Whole};
use super::{Kind, Vector};

/// A rule remembers at most so many numbers for each element.
pub const MOST_MEMORIES: usize = 2;

/// What becomes of an element of a parameter, and of what is remembered of it.
pub trait ElementRule: Sync {
    /// How many numbers it remembers for each element, one or two.
    const MEMORIES: usize;

    /// What `theta` with `gradient` becomes, and what is remembered of it, 0 at first, in every lane. A rule with one memory leaves the second alone.
    fn step<V: Vector>(
        &self,
        theta: Lanes<V>,
        gradient: Lanes<V>,
        memories: [Lanes<V>; MOST_MEMORIES],
    ) -> (Lanes<V>, [Lanes<V>; MOST_MEMORIES]);
}

/// Numbers that are computed with at once, lane by lane. A plain number is in every lane.
#[derive(Debug, Clone, Copy)]
pub struct Lanes<V>(V);

impl<V: Vector> Lanes<V> {
    /// The root of each, within a unit in the last place; of a number that is less than normal, something as small.
    #[inline(always)]
    #[must_use]
    pub fn sqrt(self) -> Self {
        Self(self.0.root())
    }
}

/// `+`, `-` and `*` of lanes with lanes and with a number. Each is rounded by itself.
macro_rules! operator {
    ($trait:ident, $method:ident, $of_vectors:ident) => {
        impl<V: Vector> $trait for Lanes<V> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0.$of_vectors(other.0))
            }
        }

        impl<V: Vector> $trait<f32> for Lanes<V> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, number: f32) -> Self {
                Self(self.0.$of_vectors(V::splat(number)))
            }
        }
    };
}

operator!(Add, add, add);
operator!(Sub, sub, subtract);
operator!(Mul, mul, multiply);

/// A quotient is within a unit in the last place where nothing exceeds 1e30 or is below 1e-30. Where all lanes have the same divisor, multiply with its reciprocal.
impl<V: Vector> Div for Lanes<V> {
    type Output = Self;

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(self.0.divide(other.0))
    }
}

/// A memory smaller than this is 0. What is remembered of a pixel that was not seen for some hundred steps would become smaller than the normal numbers are, and
/// stay so: Intel's processors take a hundred times as long for one. No weight can tell: it is moved by a memory over 1e-8 at most.
///
/// A tenth of it, which is what Adam takes of a mean, is still normal.
const LEAST_MEMORY: f32 = 16.0 * f32::MIN_POSITIVE;

/// Updates `theta` by `gradient`, which is as long as it, and by as many of `memories` as the rule has; the others are empty. One pass: every array is read once.
///
/// # Panics
/// If lengths disagree.
pub fn update<R: ElementRule>(rule: &R, theta: &mut [f32], gradient: &[f32], memories: [&mut [f32]; MOST_MEMORIES]) {
    update_by(Kind::of_this_processor(), rule, theta, gradient, memories);
}

/// [`update`] by the vector code of a kind.
///
/// # Panics
/// As it, or if this processor does not run the kind.
pub fn update_by<R: ElementRule>(
    kind: Kind,
    rule: &R,
    theta: &mut [f32],
    gradient: &[f32],
    memories: [&mut [f32]; MOST_MEMORIES],
) {
    assert_eq!(theta.len(), gradient.len(), "a gradient for each element");
    for (number, memory) in memories.iter().enumerate() {
        let expected = if number < R::MEMORIES { theta.len() } else { 0 };
        assert_eq!(memory.len(), expected, "a memory for each element");
    }
    assert!(kind.runs_here(), "another processor's vector code");
    super::dispatch::update(kind, rule, theta, gradient, memories);
}

/// See [`update`].
#[inline(always)]
pub(super) fn by_vectors<V: Vector, R: ElementRule>(
    rule: &R,
    theta: &mut [f32],
    gradient: &[f32],
    memories: [&mut [f32]; MOST_MEMORIES],
) {
    let [first, second] = memories;
    let mut start = 0;
    while start + V::LANES <= theta.len() {
        one_vector::<V, _>(rule, Span { start, last: Whole }, theta, gradient, [&mut *first, &mut *second]);
        start += V::LANES;
    }
    if start < theta.len() {
        let last = Part::<false>(theta.len() - start);
        one_vector::<V, _>(rule, Span { start, last }, theta, gradient, [first, second]);
    }
}

/// The elements of a span of one vector.
#[inline(always)]
fn one_vector<V: Vector, R: ElementRule>(
    rule: &R,
    span: Span<impl Last>,
    theta: &mut [f32],
    gradient: &[f32],
    [first, second]: [&mut [f32]; MOST_MEMORIES],
) {
    let has_second = R::MEMORIES > 1;
    let ([theta_before], [gradient], [first_before]) = (span.load(theta), span.load(gradient), span.load(first));
    let [second_before] = if has_second { span.load(second) } else { [V::splat(0.0)] };
    let memories = [Lanes(first_before), Lanes(second_before)];
    let (after, memories) = rule.step(Lanes(theta_before), Lanes(gradient), memories);
    span.store([after.0], theta);
    span.store([memories[0].0.or_zero(LEAST_MEMORY)], first);
    if has_second {
        span.store([memories[1].0.or_zero(LEAST_MEMORY)], second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the quotient of the gradient and theta, and the root of theta.
    struct Divide;

    impl ElementRule for Divide {
        const MEMORIES: usize = 2;

        fn step<V: Vector>(
            &self,
            theta: Lanes<V>,
            gradient: Lanes<V>,
            [first, _]: [Lanes<V>; 2],
        ) -> (Lanes<V>, [Lanes<V>; 2]) {
            (gradient / theta, [first, theta.sqrt()])
        }
    }

    fn kinds() -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(|kind| kind.runs_here())
    }

    /// Every 1,009th `f32` from `least` to `most`.
    fn sweep(least: f32, most: f32) -> Vec<f32> {
        (least.to_bits()..most.to_bits()).step_by(1009).map(f32::from_bits).collect()
    }

    fn units(found: f32, expected: f32) -> u32 {
        found.to_bits().abs_diff(expected.to_bits())
    }

    #[test]
    fn quotients_and_roots_are_within_a_unit_in_the_last_place() {
        let divisors = sweep(1e-18, 1e18);
        let squares = sweep(f32::MIN_POSITIVE, f32::MAX);
        for kind in kinds() {
            for dividend in [1.0, -1.0, 1.999_999_9, 3.3, 1e-12, -7.7e9] {
                let (mut theta, gradient) = (divisors.clone(), vec![dividend; divisors.len()]);
                let (mut first, mut roots) = (vec![1.0; theta.len()], vec![0.0; theta.len()]);
                update_by(kind, &Divide, &mut theta, &gradient, [&mut first, &mut roots]);
                let is_rounded =
                    |(k, &divisor): (usize, &f32)| theta[k] == dividend / divisor && roots[k] == divisor.sqrt();
                let rounded = divisors.iter().enumerate().filter(|&pair| is_rounded(pair)).count();
                assert!(
                    1000 * (divisors.len() - rounded) < divisors.len(),
                    "{kind:?}: nearly all are correctly rounded"
                );
                for (k, &divisor) in divisors.iter().enumerate() {
                    assert!(units(theta[k], dividend / divisor) <= 1, "{kind:?}: {dividend} / {divisor}: {}", theta[k]);
                    assert!(units(roots[k], divisor.sqrt()) <= 1, "{kind:?}: root of {divisor}: {}", roots[k]);
                }
            }
            let (mut theta, count) = (squares.clone(), squares.len());
            let (mut first, mut roots) = (vec![1.0; count], vec![0.0; count]);
            update_by(kind, &Divide, &mut theta, &vec![1.0; count], [&mut first, &mut roots]);
            let is_right = |(&root, &square): (&f32, &f32)| units(root, square.sqrt()) <= 1;
            assert!(roots.iter().zip(&squares).all(is_right), "{kind:?}");

            let (mut theta, mut first, mut roots) = ([0.0, f32::INFINITY, 1e-40], [1.0; 3], [9.0; 3]);
            update_by(kind, &Divide, &mut theta, &[1.0; 3], [&mut first, &mut roots]);
            assert_eq!((roots[0], roots[1], theta[1]), (0.0, f32::INFINITY, 0.0), "{kind:?}");
            assert!(roots[2] < 1e-19, "{kind:?}: {}", roots[2]);
        }
    }

    /// Adds the gradient to the first memory, and the first to the second.
    struct Sum<const MEMORIES: usize>;

    impl<const MEMORIES: usize> ElementRule for Sum<MEMORIES> {
        const MEMORIES: usize = MEMORIES;

        fn step<V: Vector>(
            &self,
            theta: Lanes<V>,
            gradient: Lanes<V>,
            [first, second]: [Lanes<V>; 2],
        ) -> (Lanes<V>, [Lanes<V>; 2]) {
            (theta * 2.0 - gradient, [first + gradient, second + first])
        }
    }

    #[test]
    fn every_element_is_updated_once_whatever_the_length() {
        for kind in kinds() {
            for length in 0..70_usize {
                let row = |factor: f32| (0..length).map(|i| factor * i as f32).collect::<Vec<f32>>();
                let (mut theta, gradient, mut first, mut second) = (row(1.0), row(10.0), row(100.0), row(1000.0));
                update_by(kind, &Sum::<2>, &mut theta, &gradient, [&mut first, &mut second]);
                assert_eq!((theta, first, second), (row(-8.0), row(110.0), row(1100.0)), "{kind:?}");
                let (mut theta, mut first) = (row(1.0), row(100.0));
                update_by(kind, &Sum::<1>, &mut theta, &gradient, [&mut first, &mut []]);
                assert_eq!((theta, first), (row(-8.0), row(110.0)), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_memory_that_is_next_to_nothing_is_nothing() {
        for kind in kinds() {
            let mut memory = [1e-40, -1e-40, 1.8e-37, -1.8e-37, 1.9e-37, -1.9e-37, 0.0, 1.0, f32::MIN_POSITIVE];
            let expected = [0.0, 0.0, 0.0, 0.0, 1.9e-37, -1.9e-37, 0.0, 1.0, 0.0];
            update_by(kind, &Sum::<1>, &mut [0.0; 9], &[0.0; 9], [&mut memory, &mut []]);
            assert_eq!(memory, expected, "{kind:?}");
            let mut memory = [f32::NAN, f32::INFINITY];
            update_by(kind, &Sum::<1>, &mut [0.0; 2], &[0.0; 2], [&mut memory, &mut []]);
            assert!(memory[0].is_nan() && memory[1] == f32::INFINITY, "{kind:?}: what is not a number stays so");
        }
    }
}
