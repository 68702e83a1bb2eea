//! Evaluation: loss, accuracy and confusion of a network on a set of images. The only reader of the test split.

use ndarray::Array2;
use rayon::prelude::*;

use crate::data::{Dataset, Splits};
use crate::nn::{BatchScore, Network, Objective, Workspace, predicted_class};
use crate::train::{Judgement, RunningScore, Scores};

/// Images a rayon task takes at once. Fixed, whatever the number of threads: the sums are then the same to the last bit.
/// 250 images make products large enough for BLAS, and 40 tasks of MNIST's 10,000 test images.
const CHUNK: usize = 250;

/// What a network makes of a set of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean loss and accuracy.
    pub scores: Scores,
    /// Number of images by label (row) and predicted class (column), (K, K).
    pub confusion: Array2<u64>,
}

/// Evaluates `network` on all of `data`, in parallel within the current rayon pool. The result does not depend on the
/// number of threads.
///
/// # Panics
/// If images or classes do not fit the network, or there is no image: callers check both.
pub fn evaluate(network: &Network, objective: &dyn Objective, data: &Dataset) -> Evaluation {
    let classes = network.architecture().classes();
    assert_eq!(network.architecture().inputs, data.pixels(), "pixels an image");
    assert!(data.classes() <= classes && !data.is_empty(), "classes");
    let images: Vec<u32> = (0..data.len() as u32).collect();
    let chunks: Vec<(BatchScore, Vec<u8>)> = images
        .par_chunks(CHUNK)
        .map_init(
            || Workspace::new(network, CHUNK),
            |workspace, images| evaluate_chunk(network, objective, data, workspace, images),
        )
        .collect();

    let mut running = RunningScore::default();
    for (score, predictions) in &chunks {
        running.add(*score, predictions.len()); // in the order of the images: a sum of floats depends on it
    }
    let mut confusion = Array2::zeros((classes, classes));
    let predictions = chunks.iter().flat_map(|(_, predictions)| predictions);
    for (&label, &predicted) in data.labels().iter().zip(predictions) {
        confusion[(usize::from(label), usize::from(predicted))] += 1;
    }
    Evaluation { scores: running.scores(), confusion }
}

fn evaluate_chunk(
    network: &Network,
    objective: &dyn Objective,
    data: &Dataset,
    workspace: &mut Workspace,
    images: &[u32],
) -> (BatchScore, Vec<u8>) {
    let (x, labels) = workspace.input(images.len());
    data.gather(images, x, labels);
    let score = network.score(workspace, images.len(), objective);
    let logits = workspace.logits(images.len());
    (score, logits.rows().into_iter().map(|row| predicted_class(row) as u8).collect())
}

/// The judge of a training on `splits`: scores the network on the test images, for the record only.
pub fn judge<'a>(
    objective: &'a dyn Objective,
    splits: &'a Splits,
) -> impl Fn(&Network) -> Judgement + Send + Sync + 'a {
    move |network| {
        let test = evaluate(network, objective, &splits.test).scores;
        Judgement { validation: None, test: Some(test) }
    }
}

impl Evaluation {
    /// Images of class `class`: right, and in all.
    pub fn of_class(&self, class: usize) -> (u64, u64) {
        (self.confusion[(class, class)], self.confusion.row(class).sum())
    }
}
