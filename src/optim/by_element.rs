//! Optimizers that move each element of a parameter by itself, from its gradient and what is remembered of earlier ones.

use std::fmt::Debug;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::{Memory, Optimizer};
use crate::linalg::{Samples, add_product};
use crate::nn::{Learner, Network};

/// What such an optimizer does with one parameter in one step.
pub trait Rule: Debug + Send {
    /// The floats that it remembers for each element, by PyTorch's names.
    const MEMORIES: &'static [&'static str];
    /// Whether weight decay acts on the weights themselves and not through the gradient.
    const DECOUPLED_DECAY: bool = false;

    /// Called before the parameters of each step.
    fn begin_step(&mut self, learning_rate: f64);

    /// Counts on from `steps` steps, if it counts them at all.
    fn set_steps(&mut self, steps: u64) {
        let _ = steps;
    }

    /// Moves `theta` by `gradient`, to each element of which it applies `decay` first. Each of `memories` is as long as
    /// they, and 0 at first. One pass: every array is read once.
    fn update(&self, theta: &mut [f32], gradient: &[f32], decay: Decay, memories: &mut [Vec<f32>]);
}

/// What L2 does to one element before its rule sees it: goes through the gradient, or shrinks the weight itself.
#[derive(Debug, Clone, Copy)]
pub struct Decay {
    /// λ where it is added to the gradient, else 0.
    coupled: f32,
    /// `1 - ηλ` where it is decoupled, else 1.
    kept: f32,
}

impl Decay {
    /// Of biases, and without L2.
    const NONE: Self = Self { coupled: 0.0, kept: 1.0 };

    /// `θ ← kept·θ`; returns `g + λθ`.
    #[inline(always)]
    pub(super) fn apply(self, theta: &mut f32, gradient: f32) -> f32 {
        let gradient = gradient + self.coupled * *theta;
        *theta *= self.kept;
        gradient
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
    fn weights(&mut self, parameter: usize, mut w: ArrayViewMut2<f32>, x: Samples, d: ArrayView2<f32>) {
        let gradient = &mut self.gradient[..w.len()];
        let matrix = ArrayViewMut2::from_shape(w.dim(), &mut *gradient).expect("room for the largest");
        add_product(1.0, x, d, 0.0, matrix);
        let w = w.as_slice_mut().expect("weights are contiguous");
        self.rule.update(w, gradient, self.decay, &mut self.memories[parameter]);
    }

    fn bias(&mut self, parameter: usize, mut b: ArrayViewMut1<f32>, d_b: ArrayView1<f32>) {
        let (b, d_b) = (b.as_slice_mut(), d_b.to_slice());
        let (b, d_b) = b.zip(d_b).expect("biases are contiguous");
        self.rule.update(b, d_b, Decay::NONE, &mut self.memories[parameter]);
    }
}
