//! Every buffer of a step, sized once for the largest batch; a shorter batch uses the first rows.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};

use super::Network;
use crate::data::{Dataset, Input};
use crate::linalg::{Samples, SparseBatch, aligned, some_rows, some_rows_mut};

/// The memory of forward and backward passes of one network.
#[derive(Debug)]
pub struct Workspace {
    pub(super) batch: Batch,
    /// From the first layer on.
    pub(super) layers: Vec<LayerSpace>,
    /// The first layer has begun with this batch: see [`Layer::go_on_forward`](super::Layer::go_on_forward).
    pub(super) has_begun: bool,
    /// The samples of the batch that the last step was about, or the one that is being done.
    pub(super) of_step: Range<usize>,
    /// What the decay of the steps so far that learn from the batch would have left of the first layer's weights; 1 before the first.
    pub(super) kept: f64,
    /// Nothing is learnt from its batches.
    pub(super) is_for_scores: bool,
}

/// The samples of a step, with their labels. The next steps' are loaded beside this one. In a box: batches are exchanged in every step, and what another thread has
/// just written takes long to move.
#[derive(Debug)]
pub struct Batch(Box<Contents>);

/// What is in a [`Batch`].
#[derive(Debug)]
struct Contents {
    /// (B).
    labels: Vec<u8>,
    /// How many were loaded last.
    images: usize,
    /// (B, I), where they are kept whole.
    whole: Array2<f32>,
    /// Where they are kept without most of their pixels that are zero.
    sparse: Option<SparseBatch>,
    /// Which of the two the last batch is in.
    is_whole: bool,
}

/// The buffers of one layer.
#[derive(Debug)]
pub(super) struct LayerSpace {
    /// (B, O): the output. The first layer's, and its gradient, have the samples of all steps that learn from a batch.
    pub y: Array2<f32>,
    /// (B, O): the gradient of the output; of the last layer, the probabilities before it.
    pub d_y: Array2<f32>,
    /// One row: what the layer keeps between forward and backward, or needs on the way. Aligned, since a first layer sums into it.
    pub scratch: Array2<f32>,
}

impl Workspace {
    /// For batches of up to `batch` images through `network`.
    pub fn new(network: &Network, batch: usize) -> Self {
        Self::of_steps(network, batch, 1)
    }

    /// For batches of up to `batch` images that are [`score`](Network::score)d only: their updates are not prepared.
    pub fn for_scores(network: &Network, batch: usize) -> Self {
        Self::with(network, batch, 1, 0.0, true)
    }

    /// For `steps` steps, each of up to `batch` images, that learn from what is loaded at once: see [`Network::steps_at_once`]. All but the last are of as many.
    ///
    /// # Panics
    /// If there is no step, or there are several and the first layer does not take sparse batches of so many images.
    pub fn of_steps(network: &Network, batch: usize, steps: usize) -> Self {
        Self::filled(network, batch, steps, 0.0)
    }

    /// The same with every float set to `value`: tests show with it that nothing left over is ever read.
    pub fn filled(network: &Network, batch: usize, steps: usize, value: f32) -> Self {
        Self::with(network, batch, steps, value, false)
    }

    fn with(network: &Network, batch: usize, steps: usize, value: f32, is_for_scores: bool) -> Self {
        let layers = network.layers().iter().enumerate().map(|(place, layer)| {
            let samples = if place == 0 { batch * steps } else { batch };
            LayerSpace {
                y: aligned(Array2::from_elem((samples, layer.outputs()), value)),
                d_y: aligned(Array2::from_elem((samples, layer.outputs()), value)),
                scratch: aligned(Array2::from_elem((1, layer.scratch_len(samples)), value)),
            }
        });
        let batch = Batch::with(network, batch, steps, value, is_for_scores);
        Self { batch, layers: layers.collect(), has_begun: false, of_step: 0..0, kept: 1.0, is_for_scores }
    }

