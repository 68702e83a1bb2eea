//! A network: layers in a row. Forward, loss, backward.

use std::ops::Range;

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::workspace::{Batch, LayerSpace, rows_of};
use super::{
    Architecture, Backward, CatchUp, Init, Layer, Learner, Linear, Mode, Objective, Parameter, ParameterMut, Step,
    Workspace,
};
use crate::linalg::{Samples, SparseBatch, add_steps_before, kernels::Kind, some_rows, some_rows_mut};
use crate::seed::{Purpose, Seed};

/// A network: its description and its parameters, nothing else.
#[derive(Debug)]
pub struct Network {
    architecture: Architecture,
    layers: Vec<Box<dyn Layer>>,
    /// The number of each layer's first parameter, for [`Learner`].
    first_parameters: Vec<usize>,
}

/// What a batch of images came to, before or without learning from it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct BatchScore {
    /// Sum of the losses.
    pub loss_sum: f64,
    /// Images whose most probable class is their label.
    pub correct: usize,
}

/// The products of a layer: forward, its update, and backward but in the first layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Products {
    /// Whose products are computed at once: B, or those of several steps.
    pub samples: usize,
    /// How many steps they are of.
    pub steps: usize,
    /// I.
    pub inputs: usize,
    /// O.
    pub outputs: usize,
    /// Floating-point operations of each, if nothing is left out.
    pub operations: usize,
    /// Most inputs that are zero are left out.
    pub leaves_out_zeros: bool,
}

impl Network {
    /// Images of [`steps_at_once`](Self::steps_at_once) at most, if these are more than one. Of 784-128-10 on a processor with AVX2, 20 and 40 took as long or up to a fourteenth longer.
    pub const IMAGES_AT_ONCE: usize = 30;

    /// A network as described, all parameters 0.
    ///
    /// # Panics
    /// If `architecture` has no layer.
    pub fn zeros(architecture: Architecture) -> Self {
        assert!(!architecture.layers.is_empty(), "a network has a layer");
        let layers = architecture.layers_with_inputs().enumerate();
        let layers: Vec<_> = layers.map(|(place, (layer, inputs))| layer.spec().build(inputs, place == 0)).collect();
        let first_parameters =
            layers.iter().scan(0, |next, layer| Some(std::mem::replace(next, *next + layer.parameters().len())));
        Self { first_parameters: first_parameters.collect(), layers, architecture }
    }

    /// A network as described, every layer's parameters drawn from a stream of its own.
    pub fn initialised(architecture: Architecture, init: Init, seed: Seed) -> Self {
        let mut network = Self::zeros(architecture);
        for (layer, i) in network.layers.iter_mut().zip(0..) {
            layer.initialise(init, &mut seed.stream(Purpose::Init, i));
        }
        network
    }

    /// What it was built from.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// From the first layer on.
    pub fn layers(&self) -> &[Box<dyn Layer>] {
        &self.layers
    }

    /// Every parameter by its name in a model file: `layers.0.weight`, counting within each kind of layer from 0.
    pub fn parameters(&self) -> impl Iterator<Item = (String, Parameter<'_>)> {
        let names = self.parameter_names();
        names.into_iter().zip(self.layers.iter().flat_map(|layer| layer.parameters()))
    }

    /// The same, to overwrite.
    pub fn parameters_mut(&mut self) -> impl Iterator<Item = (String, ParameterMut<'_>)> {
        let names = self.parameter_names();
        names.into_iter().zip(self.layers.iter_mut().flat_map(|layer| layer.parameters_mut()))
    }

    fn parameter_names(&self) -> Vec<String> {
        let names = self.layers.iter().enumerate().flat_map(|(place, layer)| {
            let prefix = self.layer_name(place);
            layer.parameters().into_iter().map(move |parameter| format!("{prefix}.{}", parameter.name()))
        });
        names.collect()
    }

    /// What the layer at `place` is called in a model file: `layers.0`.
    fn layer_name(&self, place: usize) -> String {
        let kind = self.layers[place].file_prefix(0);
        let number_within_kind = self.layers[..place].iter().filter(|before| before.file_prefix(0) == kind).count();
        self.layers[place].file_prefix(number_within_kind)
    }

