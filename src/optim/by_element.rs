//! Optimizers that move each element of a parameter by itself, from its gradient and what is remembered of earlier ones.

use std::fmt::Debug;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::{Memory, Optimizer};
use crate::linalg::{Next, Samples, learn_rows};
use crate::nn::{Learner, Network};

/// A rule remembers at most so many floats for each element.
pub const MOST_MEMORIES: usize = 2;

/// What such an optimizer does with one parameter in one step.
pub trait Rule: Debug + Send + Sync {
    /// The floats that it remembers for each element, one or two, by PyTorch's names.
    const MEMORIES: &'static [&'static str];
    /// Whether weight decay acts on the weights themselves and not through the gradient.
    const DECOUPLED_DECAY: bool = false;

    /// Called before the parameters of each step.
    fn begin_step(&mut self, learning_rate: f64);

    /// Counts on from `steps` steps, if it counts them at all.
    fn set_steps(&mut self, steps: u64) {
        let _ = steps;
    }

    /// What an element `theta` with `gradient` becomes, and what is remembered of it, 0 at first. A rule with one memory leaves the second
    /// alone.
    fn step(&self, theta: f32, gradient: f32, memories: [f32; MOST_MEMORIES]) -> (f32, [f32; MOST_MEMORIES]);
}

/// What L2 does to one element before its rule sees it: goes through the gradient, or shrinks the weight itself.
#[derive(Debug, Clone, Copy)]
struct Decay {
    /// λ where it is added to the gradient, else 0.
    coupled: f32,
    /// `1 - ηλ` where it is decoupled, else 1.
    kept: f32,
}

impl Decay {
    /// Of biases, and without L2.
    const NONE: Self = Self { coupled: 0.0, kept: 1.0 };

    /// `kept·θ` and `g + λθ`.
    #[inline(always)]
    fn apply(self, theta: f32, gradient: f32) -> (f32, f32) {
        (self.kept * theta, gradient + self.coupled * theta)
    }
}

/// A [`Rule`] with its memory, and room for the gradient of the largest weight matrix.
#[derive(Debug)]
pub struct ByElement<R> {
    rule: R,
    /// λ.
    l2: f64,
    /// Of the weights, in this step.
    decay: Decay,
    /// By parameter: a vector as long as it for each of `MEMORIES`.
    memories: Vec<Vec<Vec<f32>>>,
    /// The gradient of the weights at hand, (I, O) in its first elements.
    gradient: Vec<f32>,
}

impl<R: Rule> ByElement<R> {
    /// For the parameters of `network`, with the penalty `l2/2 Σ w²` on weights.
    pub fn new(rule: R, l2: f64, network: &Network) -> Self {
        const {
            let memories = R::MEMORIES.len();
            assert!(0 < memories && memories <= MOST_MEMORIES, "a rule remembers one or two floats");
        }
        let lengths: Vec<usize> =
            network.parameters().map(|(_, parameter)| parameter.file_shape().iter().product()).collect();
        let memories = lengths.iter().map(|&length| vec![vec![0.0; length]; R::MEMORIES.len()]);
        let largest = lengths.iter().copied().max().unwrap_or(0);
        Self { rule, l2, decay: Decay::NONE, memories: memories.collect(), gradient: vec![0.0; largest] }
    }
}

impl<R: Rule> Optimizer for ByElement<R> {
    fn begin_step(&mut self, learning_rate: f64) {
        self.decay = match R::DECOUPLED_DECAY {
            true => Decay { kept: (1.0 - learning_rate * self.l2) as f32, ..Decay::NONE },
            false => Decay { coupled: self.l2 as f32, ..Decay::NONE },
        };
        self.rule.begin_step(learning_rate);
    }

    fn memories(&self) -> Vec<Memory<&[f32]>> {
        let mut all = Vec::new();
        for (parameter, memories) in self.memories.iter().enumerate() {
            let named = R::MEMORIES.iter().zip(memories);
            all.extend(named.map(|(name, values)| Memory { parameter, name, values: &values[..] }));
        }
        all
    }

    fn memories_mut(&mut self) -> Vec<Memory<&mut [f32]>> {
        let mut all = Vec::new();
        for (parameter, memories) in self.memories.iter_mut().enumerate() {
            let named = R::MEMORIES.iter().zip(memories);
            all.extend(named.map(|(name, values)| Memory { parameter, name, values: &mut values[..] }));
        }
        all
    }

