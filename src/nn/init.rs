//! Initial values.

use ndarray_rand::rand::Rng;
use ndarray_rand::rand_distr::Distribution;

use crate::names::named_enum;
use crate::seed::{normal, unit};

named_enum! {
    /// How the parameters of a layer with I inputs and O outputs start.
    pub enum Init {
        /// Weights normal with variance 2/I: keeps the variance of ReLU activations (He et al. 2015, eq. 10). Biases 0.
        He = "he",
        /// Weights uniform in ±√(6/(I+O)): keeps the variance of activations and gradients of tanh and sigmoid units
        /// (Glorot and Bengio 2010, eq. 16). Biases 0.
        Xavier = "xavier",
        /// Weights normal with variance 1/I (LeCun et al. 1998, "Efficient BackProp", eq. 16). Biases 0.
        LeCun = "lecun",
        /// Weights and biases normal with variance 1.
        Normal = "normal",
        /// Weights and biases uniform in ±0.05.
        Uniform = "uniform",
    }
}

/// A distribution whose values we own: `rand_distr`'s may change between its versions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Values {
    /// Always 0; draws nothing.
    Zero,
    /// Mean 0.
    Normal { standard_deviation: f64 },
    /// Uniform in ±`bound`.
    Uniform { bound: f64 },
}

impl Init {
    /// What the weights of a layer with `inputs` and `outputs` are drawn from.
    pub fn weights(self, inputs: usize, outputs: usize) -> Values {
        let (inputs, outputs) = (inputs as f64, outputs as f64);
        match self {
            Self::He => Values::Normal { standard_deviation: (2.0 / inputs).sqrt() },
            Self::Xavier => Values::Uniform { bound: (6.0 / (inputs + outputs)).sqrt() },
            Self::LeCun => Values::Normal { standard_deviation: (1.0 / inputs).sqrt() },
            Self::Normal => Values::Normal { standard_deviation: 1.0 },
            Self::Uniform => Values::Uniform { bound: 0.05 },
        }
    }

    /// What its biases are drawn from.
    pub fn bias(self) -> Values {
        match self {
            Self::He | Self::Xavier | Self::LeCun => Values::Zero,
            Self::Normal => Values::Normal { standard_deviation: 1.0 },
            Self::Uniform => Values::Uniform { bound: 0.05 },
        }
    }
}

impl Distribution<f32> for Values {
    fn sample<R: Rng + ?Sized>(&self, stream: &mut R) -> f32 {
        match *self {
            Self::Zero => 0.0,
            Self::Normal { standard_deviation } => (standard_deviation * normal(stream)) as f32,
            Self::Uniform { bound } => (bound * (2.0 * unit(stream) - 1.0)) as f32,
        }
    }
}