    /// The first parameter that is not finite, by its name in a model file.
    pub fn first_parameter_not_finite(&self) -> Option<String> {
        self.parameters().find(|(_, parameter)| !parameter.is_finite()).map(|(name, _)| name)
    }

    /// The first layer whose output for the first `b` images of the step of `workspace` was not finite in the last forward pass, by
    /// its name in a model file.
    pub fn first_not_finite(&self, workspace: &Workspace, b: usize) -> Option<String> {
        let is_finite = |&place: &usize| workspace.output(place, b).iter().all(|value| value.is_finite());
        (0..self.layers.len()).find(|place| !is_finite(place)).map(|place| self.layer_name(place))
    }

    /// The products of each layer that multiplies, with batches of `batch` images, of which the first layer takes those of so many steps at once.
    pub fn products(&self, batch: usize, steps_at_once: usize) -> Vec<Products> {
        let mut all = Vec::new();
        for (place, (layer, inputs)) in self.architecture.layers_with_inputs().enumerate() {
            let steps = if place == 0 { steps_at_once } else { 1 };
            let samples = batch * steps;
            let operations = layer.spec().multiplications(inputs).saturating_mul(2 * samples);
            if operations > 0 {
                let leaves_out_zeros = place == 0 && self.prefers_sparse_batches(samples);
                let outputs = layer.spec().outputs(inputs);
                all.push(Products { samples, steps, inputs, outputs, operations, leaves_out_zeros });
            }
        }
        all
    }

    /// Whether batches of up to `batch` images are better kept without most of their pixels that are zero.
    pub(super) fn prefers_sparse_batches(&self, batch: usize) -> bool {
        let (first, inputs) = self.architecture.layers_with_inputs().next().expect("a network has a layer");
        let (operations, outputs) =
            (first.spec().multiplications(inputs).saturating_mul(2 * batch), first.spec().outputs(inputs));
        let can_be_sparse = self.layers[0].takes_sparse_batches() && batch.max(inputs) <= SparseBatch::MOST;
        can_be_sparse && Kind::for_pixels(operations, outputs).is_some()
    }

    /// How many steps with batches of up to `batch` images learn from what is loaded at once, if the learner is [`linear`](Learner::linear) and inputs are proportional to bytes.
    ///
    /// What the first layer's weights learn in a step of images `X` adds `Xᵀ·D` to them, so the next step, of images `X'`, has `X'·(W + Xᵀ·D) = X'·W + (X'·Xᵀ)·D`. The product of the images is
    /// small, and is there before `D` is known. So several steps read and write the weights once, as one of so many images would. Of a layer of fewer than 64 units they are too small for that to matter, and its batches are one group.
    pub fn steps_at_once(&self, batch: usize) -> usize {
        /// Two gain nothing.
        const FEWEST: usize = 3;
        let is_narrow = SparseBatch::is_for_narrow(self.layers[0].outputs());
        let most = if is_narrow { 1 } else { Self::IMAGES_AT_ONCE / batch.max(1) };
        (FEWEST..=most).rev().find(|steps| self.prefers_sparse_batches(steps * batch)).unwrap_or(1)
    }

