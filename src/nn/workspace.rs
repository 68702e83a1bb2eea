//! Every buffer of a step, sized once for the largest batch; a shorter batch uses the first rows.

use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

use super::Network;

/// The memory of forward and backward passes of one network.
#[derive(Debug)]
pub struct Workspace {
    /// (B, I): the images.
    pub(super) x: Array2<f32>,
    /// (B).
    pub(super) labels: Vec<u8>,
    /// From the first layer on.
    pub(super) layers: Vec<LayerSpace>,
}

/// The buffers of one layer.
#[derive(Debug)]
pub(super) struct LayerSpace {
    /// (B, O): the output.
    pub y: Array2<f32>,
    /// (B, O): the gradient of the output; of the last layer, the probabilities before it.
    pub d_y: Array2<f32>,
    /// What the layer keeps between forward and backward.
    pub scratch: Vec<f32>,
}

impl Workspace {
    /// For batches of up to `batch` images through `network`.
    pub fn new(network: &Network, batch: usize) -> Self {
        Self::filled(network, batch, 0.0)
    }

    /// The same with every float set to `value`: tests show with it that nothing left over is ever read.
    pub fn filled(network: &Network, batch: usize, value: f32) -> Self {
        let layers = network.layers().iter().map(|layer| LayerSpace {
            y: Array2::from_elem((batch, layer.outputs()), value),
            d_y: Array2::from_elem((batch, layer.outputs()), value),
            scratch: vec![value; layer.scratch_len(batch)],
        });
        Self {
            x: Array2::from_elem((batch, network.architecture().inputs), value),
            labels: vec![0; batch],
            layers: layers.collect(),
        }
    }

    /// Largest batch it has room for.
    pub fn batch(&self) -> usize {
        self.labels.len()
    }

    /// The places for the next batch of `b` images: `X` (b, I) and labels (b).
    ///
    /// # Panics
    /// If `b` exceeds [`batch`](Self::batch).
    pub fn input(&mut self, b: usize) -> (ArrayViewMut2<'_, f32>, &mut [u8]) {
        (self.x.slice_mut(s![..b, ..]), &mut self.labels[..b])
    }

    /// The logits (b, K) of the last forward pass of `b` images.
    pub fn logits(&self, b: usize) -> ArrayView2<'_, f32> {
        self.last().y.slice(s![..b, ..])
    }

    /// Their probabilities (b, K), if no backward pass came after it.
    pub fn probabilities(&self, b: usize) -> ArrayView2<'_, f32> {
        self.last().d_y.slice(s![..b, ..])
    }

    fn last(&self) -> &LayerSpace {
        self.layers.last().expect("a network has a layer")
    }
}
