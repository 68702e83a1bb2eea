//! Optimizers that move each element of a parameter by itself, from its gradient and what is remembered of earlier ones.

use std::fmt::Debug;

use ndarray::{Array1, ArrayView1, ArrayView2, ArrayViewMut1, ArrayViewMut2};

use super::{Memory, Optimizer};
use crate::linalg::{ElementRule, Lanes, MOST_MEMORIES, Next, Samples, Vector, aligned, learn_rows, update};
use crate::nn::{Learner, Network};

/// What such an optimizer does with one parameter in one step: with an element, [`ElementRule::step`].
pub trait Rule: ElementRule + Debug + Send {
    /// The floats that it remembers for each element, by PyTorch's names: [`ElementRule::MEMORIES`] of them.
    const NAMES: &'static [&'static str];
    /// Whether weight decay acts on the weights themselves and not through the gradient.
    const DECOUPLED_DECAY: bool = false;

    /// Called before the parameters of each step.
    fn begin_step(&mut self, learning_rate: f64);

    /// Counts on from `steps` steps, if it counts them at all.
    fn set_steps(&mut self, steps: u64) {
        let _ = steps;
    }
}

/// What L2 does to one element before its rule sees it: goes through the gradient, or shrinks the weight itself.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Decay {
    /// λ where it is added to the gradient, else 0.
    coupled: f32,
    /// `1 - ηλ` where it is decoupled, else 1.
    kept: f32,
}

impl Decay {
    /// Without L2.
    const NONE: Self = Self { coupled: 0.0, kept: 1.0 };
}

/// A rule after its decay: `kept·θ`, and `g + λθ`.
struct Decayed<'r, R> {
    rule: &'r R,
    decay: Decay,
}

impl<R: ElementRule> ElementRule for Decayed<'_, R> {
    const MEMORIES: usize = R::MEMORIES;

    #[inline(always)]
    fn step<V: Vector>(
        &self,
        theta: Lanes<V>,
        gradient: Lanes<V>,
        memories: [Lanes<V>; MOST_MEMORIES],
    ) -> (Lanes<V>, [Lanes<V>; MOST_MEMORIES]) {
        self.rule.step(theta * self.decay.kept, gradient + theta * self.decay.coupled, memories)
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
    /// By parameter: a vector as long as it for each of `NAMES`. Each begins on a cache line, else a vector of 16 lies across two.
    memories: Vec<Vec<Array1<f32>>>,
    /// The gradient of the weights at hand, as they lie in memory, in its first elements; on a cache line, too.
    gradient: Array1<f32>,
}

impl<R: Rule> ByElement<R> {
    /// For the parameters of `network`, with the penalty `l2/2 Σ w²` on weights.
    pub fn new(rule: R, l2: f64, network: &Network) -> Self {
        const {
            assert!(0 < R::MEMORIES && R::MEMORIES <= MOST_MEMORIES, "a rule remembers one or two floats");
            assert!(R::NAMES.len() == R::MEMORIES, "each has a name");
        }
        let lengths: Vec<usize> =
            network.parameters().map(|(_, parameter)| parameter.file_shape().iter().product()).collect();
        let zeros = |length| aligned(Array1::zeros(length));
        let memories = lengths.iter().map(|&length| (0..R::MEMORIES).map(|_| zeros(length)).collect());
        let largest = lengths.iter().copied().max().unwrap_or(0);
        Self { rule, l2, decay: Decay::NONE, memories: memories.collect(), gradient: zeros(largest) }
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
            let named = R::NAMES.iter().zip(memories);
            all.extend(named.map(|(name, values)| Memory {
                parameter,
                name,
                values: values.as_slice().expect(CONTIGUOUS),
            }));
        }
        all
    }

    fn memories_mut(&mut self) -> Vec<Memory<&mut [f32]>> {
        let mut all = Vec::new();
        for (parameter, memories) in self.memories.iter_mut().enumerate() {
            let named = R::NAMES.iter().zip(memories);
            all.extend(named.map(|(name, values)| Memory {
                parameter,
                name,
                values: values.as_slice_mut().expect(CONTIGUOUS),
            }));
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
        let gradient = like_w(&mut gradient.as_slice_mut().expect(CONTIGUOUS)[..shape.0 * shape.1]);
        let matrices = [w, gradient, like_w(first), second];
        learn_rows(x, d, matrices, next, |product, [w, mut gradient, first, second]| {
            product.overwrite(gradient.view_mut());
            let [w, gradient, first, second] = [w, gradient, first, second].map(all);
            match *decay {
                Decay::NONE => update(rule, w, gradient, [first, second]),
                decay => update(&Decayed { rule, decay }, w, gradient, [first, second]),
            }
        });
    }

    fn bias(&mut self, parameter: usize, b: ArrayViewMut1<f32>, d_b: ArrayView1<f32>) {
        let d_b = d_b.to_slice().expect(CONTIGUOUS);
        let b = b.into_slice().expect(CONTIGUOUS);
        update(&self.rule, b, d_b, slices(&mut self.memories[parameter]));
    }
}

const CONTIGUOUS: &str = "a parameter lies in memory as a whole, and what is remembered of it";

/// All elements of whole rows.
fn all<'a>(rows: ArrayViewMut2<'a, f32>) -> &'a mut [f32] {
    rows.into_slice().expect(CONTIGUOUS)
}

/// Those that there are, and empty ones.
fn slices(memories: &mut [Array1<f32>]) -> [&mut [f32]; MOST_MEMORIES] {
    let mut memories = memories.iter_mut();
    std::array::from_fn(|_| memories.next().map_or(&mut [][..], |memory| memory.as_slice_mut().expect(CONTIGUOUS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Activation, Architecture, Init, Output};
    use crate::optim::adam::Adam;
    use crate::seed::Seed;

    #[test]
    fn what_is_updated_by_vectors_begins_on_a_cache_line() {
        let architecture = Architecture::perceptron(5, &[7, 3], Activation::Relu, 2, Output::Softmax);
        let optimizer = ByElement::new(Adam::coupled(), 0.0, &Network::initialised(architecture, Init::He, Seed(0)));
        let memories = optimizer.memories();
        assert_eq!(memories.len(), 2 * 6, "two of each of three weights and biases");
        let begin = memories.iter().map(|memory| memory.values).chain(optimizer.gradient.as_slice());
        assert!(begin.map(|values| values.as_ptr().addr()).all(|address| address.is_multiple_of(64)));
    }

    #[test]
    fn a_decay_that_is_none_changes_no_bit() {
        fn row(factor: f32) -> Vec<f32> {
            (0..37).map(|i| factor * (i as f32 - 18.0)).collect()
        }
        fn learnt(rule: &impl ElementRule) -> [Vec<f32>; 3] {
            let (mut theta, mut first, mut second) = (row(0.3), row(0.01), vec![0.5; 37]);
            update(rule, &mut theta, &row(-0.07), [&mut first, &mut second]);
            [theta, first, second]
        }
        let mut rule = Adam::coupled();
        rule.begin_step(0.1);
        let [with, without] = [learnt(&Decayed { rule: &rule, decay: Decay::NONE }), learnt(&rule)];
        assert_eq!(with, without);
        assert_ne!(with[0], row(0.3), "something was learnt");
    }
}