    /// Before the first step that learns from its batch.
    pub(super) fn rewind(&mut self) {
        (self.has_begun, self.of_step, self.kept) = (false, 0..0, 1.0);
    }

    /// A step of the next `b` samples, where several learn from its batch; else of the first.
    ///
    /// # Panics
    /// If several do, and there are not as many samples left.
    pub(super) fn begin_step(&mut self, b: usize) {
        if self.is_last_step() {
            (self.of_step, self.kept) = (0..0, 1.0);
        }
        self.of_step = self.of_step.end..self.of_step.end + b;
        assert!(!self.is_in_steps() || self.of_step.end <= self.images(), "more samples than are left of the batch");
    }

    /// Whether the last step, or the one that is being done, is the last that learns from its batch.
    pub(super) fn is_last_step(&self) -> bool {
        !self.is_in_steps() || self.of_step.end == self.images()
    }

    /// What the last step, or the one that is being done, ends with: labels (b), logits (b, K), and their gradient (b, K).
    pub(super) fn ends(&mut self) -> (&[u8], ArrayView2<'_, f32>, ArrayViewMut2<'_, f32>) {
        let rows = rows_of(self.layers.len() - 1, &self.of_step);
        let LayerSpace { y, d_y, .. } = self.layers.last_mut().expect("a network has a layer");
        (
            &self.batch.labels()[self.of_step.clone()],
            some_rows(y.view(), rows.clone()),
            some_rows_mut(d_y.view_mut(), rows),
        )
    }

    /// Whether several steps learn from its batch.
    pub(super) fn is_in_steps(&self) -> bool {
        self.batch.is_in_steps()
    }

    /// Images that it has room for at once: the largest batch, or those of several steps.
    pub fn batch(&self) -> usize {
        self.batch.labels().len()
    }

    /// Images in its batch.
    pub fn images(&self) -> usize {
        self.batch.len()
    }

    /// Makes the images `indices` of `data`, their pixels by `input`, the batch. Allocates nothing. What steps put off that had learnt from the one before, but for its last step, is lost.
    ///
    /// # Panics
    /// If they are more than [`batch`](Self::batch), or an index is not below the number of images, or several steps are to learn from them and inputs are not proportional to bytes.
    pub fn load(&mut self, data: &Dataset, input: Input, indices: &[u32]) {
        self.rewind();
        self.batch.load(data, input, indices);
    }

    /// The places for the next batch of `b` samples that are from no data set: `X` (b, I) and labels (b).
    ///
    /// # Panics
    /// If `b` exceeds [`batch`](Self::batch).
    pub fn input(&mut self, b: usize) -> (ArrayViewMut2<'_, f32>, &mut [u8]) {
        self.rewind();
        let Contents { whole, is_whole, labels, .. } = &mut *self.batch.0;
        *is_whole = true;
        if whole.nrows() < b {
            *whole = Array2::zeros((labels.len(), whole.ncols())); // once
        }
        (some_rows_mut(whole.view_mut(), 0..b), &mut labels[..b])
    }

    /// The first `b` samples of the batch that is in it.
    pub fn samples(&self, b: usize) -> Samples<'_> {
        self.batch.samples(b)
    }

    /// The logits (b, K) of the last forward pass of `b` images, if the next has not begun.
    pub fn logits(&self, b: usize) -> ArrayView2<'_, f32> {
        self.output(self.layers.len() - 1, b)
    }

    /// Their probabilities (b, K), if no backward pass came after it.
    pub fn probabilities(&self, b: usize) -> ArrayView2<'_, f32> {
        some_rows(self.last().d_y.view(), self.rows_of(self.layers.len() - 1, b))
    }

    /// The output (b, O) of the layer at place `layer` in the last forward pass of `b` images, if the next has not begun.
    ///
    /// # Panics
    /// If the network has no such layer.
    pub fn output(&self, layer: usize, b: usize) -> ArrayView2<'_, f32> {
        some_rows(self.layers[layer].y.view(), self.rows_of(layer, b))
    }

    /// Of the first `b` samples of its step.
    fn rows_of(&self, place: usize, b: usize) -> Range<usize> {
        rows_of(place, &(self.of_step.start..self.of_step.start + b))
    }

    fn last(&self) -> &LayerSpace {
        self.layers.last().expect("a network has a layer")
    }
}

