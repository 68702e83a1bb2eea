//! candle: its layers and optimizers on the CPU, as its own MNIST example uses them.

use candle_core::{D, DType, Device, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, SGD, Sequential, loss, seq};
use common::{Images, Learner, Work, serve};

enum Rule {
    Sgd(SGD),
    Adam(AdamW),
}

struct Candle {
    network: Sequential,
    rule: Rule,
}

fn tensors(images: &Images, batch: &[usize]) -> candle_core::Result<(Tensor, Tensor)> {
    let (pixels, labels) = images.gather::<u32>(batch);
    let shape = (batch.len(), 784);
    Ok((Tensor::from_vec(pixels, shape, &Device::Cpu)?, Tensor::from_vec(labels, batch.len(), &Device::Cpu)?))
}

impl Candle {
    fn new(work: &Work) -> candle_core::Result<Self> {
        let (mut network, mut variables) = (seq(), Vec::new());
        for (i, weights) in work.initial_weights().into_iter().enumerate() {
            let (inputs, outputs) = (work.layers[i], work.layers[i + 1]);
            let weights = Tensor::from_vec(weights, (inputs, outputs), &Device::Cpu)?.t()?.contiguous()?;
            let weights = Var::from_tensor(&weights)?;
            let bias = Var::zeros(outputs, DType::F32, &Device::Cpu)?;
            network = network.add(Linear::new(weights.as_tensor().clone(), Some(bias.as_tensor().clone())));
            variables.extend([weights, bias]);
            if i + 2 < work.layers.len() {
                network = network.add_fn(|x| x.relu());
            }
        }
        let adam = ParamsAdamW { lr: work.rate, weight_decay: 0.0, ..ParamsAdamW::default() };
        let rule = match work.optimizer.as_str() {
            "sgd" => Rule::Sgd(SGD::new(variables, work.rate)?),
            _ => Rule::Adam(AdamW::new(variables, adam)?),
        };
        Ok(Self { network, rule })
    }

    fn step(&mut self, images: &Images, batch: &[usize]) -> candle_core::Result<()> {
        let (x, labels) = tensors(images, batch)?;
        let loss = loss::cross_entropy(&self.network.forward(&x)?, &labels)?;
        match &mut self.rule {
            Rule::Sgd(sgd) => sgd.backward_step(&loss),
            Rule::Adam(adam) => adam.backward_step(&loss),
        }
    }

    fn classes(&self, images: &Images) -> candle_core::Result<Vec<u8>> {
        let all: Vec<usize> = (0..images.len()).collect();
        let (x, _) = tensors(images, &all)?;
        self.network.forward(&x)?.argmax(D::Minus1)?.to_dtype(DType::U8)?.to_vec1()
    }
}

impl Learner for Candle {
    fn learn(&mut self, images: &Images, batch: &[usize]) {
        self.step(images, batch).expect("shapes that agree");
    }

    fn recognise(&mut self, images: &Images) -> Vec<u8> {
        self.classes(images).expect("shapes that agree")
    }
}

fn main() -> std::io::Result<()> {
    serve("0.11", "candle-nn, its own products", |work| Candle::new(work).expect("shapes that agree"))
}