    /// Sends the images of `workspace` that its step is about through the network, to logits.
    fn forward(&self, workspace: &mut Workspace, mode: Mode) {
        let has_begun = std::mem::take(&mut workspace.has_begun);
        let is_in_steps = workspace.is_in_steps();
        if is_in_steps {
            self.multiply_in_steps(workspace, has_begun);
        }
        let Workspace { batch, layers, of_step, .. } = workspace;
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, here) = layers.split_at_mut(i);
            let LayerSpace { y, scratch, .. } = &mut here[0];
            let y = some_rows_mut(y.view_mut(), rows_of(i, of_step));
            if i == 0 && (has_begun || is_in_steps) {
                layer.go_on_forward(y);
            } else {
                layer.forward(mode.at_layer(i), input_of(before, batch, of_step), y, all(scratch));
            }
        }
    }
    /// The first layer's product for a step, where several learn from the batch. The first of them multiplies all their images, if that has not begun; the others add what those before them put off.
    fn multiply_in_steps(&self, workspace: &mut Workspace, has_begun: bool) {
        let Workspace { batch, layers, of_step, kept, .. } = workspace;
        let LayerSpace { y, d_y, .. } = &mut layers[0];
        let samples = batch.samples(batch.len());
        if of_step.start == 0 {
            if !has_begun {
                self.layers[0].begin_forward(samples, some_rows_mut(y.view_mut(), 0..batch.len()));
            }
            return;
        }
        let Samples::Sparse(x) = samples else { unreachable!("steps at once are of a sparse batch") };
        let mut y = some_rows_mut(y.view_mut(), of_step.clone());
        add_steps_before(x, of_step.clone(), some_rows(d_y.view(), 0..of_step.start), y.view_mut());
        if *kept != 1.0 {
            y.mapv_inplace(|y| *kept as f32 * y);
        }
    }

    /// Scores the first `b` images of `workspace`; their probabilities stay in it.
    ///
    /// # Panics
    /// If `b` exceeds the workspace's batch, or the workspace belongs to a network of another shape, or is for several steps at once.
    pub fn score(&self, workspace: &mut Workspace, b: usize, objective: &dyn Objective) -> BatchScore {
        assert!(!workspace.is_in_steps(), "a workspace of steps at once is for learning");
        workspace.begin_step(b);
        self.score_as(Mode::Evaluate, workspace, objective)
    }

    /// Learns from the first `b` images of `workspace`, or the next of steps that are taken at once: forward, loss, and backward with `learner`. Returns their score
    /// before the parameters changed. Allocates nothing.
    ///
    /// # Panics
    /// As [`score`](Self::score), or if the workspace is [`for_scores`](Workspace::for_scores).
    pub fn learn(
        &mut self,
        step: Step,
        workspace: &mut Workspace,
        b: usize,
        objective: &dyn Objective,
        learner: &mut dyn Learner,
    ) -> BatchScore {
        self.learn_and_begin(step, workspace, b, objective, learner, None)
    }

    /// [`learn`](Self::learn), after which `next`, of a network with the same first layer, is the batch of `workspace`, and the batch
    /// before is in `next`. Where it can, the first layer begins with it: whoever has learnt half of the rows of its weights multiplies with
    /// them at once. A loss that is not finite ends it: then nothing is begun, nor exchanged.
    ///
    /// If several steps learn from the batch of `workspace` this one learns from the next `b` images of it, and `next` waits for the last. Until then the weights of the first layer are
    /// not what these steps made of them.
    ///
    /// # Panics
    /// As [`learn`](Self::learn), or if `next` has more images than the batch, or several steps learn from it and the learner is not [`linear`](Learner::linear).
    pub fn learn_and_begin(
        &mut self,
        step: Step,
        workspace: &mut Workspace,
        b: usize,
        objective: &dyn Objective,
        learner: &mut dyn Learner,
        next: Option<&mut Batch>,
    ) -> BatchScore {
        assert!(!workspace.is_for_scores, "a workspace for scores is not for learning");
        workspace.begin_step(b);
        let next = next.filter(|_| workspace.is_last_step());
        if let Some(next) = &next {
            next.prefetch();
        }
        let score = self.score_as(Mode::Train { step, layer: 0 }, workspace, objective);
        let (labels, _, d_y) = workspace.ends();
        objective.backward(labels, d_y);
        let next = next.filter(|_| score.loss_sum.is_finite());
        let has_begun = self.backward(workspace, learner, next.as_deref());
        if let Some(next) = next {
            std::mem::swap(&mut workspace.batch, next);
            workspace.rewind();
            workspace.has_begun = has_begun;
        }
        score
    }

    fn score_as(&self, mode: Mode, workspace: &mut Workspace, objective: &dyn Objective) -> BatchScore {
        self.forward(workspace, mode);
        let (labels, logits, d_y) = workspace.ends();
        let loss_sum = objective.forward(logits, labels, d_y);
        let (labels, logits, _) = workspace.ends();
        BatchScore { loss_sum, correct: count_correct(logits, labels) }
    }

    /// From the gradient of the logits, in the last layer's `d_y`, back to the first layer, and on to what that makes of `next`. Returns
    /// whether it did.
    fn backward(&mut self, workspace: &mut Workspace, learner: &mut dyn Learner, next: Option<&Batch>) -> bool {
        let (puts_off, is_last) = (workspace.is_in_steps(), workspace.is_last_step());
        let next = next.filter(|next| !next.is_empty());
        let Workspace { batch, layers, of_step, kept, .. } = workspace;
        let mut has_begun = false;
        for (i, layer) in self.layers.iter_mut().enumerate().rev() {
            let (before, here) = layers.split_at_mut(i);
            let LayerSpace { y, d_y, scratch } = &mut here[0];
            let (x, d_x) = match before.last_mut() {
                None => (batch.samples(of_step.end), None),
                Some(LayerSpace { y, d_y, .. }) => {
                    let rows = rows_of(i - 1, of_step);
                    (Samples::Whole(some_rows(y.view(), rows.clone())), Some(some_rows_mut(d_y.view_mut(), rows)))
                }
            };
            let pass = Backward {
                x,
                y: some_rows_mut(y.view_mut(), rows_of(i, of_step)),
                d_y: some_rows_mut(d_y.view_mut(), rows_of(i, of_step)),
                d_x,
                scratch: all(scratch),
                first_parameter: self.first_parameters[i],
                next_x: next.filter(|_| i == 0 && !puts_off).map(|next| next.samples(next.len())),
                puts_off: i == 0 && puts_off,
            };
            has_begun = layer.backward(pass, learner);
        }
        if puts_off {
            let LayerSpace { y, d_y, scratch } = &mut layers[0];
            let Linear { rate, decay } = learner.linear().expect("steps that learn from one batch are linear");
            *kept *= 1.0 - decay;
            assert!(*kept > 0.0, "weights that decay to nothing cannot wait for it");
            let factor = (-rate / *kept) as f32;
            some_rows_mut(d_y.view_mut(), of_step.clone()).mapv_inplace(|d| factor * d);
            has_begun = is_last && {
                let (x, n) = (batch.samples(batch.len()), batch.len());
                let (d, y) = (some_rows(d_y.view(), 0..n), y.view_mut());
                let next_x = next.map(|next| next.samples(next.len()));
                self.layers[0].catch_up(CatchUp { x, d, kept: *kept, y, scratch: all(scratch), next_x })
            };
        }
        has_begun
    }
}

