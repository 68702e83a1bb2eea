//! Evaluation: loss, accuracy and confusion of a network on a set of images. The only reader of the test split.

use ndarray::Array2;
use rayon::prelude::*;

use crate::data::{Dataset, Input};
use crate::format::percent;
use crate::nn::{BatchScore, Network, Objective, Workspace, predicted_class};
use crate::threads::with_one_blas_thread;
use crate::train::{Judgement, RunningScore, Scores};

/// Images a rayon task takes at once. Fixed, whatever the number of threads: the sums are then the same to the last bit.
/// They make 200 tasks of MNIST's 10,000 test images.
const CHUNK: usize = 50;

/// What a network makes of a set of images.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean loss and accuracy.
    pub scores: Scores,
    /// Number of images by label (row) and predicted class (column), (K, K).
    pub confusion: Array2<u64>,
}

/// Evaluates `network` on all of `data`, its pixels by `input`, in parallel within the current rayon pool. The result does not depend on the
/// number of threads.
///
/// # Panics
/// If images or classes do not fit the network, or there is no image: callers check both.
pub fn evaluate(network: &Network, objective: &dyn Objective, input: Input, data: &Dataset) -> Evaluation {
    let chunks = by_chunks(network, data, |workspace, images| {
        let score = score_chunk(network, objective, (input, data), workspace, images);
        (score, classes_of(workspace, images.len()).collect::<Vec<_>>())
    });
    summed(network, data, &chunks, |class| *class)
}

/// The same, with what the network takes each image for, in order.
pub fn evaluate_each(
    network: &Network,
    objective: &dyn Objective,
    input: Input,
    data: &Dataset,
) -> (Evaluation, Vec<Prediction>) {
    let chunks = by_chunks(network, data, |workspace, images| {
        let score = score_chunk(network, objective, (input, data), workspace, images);
        let probabilities = workspace.probabilities(images.len());
        let probabilities = probabilities.rows().into_iter().map(|row| row.to_vec());
        let predictions = classes_of(workspace, images.len()).zip(probabilities);
        let predictions = predictions.map(|(class, probabilities)| Prediction { class, probabilities });
        (score, predictions.collect::<Vec<_>>())
    });
    let evaluation = summed(network, data, &chunks, |prediction| prediction.class);
    (evaluation, chunks.into_iter().flat_map(|(_, predictions)| predictions).collect())
}

/// The evaluation that chunks of `data` come to, `class` telling what an image was taken for.
fn summed<P>(
    network: &Network,
    data: &Dataset,
    chunks: &[(BatchScore, Vec<P>)],
    class: impl Fn(&P) -> u8,
) -> Evaluation {
    let classes = network.architecture().classes();
    let mut running = RunningScore::default();
    for (score, predictions) in chunks {
        running.add(*score, predictions.len()); // in the order of the images: a sum of floats depends on it
    }
    let mut confusion = Array2::zeros((classes, classes));
    let predictions = chunks.iter().flat_map(|(_, predictions)| predictions);
    for (&label, prediction) in data.labels().iter().zip(predictions) {
        confusion[(usize::from(label), usize::from(class(prediction)))] += 1;
    }
    Evaluation { scores: running.scores(), confusion }
}

/// What `of_chunk` makes of every [`CHUNK`] images of `data`, in order, in parallel within the current rayon pool.
fn by_chunks<R: Send>(
    network: &Network,
    data: &Dataset,
    of_chunk: impl Fn(&mut Workspace, &[u32]) -> R + Sync + Send,
) -> Vec<R> {
    assert_eq!(network.architecture().inputs, data.pixels(), "pixels an image");
    assert!(data.classes() <= network.architecture().classes() && !data.is_empty(), "classes");
    let images: Vec<u32> = (0..data.len() as u32).collect();
    let chunks = || images.par_chunks(CHUNK).map_init(|| Workspace::for_scores(network, CHUNK), &of_chunk).collect();
    with_one_blas_thread(chunks)
}

fn score_chunk(
    network: &Network,
    objective: &dyn Objective,
    (input, data): (Input, &Dataset),
    workspace: &mut Workspace,
    images: &[u32],
) -> BatchScore {
    workspace.load(data, input, images);
    network.score(workspace, images.len(), objective)
}

/// What the first `b` images in `workspace`, which were scored, are taken for.
fn classes_of(workspace: &Workspace, b: usize) -> impl Iterator<Item = u8> {
    let logits = workspace.logits(b).into_outer_iter();
    logits.map(|row| predicted_class(row) as u8)
}

