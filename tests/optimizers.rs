//! Every optimizer takes PyTorch's steps.

use gemmnist::linalg::Samples;
use gemmnist::nn::{Activation, Architecture, Network, Output};
use gemmnist::optim::{OptimizerName, optimizer};
use ndarray::{ArrayView2, arr1, arr2};

/// Gradients of two weights and a bias, step by step.
const GRADIENTS: [([f32; 2], f32); 4] =
    [([0.1, -0.2], 0.3), ([-0.4, 0.05], 0.3), ([0.02, 0.9], -0.6), ([0.0, -0.3], 0.01)];

/// Name, L2, and what four steps of learning rate 0.1 make of the weights 0.5 and -1 and the bias 2; printed by
/// scripts/golden_optimizers.py with PyTorch 2.15.
const PYTORCH: &[(&str, f64, [f64; 3])] = &[
    ("sgd", 0.0, [0.52800006, -1.0450001, 1.999]),
    ("sgd", 0.25, [0.47865036, -0.94765383, 1.999]),
    ("momentum", 0.0, [0.57021004, -1.08577, 1.92853]),
    ("momentum", 0.25, [0.45986426, -0.86980665, 1.92853]),
    ("nesterov", 0.0, [0.59118897, -1.122193, 1.9346769]),
    ("nesterov", 0.25, [0.44480816, -0.83993506, 1.9346769]),
    ("rmsprop", 0.0, [0.42172077, -0.90835166, 1.095948]),
    ("rmsprop", 0.25, [0.11673112, -0.5093118, 1.095948]),
    ("adam", 0.0, [0.52890188, -0.93146658, 1.8129697]),
    ("adam", 0.25, [0.3938843, -0.80328661, 1.8129697]),
    ("adamw", 0.0, [0.52890188, -0.93146658, 1.8129697]),
    ("adamw", 0.25, [0.48429486, -0.84343225, 1.8129697]),
];

#[test]
fn every_optimizer_takes_the_steps_of_pytorch() {
    let architecture = Architecture::perceptron(2, &[], Activation::Identity, 1, Output::Softmax);
    for &(name, l2, expected) in PYTORCH {
        let name = OptimizerName::from_name(name).unwrap();
        let mut optimizer = optimizer(name, l2, &Network::zeros(architecture.clone()));
        let (mut weights, mut bias) = (arr2(&[[0.5], [-1.0]]), arr1(&[2.0]));
        for (of_weights, of_bias) in GRADIENTS {
            optimizer.begin_step(0.1);
            // Xᵀ·D is the gradient where X is it and D is 1.
            let x = ArrayView2::from_shape((1, 2), &of_weights).unwrap();
            optimizer.weights(0, weights.view_mut(), Samples::Whole(x), arr2(&[[1.0]]).view(), None);
            optimizer.bias(1, bias.view_mut(), arr1(&[of_bias]).view());
        }
        for (found, expected) in weights.iter().chain(&bias).zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{name}, L2 {l2}: {found} {expected}"); // 4 steps of rounding
        }
    }
}

#[test]
fn no_optimizer_was_left_out() {
    for name in OptimizerName::NAMES {
        assert!(PYTORCH.iter().any(|(known, _, _)| known == name), "{name}");
    }
}