/// The output of the layer before, or the images, that a step is about.
fn input_of<'a>(before: &'a [LayerSpace], batch: &'a Batch, of_step: &Range<usize>) -> Samples<'a> {
    match before.split_last() {
        None => batch.samples(of_step.end),
        Some((previous, earlier)) => Samples::Whole(some_rows(previous.y.view(), rows_of(earlier.len(), of_step))),
    }
}

/// Its elements: row after row.
fn all(matrix: &mut Array2<f32>) -> &mut [f32] {
    matrix.as_slice_mut().expect("a contiguous matrix")
}

/// The class of the largest value; the lowest of those that share it.
pub fn predicted_class(values: ArrayView1<f32>) -> usize {
    largest(values.iter())
}

fn largest<'a>(values: impl Iterator<Item = &'a f32>) -> usize {
    let (mut best, mut of_best) = (0, f32::NEG_INFINITY);
    for (class, &value) in values.enumerate() {
        // No branch: half of them would be foreseen wrongly.
        let is_larger = value > of_best;
        best = if is_larger { class } else { best };
        of_best = if is_larger { value } else { of_best };
    }
    best
}

fn count_correct(logits: ArrayView2<f32>, labels: &[u8]) -> usize {
    let rows = logits.to_slice().expect("a contiguous matrix").chunks_exact(logits.ncols());
    rows.zip(labels).map(|(row, label)| usize::from(largest(row.iter()) == usize::from(*label))).sum()
}