/// What a network takes an image for.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// The most probable class, the lowest of equals.
    pub class: u8,
    /// Of every class, (K).
    pub probabilities: Vec<f32>,
}

impl Prediction {
    /// Of its class.
    pub fn probability(&self) -> f32 {
        self.probabilities[usize::from(self.class)]
    }

    /// The classes and their probabilities, [`class`](Self::class) first, then from the most probable down.
    pub fn ranked(&self) -> Vec<(usize, f32)> {
        let mut ranked: Vec<_> = self.probabilities.iter().copied().enumerate().collect();
        ranked.sort_by(|(_, a), (_, b)| b.total_cmp(a)); // stable: the lowest of equals first
        let own = ranked.iter().position(|(class, _)| *class == usize::from(self.class)).unwrap_or(0);
        ranked[..=own].rotate_right(1); // two logits that differ may have come to one probability
        ranked
    }
}

/// Images of one class that were taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confused {
    /// What they are.
    pub label: usize,
    /// What they were taken for.
    pub prediction: usize,
    /// How many.
    pub images: u64,
}

/// The judge of a training: scores the network on the images held out, if any, and, for the record only, on the test
/// images.
pub fn judge<'a>(
    objective: &'a dyn Objective,
    input: Input,
    validation: Option<&'a Dataset>,
    test: &'a Dataset,
) -> impl Fn(&Network) -> Judgement + Send + Sync + 'a {
    move |network| {
        let scores = |data| evaluate(network, objective, input, data).scores;
        Judgement { validation: validation.map(scores), test: Some(scores(test)) }
    }
}

impl Evaluation {
    /// Images of class `class`: right, and in all.
    pub fn of_class(&self, class: usize) -> (u64, u64) {
        (self.confusion[(class, class)], self.confusion.row(class).sum())
    }

