//! What PyTorch calls the parameters of a network that is written as `torch.nn.Sequential`.

use super::{Activation, Architecture, LayerSpec};

impl Architecture {
    /// The names in order, as [`Network::parameters`](super::Network::parameters) has them: `0.weight`, `0.bias`,
    /// `2.weight`, ... Modules are counted from 0: a layer, then its activation unless that is the identity. Dropout is
    /// none: a network that has learnt does without.
    pub fn sequential_names(&self) -> Vec<String> {
        let mut place = 0;
        let mut names = Vec::new();
        for layer in &self.layers {
            let (parameters, activation): (&[&str], _) = match layer {
                LayerSpec::Dense(dense) => (&["weight", "bias"], dense.activation),
                LayerSpec::InputBias(input_bias) => (&["bias"], input_bias.activation),
                LayerSpec::Dropout(_) => continue,
            };
            names.extend(parameters.iter().map(|parameter| format!("{place}.{parameter}")));
            place += if activation == Activation::Identity { 1 } else { 2 };
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::{Network, Output};

    use super::*;

    #[test]
    fn every_parameter_has_the_number_of_its_module_and_dropout_has_none() {
        let plain = Architecture::perceptron(6, &[5, 4], Activation::Relu, 3, Output::Softmax);
        let biased = plain.clone().with_dropout(0.1, 0.5).with_input_bias(Activation::Identity);
        assert_eq!(plain.sequential_names(), ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"]);
        let names = biased.sequential_names();
        assert_eq!(names, ["0.bias", "1.weight", "1.bias", "3.weight", "3.bias", "5.weight", "5.bias"]);
        let kinds =
            |names: Vec<String>| -> Vec<_> { names.iter().map(|n| n.rsplit('.').next().unwrap().to_owned()).collect() };
        let ours = Network::zeros(biased).parameters().map(|(name, _)| name).collect();
        assert_eq!(kinds(names), kinds(ours));
    }
}
