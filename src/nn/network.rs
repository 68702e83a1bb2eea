//! A network: layers in a row. Forward, loss, backward.

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::workspace::{Batch, LayerSpace};
use super::{Architecture, Backward, Init, Layer, Learner, Mode, Objective, Parameter, ParameterMut, Step, Workspace};
use crate::linalg::{Samples, SparseBatch, first_rows, first_rows_mut, kernels::Kind};
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

/// The products of a layer in a step: forward, its update, and backward but in the first layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Products {
    /// B.
    pub samples: usize,
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
    /// A network as described, all parameters 0.
    ///
    /// # Panics
    /// If `architecture` has no layer.
    pub fn zeros(architecture: Architecture) -> Self {
        assert!(!architecture.layers.is_empty(), "a network has a layer");
        let layers = architecture.layers_with_inputs().map(|(layer, inputs)| layer.spec().build(inputs));
        let layers: Vec<_> = layers.collect();
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

    /// The first layer whose output for the first `b` images of `workspace` was not finite in the last forward pass, by
    /// its name in a model file.
    pub fn first_not_finite(&self, workspace: &Workspace, b: usize) -> Option<String> {
        let is_finite = |layer: &LayerSpace| first_rows(&layer.y, b).iter().all(|value| value.is_finite());
        workspace.layers.iter().position(|layer| !is_finite(layer)).map(|place| self.layer_name(place))
    }

    /// Floating-point operations of the largest product in a step of `batch` images.
    pub fn largest_product(&self, batch: usize) -> usize {
        let layers = self.architecture.layers_with_inputs();
        let products = layers.map(|(layer, inputs)| layer.spec().multiplications(inputs));
        products.max().unwrap_or(0).saturating_mul(2 * batch)
    }

    /// The products of each layer that multiplies, with batches of `batch` images.
    pub fn products(&self, batch: usize) -> Vec<Products> {
        let mut all = Vec::new();
        for (place, (layer, inputs)) in self.architecture.layers_with_inputs().enumerate() {
            let operations = layer.spec().multiplications(inputs).saturating_mul(2 * batch);
            if operations > 0 {
                let leaves_out_zeros = place == 0 && self.prefers_sparse_batches(batch);
                let outputs = layer.spec().outputs(inputs);
                all.push(Products { samples: batch, inputs, outputs, operations, leaves_out_zeros });
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

    /// Sends the first `b` images of `workspace` through the network, to logits.
    fn forward(&self, workspace: &mut Workspace, b: usize, mode: Mode) {
        let has_begun = std::mem::take(&mut workspace.has_begun);
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, here) = workspace.layers.split_at_mut(i);
            if i == 0 && has_begun {
                layer.go_on_forward(first_rows_mut(&mut here[0].y, b));
                continue;
            }
            let x = input_of(before, &workspace.batch, b);
            layer.forward(mode.at_layer(i), x, first_rows_mut(&mut here[0].y, b), all(&mut here[0].scratch));
        }
    }

    /// Scores the first `b` images of `workspace`; their probabilities stay in it.
    ///
    /// # Panics
    /// If `b` exceeds the workspace's batch, or the workspace belongs to a network of another shape.
    pub fn score(&self, workspace: &mut Workspace, b: usize, objective: &dyn Objective) -> BatchScore {
        self.score_as(Mode::Evaluate, workspace, b, objective)
    }

    /// Learns from the first `b` images of `workspace`: forward, loss, and backward with `learner`. Returns their score
    /// before the parameters changed. Allocates nothing.
    ///
    /// # Panics
    /// As [`score`](Self::score).
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
    /// # Panics
    /// As [`score`](Self::score), or if `next` has more than `b` images.
    pub fn learn_and_begin(
        &mut self,
        step: Step,
        workspace: &mut Workspace,
        b: usize,
        objective: &dyn Objective,
        learner: &mut dyn Learner,
        next: Option<&mut Batch>,
    ) -> BatchScore {
        if let Some(next) = &next {
            next.prefetch();
        }
        let score = self.score_as(Mode::Train { step, layer: 0 }, workspace, b, objective);
        let last = workspace.layers.last_mut().expect("a network has a layer");
        objective.backward(&workspace.batch.labels()[..b], first_rows_mut(&mut last.d_y, b));
        let next = next.filter(|_| score.loss_sum.is_finite());
        let has_begun = self.backward(workspace, b, learner, next.as_deref());
        if let Some(next) = next {
            std::mem::swap(&mut workspace.batch, next);
            workspace.has_begun = has_begun;
        }
        score
    }

    fn score_as(&self, mode: Mode, workspace: &mut Workspace, b: usize, objective: &dyn Objective) -> BatchScore {
        self.forward(workspace, b, mode);
        let last = workspace.layers.last_mut().expect("a network has a layer");
        let labels = &workspace.batch.labels()[..b];
        let logits = first_rows(&last.y, b);
        let loss_sum = objective.forward(logits, labels, first_rows_mut(&mut last.d_y, b));
        BatchScore { loss_sum, correct: count_correct(logits, labels) }
    }

    /// From the gradient of the logits, in the last layer's `d_y`, back to the first layer, and on to what that makes of `next`. Returns
    /// whether it did.
    fn backward(
        &mut self,
        workspace: &mut Workspace,
        b: usize,
        learner: &mut dyn Learner,
        next: Option<&Batch>,
    ) -> bool {
        let mut has_begun = false;
        for (i, layer) in self.layers.iter_mut().enumerate().rev() {
            let (before, here) = workspace.layers.split_at_mut(i);
            let LayerSpace { y, d_y, scratch } = &mut here[0];
            let (x, d_x) = match before.last_mut() {
                Some(LayerSpace { y, d_y, .. }) => (Samples::Whole(first_rows(y, b)), Some(first_rows_mut(d_y, b))),
                None => (workspace.batch.samples(b), None),
            };
            let pass = Backward {
                x,
                y: first_rows_mut(y, b),
                d_y: first_rows_mut(d_y, b),
                d_x,
                scratch: all(scratch),
                first_parameter: self.first_parameters[i],
                next_x: next.filter(|next| i == 0 && !next.is_empty()).map(|next| next.samples(next.len())),
            };
            has_begun = layer.backward(pass, learner);
        }
        has_begun
    }
}

/// The output of the layer before, or the images: `b` of them.
fn input_of<'a>(before: &'a [LayerSpace], batch: &'a Batch, b: usize) -> Samples<'a> {
    before.last().map_or_else(|| batch.samples(b), |previous| Samples::Whole(first_rows(&previous.y, b)))
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