/// The rows of a step's `samples` in the buffers of the layer at `place`.
pub(super) fn rows_of(place: usize, samples: &Range<usize>) -> Range<usize> {
    if place == 0 { samples.clone() } else { 0..samples.len() }
}

impl Batch {
    /// For batches of up to `batch` images through `network`.
    pub fn new(network: &Network, batch: usize) -> Self {
        Self::of_steps(network, batch, 1)
    }

    /// For `steps` steps, each of up to `batch` images: see [`Workspace::of_steps`].
    ///
    /// # Panics
    /// As it.
    pub fn of_steps(network: &Network, batch: usize, steps: usize) -> Self {
        Self::with(network, batch, steps, 0.0, false)
    }

    fn with(network: &Network, of_step: usize, steps: usize, value: f32, is_for_scores: bool) -> Self {
        let inputs = network.architecture().inputs;
        let outputs = network.layers()[0].outputs();
        let batch = of_step * steps;
        let new = if is_for_scores { SparseBatch::for_scores } else { SparseBatch::new };
        let sparse = network.prefers_sparse_batches(batch).then(|| new(batch, inputs, outputs));
        assert!(steps == 1 || steps > 1 && sparse.is_some(), "steps at once are for a layer that takes sparse batches");
        let sparse = if steps > 1 { sparse.map(|sparse| sparse.in_steps_of(of_step)) } else { sparse };
        let whole = Array2::from_elem((if sparse.is_some() { 0 } else { batch }, inputs), value);
        let is_whole = sparse.is_none();
        Self(Box::new(Contents { labels: vec![0; batch], images: 0, whole, sparse, is_whole }))
    }

    /// As [`Workspace::load`].
    ///
    /// # Panics
    /// As it.
    pub fn load(&mut self, data: &Dataset, input: Input, indices: &[u32]) {
        self.0.is_whole = self.0.sparse.is_none();
        assert!(input.is_proportional() || !self.is_in_steps(), "inputs that are not proportional to bytes");
        let Contents { whole, sparse, labels, images, .. } = &mut *self.0;
        *images = indices.len();
        let labels = &mut labels[..indices.len()];
        match sparse {
            Some(sparse) => data.gather_sparse(input, indices, sparse, labels),
            None => data.gather(input, indices, some_rows_mut(whole.view_mut(), 0..indices.len()), labels),
        }
    }

    /// Asks for what products will read of a small batch to be brought nearer: another thread may have loaded it.
    pub(super) fn prefetch(&self) {
        /// More than that would drive out of the second cache what is needed before.
        const SMALL: usize = 16;
        if let Samples::Sparse(sparse) = self.samples(self.len())
            && self.len() <= SMALL
        {
            sparse.prefetch();
        }
    }

    /// Whether several steps learn from it.
    pub(super) fn is_in_steps(&self) -> bool {
        let Contents { sparse, is_whole, .. } = &*self.0;
        !is_whole && sparse.as_ref().is_some_and(SparseBatch::is_in_steps)
    }

    /// Those of the images; after them, what earlier batches left.
    pub(super) fn labels(&self) -> &[u8] {
        &self.0.labels
    }

    /// How many images were loaded last.
    pub fn len(&self) -> usize {
        self.0.images
    }

    /// True before the first.
    pub fn is_empty(&self) -> bool {
        self.0.images == 0
    }

    /// The first `b` samples; all of them, where they are kept without most of their pixels that are zero.
    pub fn samples(&self, b: usize) -> Samples<'_> {
        match &self.0.sparse {
            Some(sparse) if !self.0.is_whole => Samples::Sparse(sparse),
            _ => Samples::Whole(some_rows(self.0.whole.view(), 0..b)),
        }
    }
}
