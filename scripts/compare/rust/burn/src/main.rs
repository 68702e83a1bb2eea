//! burn: its layers and optimizers on Flex, its CPU backend, in a loop of one's own.

use burn::module::Module;
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::relu};
use common::{Images, Learner, Work, serve};

#[derive(Module, Debug)]
struct Perceptron {
    layers: Vec<Linear>,
}

impl Perceptron {
    fn new(work: &Work, device: &Device) -> Self {
        let layer = |(weights, sides): (Vec<f32>, &[usize])| {
            let mut layer = LinearConfig::new(sides[0], sides[1]).init(device);
            let data = TensorData::new(weights, [sides[0], sides[1]]);
            layer.weight = layer.weight.map(|_| Tensor::from_data(data, device).require_grad());
            layer.bias = layer.bias.map(|bias| bias.map(|b| Tensor::zeros(b.shape(), device).require_grad()));
            layer
        };
        Self { layers: work.initial_weights().into_iter().zip(work.layers.windows(2)).map(layer).collect() }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let (last, hidden) = self.layers.split_last().expect("at least one layer");
        last.forward(hidden.iter().fold(x, |x, layer| relu(layer.forward(x))))
    }
}

struct Burn {
    /// Taken out while it is updated.
    network: Option<Perceptron>,
    loss: CrossEntropyLoss,
    optimizer: ModuleOptimizer,
    rate: f64,
    device: Device,
}

impl Burn {
    fn new(work: &Work) -> Self {
        let device = Device::flex().autodiff();
        let optimizer = match work.optimizer.as_str() {
            "sgd" => SgdConfig::new().init(),
            _ => AdamConfig::new().with_epsilon(1e-8).init(),
        };
        let loss = CrossEntropyLossConfig::new().init(&device);
        Self { network: Some(Perceptron::new(work, &device)), loss, optimizer, rate: work.rate, device }
    }
}

impl Learner for Burn {
    fn learn(&mut self, images: &Images, batch: &[usize]) {
        let (pixels, labels) = images.gather::<i32>(batch);
        let x = Tensor::<2>::from_data(TensorData::new(pixels, [batch.len(), 784]), &self.device);
        let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [batch.len()]), &self.device);
        let network = self.network.take().expect("put back after each step");
        let gradients = self.loss.forward(network.forward(x), labels).backward();
        let gradients = GradientsParams::from_grads(gradients, &network);
        self.network = Some(self.optimizer.step(self.rate, network, gradients));
    }

    fn recognise(&mut self, images: &Images) -> Vec<u8> {
        let x = TensorData::new(images.pixels.clone(), [images.len(), 784]);
        let x = Tensor::<2>::from_data(x, &self.device);
        let classes = self.network.as_ref().expect("put back").forward(x).argmax(1);
        classes.into_data().iter::<i64>().map(|class| class as u8).collect()
    }
}

fn main() -> std::io::Result<()> {
    serve("0.22", "backend Flex with its AVX-512 products", Burn::new)
}