    /// The pairs of classes that are taken for each other, the most frequent first.
    pub fn most_confused(&self) -> Vec<Confused> {
        let pairs = self.confusion.indexed_iter();
        let pairs = pairs.map(|((label, prediction), &images)| Confused { label, prediction, images });
        let mut pairs: Vec<_> = pairs.filter(|pair| pair.label != pair.prediction && pair.images > 0).collect();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.images)); // stable
        pairs
    }

    /// Share of the images of each class that are right, averaged over the classes that have images.
    pub fn mean_rate(&self) -> f64 {
        let classes = (0..self.confusion.nrows()).map(|class| self.of_class(class)).filter(|(_, all)| *all > 0);
        let rates: Vec<_> = classes.map(|(right, all)| right as f64 / all as f64).collect();
        rates.iter().sum::<f64>() / rates.len() as f64
    }

    /// Whether no more of each class are right, on average, than by saying the same class of every image.
    fn is_a_guess(&self) -> bool {
        let classes = (0..self.confusion.nrows()).filter(|&class| self.of_class(class).1 > 0).count();
        classes > 1 && self.mean_rate() <= 1.0 / classes as f64
    }

    /// What there is to be said of one that is no better than that.
    pub fn remark(&self) -> Option<String> {
        let share = percent(self.mean_rate());
        let remark = format!(
            "No better than a guess: of each class {share} are right on average, as many as by always saying the same. \
             Another learning rate may help: gemmnist lr-find proposes one."
        );
        self.is_a_guess().then_some(remark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Activation, Architecture, Init, Output, loss::SoftmaxCrossEntropy};
    use crate::seed::Seed;

    /// Some chunks and a short one, of 2 x 2 in 3 classes.
    fn images() -> Dataset {
        let n = 4 * CHUNK + 17;
        let bytes = (0..4 * n).map(|i| (i * i % 251) as u8).collect();
        Dataset::new(bytes, (0..n).map(|i| (i % 3) as u8).collect(), (2, 2), 3)
    }

    fn architecture() -> Architecture {
        Architecture::perceptron(4, &[5], Activation::Tanh, 3, Output::Softmax)
    }

    fn with_threads(threads: usize, network: &Network, data: &Dataset) -> Evaluation {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| evaluate(network, &SoftmaxCrossEntropy, Input::Gray, data))
    }

    #[test]
    fn evaluation_does_not_depend_on_the_number_of_threads() {
        let network = Network::initialised(architecture(), Init::Normal, Seed(1));
        let data = images();
        let one = with_threads(1, &network, &data);
        for threads in [2, 3, 8] {
            let more = with_threads(threads, &network, &data);
            assert_eq!(more.scores.loss.to_bits(), one.scores.loss.to_bits(), "{threads} threads");
            assert_eq!(more, one, "{threads} threads");
        }
    }

    #[test]
    fn evaluation_counts_every_image_once_in_chunks_or_alone() {
        let network = Network::initialised(architecture(), Init::Normal, Seed(1));
        let data = images();
        let whole = with_threads(2, &network, &data);
        assert_eq!(whole.confusion.sum(), data.len() as u64);
        let alone: Vec<_> = (0..data.len()).map(|i| with_one(&network, &data.slice(i..i + 1))).collect();
        let loss = alone.iter().map(|image| image.scores.loss).sum::<f64>() / data.len() as f64;
        let found = whole.scores.loss;
        assert!((found - loss).abs() < 1e-6 * loss, "{found} {loss}: f32 products of other sizes");
        let right: f64 = alone.iter().map(|image| image.scores.accuracy).sum();
        assert_eq!(whole.confusion.diag().sum(), right as u64);
        assert_eq!(whole.scores.accuracy, right / data.len() as f64);
    }

    fn with_one(network: &Network, data: &Dataset) -> Evaluation {
        evaluate(network, &SoftmaxCrossEntropy, Input::Gray, data)
    }

    #[test]
    fn ties_count_the_lowest_class() {
        let data = images();
        let all_alike = with_threads(2, &Network::zeros(architecture()), &data);
        let of_class_0 = data.class_counts()[0];
        assert_eq!(all_alike.scores.accuracy, of_class_0 as f64 / data.len() as f64);
        assert_eq!(all_alike.confusion.column(0).sum(), data.len() as u64, "every image is taken for class 0");
        assert!((all_alike.scores.loss - 3_f64.ln()).abs() < 1e-6);
    }

    #[test]
    fn each_image_has_its_prediction_and_together_they_are_the_evaluation() {
        let network = Network::initialised(architecture(), Init::Normal, Seed(1));
        let data = images();
        let (evaluation, predictions) = evaluate_each(&network, &SoftmaxCrossEntropy, Input::Gray, &data);
        assert_eq!(evaluation, with_one(&network, &data));
        let right = predictions.iter().zip(data.labels()).filter(|(prediction, label)| prediction.class == **label);
        assert_eq!(right.count() as u64, evaluation.confusion.diag().sum());
        for prediction in &predictions {
            let sum: f32 = prediction.probabilities.iter().sum();
            assert!((sum - 1.0).abs() < 1e-5, "{prediction:?}");
            assert_eq!(prediction.ranked()[0], (prediction.class.into(), prediction.probability()));
        }
    }

    #[test]
    fn classes_are_ranked_by_their_probability_and_the_prediction_leads_equals() {
        let prediction = Prediction { class: 2, probabilities: vec![0.1, 0.4, 0.4, 0.05, 0.1] };
        assert_eq!(prediction.ranked(), [(2, 0.4), (1, 0.4), (0, 0.1), (4, 0.1), (3, 0.05)]);
    }

    #[test]
    fn the_most_confused_pair_comes_first_and_right_images_never() {
        let confusion = Array2::from_shape_vec((3, 3), vec![90, 2, 0, 7, 80, 2, 0, 0, 99]).unwrap();
        let evaluation = Evaluation { scores: Scores { loss: 0.1, accuracy: 0.9 }, confusion };
        let told: Vec<_> =
            evaluation.most_confused().iter().map(|pair| (pair.label, pair.prediction, pair.images)).collect();
        assert_eq!(told, [(1, 0, 7), (0, 1, 2), (1, 2, 2)]);
    }

    /// By classes: to be right less often than whoever always says the most frequent class is no guess where the others are recognised.
    #[test]
    fn a_guess_is_no_better_than_one_class_for_all_images() {
        for (confusion, is_a_guess) in [
            ([[0, 90, 0], [0, 7, 0], [0, 0, 0]], true),
            ([[0, 90, 0], [1, 7, 0], [0, 0, 0]], true),
            ([[1, 89, 0], [0, 7, 0], [0, 0, 0]], false),
            ([[90, 0, 0], [7, 0, 0], [3, 0, 0]], true),
            ([[76, 14, 0], [1, 9, 0], [0, 0, 0]], false),
            ([[90, 0, 0], [0, 0, 0], [0, 0, 0]], false), // of one class there is nothing to guess
            ([[0, 90, 0], [0, 0, 0], [0, 0, 0]], false),
            ([[0, 0, 0], [0, 0, 0], [0, 0, 0]], false),
        ] {
            let confusion = Array2::from(confusion.to_vec());
            let evaluation = Evaluation { scores: Scores { loss: 0.1, accuracy: 0.9 }, confusion };
            assert_eq!(evaluation.is_a_guess(), is_a_guess, "{}", evaluation.confusion);
        }
    }
}
