//! Dropout: while it learns, a network does without a share of its units, another share each step.
//!
//! Srivastava et al. 2014, inverted: the units that stay are scaled up, so that evaluation needs no scaling.

use ndarray::{ArrayView2, ArrayViewMut2, Zip};
use ndarray_rand::rand::RngCore;
use serde::{Deserialize, Serialize};

use super::architecture::Spec;
use super::{Backward, Init, Layer, Learner, Mode, Parameter, ParameterMut};
use crate::linalg::Samples;
use crate::seed::Stream;

/// Dropout, described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropoutSpec {
    /// Share of the units that are left out, in [0, 1).
    pub rate: f64,
}

impl Spec for DropoutSpec {
    fn outputs(&self, inputs: usize) -> usize {
        inputs
    }

    fn parameters(&self, _inputs: usize) -> usize {
        0
    }

    fn build(&self, inputs: usize, _is_first: bool) -> Box<dyn Layer> {
        Box::new(Dropout { units: inputs, rate: self.rate })
    }
}

/// Leaves out each unit of each image with probability `rate`, by itself.
#[derive(Debug, Clone, PartialEq)]
struct Dropout {
    units: usize,
    rate: f64,
}

impl Dropout {
    /// Fills `mask` with `1 / (1 - rate)` for units that stay and 0 for those that are left out.
    fn draw(&self, mask: &mut [f32], stream: &mut Stream) {
        let left_out_below = (self.rate * 2f64.powi(32)) as u64; // of 32 random bits
        let stays = (1.0 / (1.0 - self.rate)) as f32;
        for pair in mask.chunks_mut(2) {
            let bits = stream.next_u64(); // enough for two units
            for (scale, bits) in pair.iter_mut().zip([bits >> 32, bits & 0xffff_ffff]) {
                *scale = if bits < left_out_below { 0.0 } else { stays };
            }
        }
    }
}

impl Layer for Dropout {
    fn outputs(&self) -> usize {
        self.units
    }

    /// The mask, (B, I).
    fn scratch_len(&self, batch: usize) -> usize {
        batch * self.units
    }

    fn initialise(&mut self, _init: Init, _stream: &mut Stream) {}

    /// `Y = X ⊙ M` with a mask drawn for this step and layer; in evaluation `Y = X`.
    fn forward(&self, mode: Mode, x: Samples, mut y: ArrayViewMut2<f32>, scratch: &mut [f32]) {
        let x = x.whole();
        let Mode::Train { step, layer } = mode else { return y.assign(&x) };
        let mask = &mut scratch[..x.len()];
        self.draw(mask, &mut step.stream(layer));
        let mask = ArrayView2::from_shape(x.dim(), mask).expect("room for a mask");
        Zip::from(&mut y).and(&x).and(&mask).for_each(|y, &x, &scale| *y = x * scale);
    }

    /// `d_X = d_Y ⊙ M`.
    fn backward(&mut self, pass: Backward<'_>, _learner: &mut dyn Learner) -> bool {
        let Backward { d_y, d_x, scratch, .. } = pass;
        let Some(mut d_x) = d_x else { return false };
        let mask = ArrayView2::from_shape(d_y.dim(), &scratch[..d_y.len()]).expect("room for a mask");
        Zip::from(&mut d_x).and(&d_y).and(&mask).for_each(|d_x, &d_y, &scale| *d_x = d_y * scale);
        false
    }

    /// Has nothing to keep in a file.
    fn file_prefix(&self, number: usize) -> String {
        format!("dropout.{number}")
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        Vec::new()
    }

    fn parameters_mut(&mut self) -> Vec<ParameterMut<'_>> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::Step;
    use crate::seed::Seed;
    use ndarray::Array2;

    const RATE: f64 = 0.3;
    const UNITS: usize = 500;

    fn mode(number: u64, layer: usize) -> Mode {
        Mode::Train { step: Step { seed: Seed(1), number }, layer }
    }

    /// Forward of ones; the scratch keeps the mask.
    fn forward(mode: Mode) -> (Array2<f32>, Vec<f32>) {
        let layer = Dropout { units: UNITS, rate: RATE };
        let mut scratch = vec![f32::NAN; layer.scratch_len(20)];
        let (x, mut y) = (Array2::ones((20, UNITS)), Array2::zeros((20, UNITS)));
        layer.forward(mode, Samples::Whole(x.view()), y.view_mut(), &mut scratch);
        (y, scratch)
    }

    /// 10,000 units, each left out with probability 0.3: 4.5 standard errors are 206.
    #[test]
    fn about_the_rate_of_the_units_is_left_out_and_the_others_keep_the_mean() {
        let (y, _) = forward(mode(1, 0));
        let left_out = y.iter().filter(|&&y| y == 0.0).count();
        assert!(left_out.abs_diff(3000) < 206, "{left_out}");
        assert!(y.iter().all(|&y| y == 0.0 || y == (1.0 / 0.7) as f32));
    }

    #[test]
    fn a_step_and_a_layer_have_a_mask_of_their_own_and_always_the_same() {
        let masks = [mode(1, 0), mode(2, 0), mode(1, 1), mode(1, 0)].map(|mode| forward(mode).0);
        assert!(masks[0] != masks[1] && masks[0] != masks[2] && masks[1] != masks[2]);
        assert_eq!(masks[0], masks[3]);
    }

    #[test]
    fn evaluation_leaves_nothing_out() {
        assert_eq!(forward(Mode::Evaluate).0, Array2::<f32>::ones((20, UNITS)));
    }

    /// The gradient passes where the unit stayed, scaled as it was: of ones, it is what the forward pass made of ones.
    #[test]
    fn the_gradient_goes_through_the_mask_of_the_forward_pass() {
        let (mut y, mut scratch) = forward(mode(1, 0));
        let (mut d_y, mut d_x) = (Array2::ones(y.dim()), Array2::zeros(y.dim()));
        let x = Array2::ones(y.dim());
        let pass = Backward {
            x: Samples::Whole(x.view()),
            y: y.view_mut(),
            d_y: d_y.view_mut(),
            d_x: Some(d_x.view_mut()),
            scratch: &mut scratch,
            first_parameter: 0,
            next_x: None,
            puts_off: false,
        };
        Dropout { units: UNITS, rate: RATE }.backward(pass, &mut crate::optim::Sgd::new(0.0));
        assert_eq!(d_x, y);
    }
}