    fn set_steps(&mut self, steps: u64) {
        self.rule.set_steps(steps);
    }
}

impl<R: Rule> Learner for ByElement<R> {
    /// `∇W = Xᵀ·D + λW`, then the rule; decoupled: `W ← (1 - ηλ)·W` first, and `∇W = Xᵀ·D`.
    fn weights(&mut self, parameter: usize, w: ArrayViewMut2<f32>, x: Samples, d: ArrayView2<f32>, next: Option<Next>) {
        let Self { rule, decay, memories, gradient, .. } = self;
        let shape = w.dim();
        let like_w = |values| ArrayViewMut2::from_shape(shape, values).expect("as many as weights");
        let [first, second] = slices(&mut memories[parameter]);
        let second = if second.is_empty() {
            ArrayViewMut2::from_shape((0, shape.1), second).expect("none")
        } else {
            like_w(second)
        };
        let matrices = [w, like_w(&mut gradient[..shape.0 * shape.1]), like_w(first), second];
        learn_rows(x, d, matrices, next, |product, [w, mut gradient, first, second]| {
            product.overwrite(gradient.view_mut());
            let [w, gradient, first, second] = [w, gradient, first, second].map(all);
            update(rule, *decay, w, gradient, [first, second]);
        });
    }

    fn bias(&mut self, parameter: usize, b: ArrayViewMut1<f32>, d_b: ArrayView1<f32>) {
        let d_b = d_b.to_slice().expect(CONTIGUOUS);
        let b = b.into_slice().expect(CONTIGUOUS);
        update(&self.rule, Decay::NONE, b, d_b, slices(&mut self.memories[parameter]));
    }
}

/// Updates `theta` by `gradient`, which is as long as it, and those of `memories` that the rule has; the others are empty. One pass: every array is read once.
fn update<R: Rule>(rule: &R, decay: Decay, theta: &mut [f32], gradient: &[f32], memories: [&mut [f32]; MOST_MEMORIES]) {
    // By whole vectors. The last few of a short bias would take longer one by one than all the others.
    let (theta, gradient, memories) = update_by::<R, 16>(rule, decay, theta, gradient, memories);
    let (theta, gradient, memories) = update_by::<R, 4>(rule, decay, theta, gradient, memories);
    update_by::<R, 1>(rule, decay, theta, gradient, memories);
}

/// What is left of the arrays of [`update`].
type Rest<'a> = (&'a mut [f32], &'a [f32], [&'a mut [f32]; MOST_MEMORIES]);

/// [`update`] by `N` elements at once; the rest, fewer than `N`, is returned.
#[inline(always)]
fn update_by<'a, R: Rule, const N: usize>(
    rule: &R,
    decay: Decay,
    theta: &'a mut [f32],
    gradient: &'a [f32],
    memories: [&'a mut [f32]; MOST_MEMORIES],
) -> Rest<'a> {
    let (theta, rest_of_theta) = theta.as_chunks_mut::<N>();
    let (gradient, rest_of_gradient) = gradient.as_chunks::<N>();
    let [(first, rest_of_first), (second, rest_of_second)] = memories.map(|memory| memory.as_chunks_mut::<N>());
    let (mut second, mut none) = (second.iter_mut(), [0.0; N]);
    for ((theta, gradient), first) in theta.iter_mut().zip(gradient).zip(first) {
        let second = second.next().unwrap_or(&mut none);
        for l in 0..N {
            let (kept, gradient) = decay.apply(theta[l], gradient[l]);
            (theta[l], [first[l], second[l]]) = rule.step(kept, gradient, [first[l], second[l]]);
        }
    }
    (rest_of_theta, rest_of_gradient, [rest_of_first, rest_of_second])
}

const CONTIGUOUS: &str = "a parameter lies in memory as a whole";

/// All elements of whole rows.
fn all<'a>(rows: ArrayViewMut2<'a, f32>) -> &'a mut [f32] {
    rows.into_slice().expect(CONTIGUOUS)
}

/// Those that there are, and empty ones.
fn slices(memories: &mut [Vec<f32>]) -> [&mut [f32]; MOST_MEMORIES] {
    let mut memories = memories.iter_mut();
    std::array::from_fn(|_| memories.next().map_or(&mut [][..], |memory| memory))
}
