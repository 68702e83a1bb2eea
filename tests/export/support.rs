//! Networks with every layer, activation, output and preprocessing, and what they make of images.

use gemmnist::data::{Dataset, Input};
use gemmnist::export::Portable;
use gemmnist::nn::{Activation, Architecture, Init, Network, Output, Workspace, loss};
use gemmnist::seed::Seed;
use gemmnist::train::model_file::{Description, Training};
use gemmnist::train::{TrainConfig, TrainSettings};

pub const SIZE: (usize, usize) = (2, 3);
pub const PIXELS: usize = 6;
pub const CLASSES: usize = 3;
const IMAGES: usize = 40;

pub struct Case {
    pub network: Network,
    pub description: Description,
    pub images: Dataset,
}

/// Bytes that look drawn at random, the ends of their range among them.
fn images() -> Dataset {
    let pixel = |i: usize| match i % 7 {
        0 => 0,
        1 => 255,
        2 => 100,
        3 => 99,
        _ => (i * 7919 % 256) as u8,
    };
    let labels = (0..IMAGES).map(|i| (i % CLASSES) as u8).collect();
    Dataset::new((0..IMAGES * PIXELS).map(pixel).collect(), labels, SIZE, CLASSES)
}

impl Case {
    pub fn new(architecture: Architecture, input: Input) -> Self {
        let mut network = Network::initialised(architecture, Init::Normal, Seed(3));
        for (number, (name, mut parameter)) in network.parameters_mut().enumerate() {
            if name.ends_with("bias") {
                let gemmnist::nn::ParameterMut::Bias(bias) = &mut parameter else { panic!("{name}") };
                bias.iter_mut().zip(1..).for_each(|(b, i)| *b = ((number * 3 + i * 5) % 7) as f32 / 7.0 - 0.4);
            }
        }
        let settings = TrainSettings {
            data: "/home/somebody/mnist".to_owned(),
            init_from: Some("/home/somebody/net.safetensors".into()),
            ..TrainSettings::default()
        };
        let mut training = Training::new(&settings.check().unwrap() as &TrainConfig, None);
        training.test_accuracy = Some(0.9825);
        let images = images();
        let mut description = Description::new(&network, &images, input, training);
        description.class_names = vec!["zero".to_owned(), "\"1\" */ ??/".to_owned(), "\u{4e8c}".to_owned()];
        Self { network, description, images }
    }

    /// A network that thinks all classes equally probable.
    fn undecided(architecture: Architecture) -> Self {
        Self { network: Network::zeros(architecture.clone()), ..Self::new(architecture, Input::Gray) }
    }

    pub fn portable(&self) -> Portable<'_> {
        Portable::new(&self.network, &self.description)
    }

    /// (N, K), and the most probable classes, as training has them.
    pub fn answers(&self) -> (Vec<Vec<f64>>, Vec<usize>) {
        let output = self.network.architecture().output;
        let objective = loss::objective(output, loss::Loss::Mse).unwrap();
        let count = self.images.len();
        let mut workspace = Workspace::new(&self.network, count);
        let all: Vec<u32> = (0..count as u32).collect();
        workspace.load(&self.images, self.description.input(), &all);
        self.network.score(&mut workspace, count, objective);
        let probabilities = workspace.probabilities(count);
        let rows = probabilities.rows().into_iter().map(|row| row.iter().map(|&p| p.into()).collect());
        let classes = workspace.logits(count).rows().into_iter().map(gemmnist::nn::predicted_class).collect();
        (rows.collect(), classes)
    }
}

/// Every kind of stage, alone and with the others.
pub fn cases() -> Vec<Case> {
    let perceptron =
        |hidden: &[usize], activation, output| Architecture::perceptron(PIXELS, hidden, activation, CLASSES, output);
    let binary = Input::Binary { threshold: 100 };
    let (relu, sigmoid, tanh) = (Activation::Relu, Activation::Sigmoid, Activation::Tanh);
    vec![
        Case::new(perceptron(&[5], relu, Output::Softmax), Input::Gray),
        Case::new(perceptron(&[5, 4], sigmoid, Output::Sigmoid).with_dropout(0.1, 0.5), binary),
        Case::new(perceptron(&[4], tanh, Output::Softmax).with_input_bias(tanh), Input::Gray),
        Case::new(perceptron(&[], relu, Output::Sigmoid).with_input_bias(Activation::Identity), Input::Gray),
        Case::new(perceptron(&[4], relu, Output::Softmax).with_input_bias(relu).with_dropout(0.2, 0.2), binary),
        Case::undecided(perceptron(&[4], relu, Output::Softmax)),
    ]
}

/// That what another program makes of the images is what training makes of them.
pub fn assert_same(case: &Case, (probabilities, labels): (Vec<Vec<f64>>, Vec<usize>), tolerance: f64) {
    let name = case.network.architecture().describe();
    let (expected, classes) = case.answers();
    assert_eq!(labels, classes, "{name}");
    let pairs = expected.iter().flatten().zip(probabilities.iter().flatten());
    let furthest = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert_eq!(expected.len(), probabilities.len());
    assert!(furthest <= tolerance, "{name}: {furthest:e}");
}
