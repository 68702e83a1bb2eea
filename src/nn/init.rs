//! Initial values.

use ndarray_rand::rand::Rng;
use ndarray_rand::rand_distr::Distribution;

use crate::seed::{normal, unit};

/// How the parameters of a layer with I inputs and O outputs start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// Weights normal with variance 2/I: keeps the variance of ReLU activations (He et al. 2015, eq. 10). Biases 0.
    He,
    /// Weights uniform in ±√(6/(I+O)): keeps the variance of activations and gradients of tanh and sigmoid units
    /// (Glorot and Bengio 2010, eq. 16). Biases 0.
    Xavier,
    /// Weights normal with variance 1/I (LeCun et al. 1998, "Efficient BackProp", eq. 16). Biases 0.
    LeCun,
    /// Weights and biases normal with variance 1.
    Normal,
    /// Weights and biases uniform in ±`range`.
    Uniform {
        /// Their largest absolute value.
        range: f64,
    },
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
            Self::Uniform { range } => Values::Uniform { bound: range },
        }
    }

    /// What its biases are drawn from.
    pub fn bias(self) -> Values {
        match self {
            Self::He | Self::Xavier | Self::LeCun => Values::Zero,
            Self::Normal => Values::Normal { standard_deviation: 1.0 },
            Self::Uniform { range } => Values::Uniform { bound: range },
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
