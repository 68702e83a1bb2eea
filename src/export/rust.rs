//! A Rust module: the weights as arrays, and functions that use them; without `std`, without dependencies.

use std::fmt::Write;

use super::Portable;
use super::literal::{floats, identifier};
use super::portable::Stage;
use crate::data::Input;
use crate::nn::{Activation, Output};

/// What every network needs: compiled here, too, so that it is tested.
const RUNTIME: &str = include_str!("rust/runtime.rs");

/// The module.
pub(super) fn source(portable: &Portable<'_>) -> String {
    let (title, scale) = (portable.title(), portable.input());
    let (height, width) = portable.image_size();
    let architecture = portable.architecture();
    let (inputs, classes) = (architecture.inputs, architecture.classes());
    let class_names = &portable.description().class_names;
    let mut text = format!(
        "//! {title}
//!
//! Needs neither `std` nor another crate. What `predict` needs is on the stack: less than {} bytes.
#![allow(dead_code)] // not every network needs every function
#![allow(clippy::approx_constant)] // what looks like a constant was learnt

/// Pixels, top to bottom.
pub const HEIGHT: usize = {height};
/// Pixels, left to right.
pub const WIDTH: usize = {width};
/// Inputs of the network: one a pixel.
pub const INPUTS: usize = {inputs};
/// Classes it tells apart.
pub const CLASSES: usize = {classes};

/// What each class is called.
#[rustfmt::skip]
pub static CLASS_NAMES: [&str; CLASSES] = {class_names:?};

",
        4 * (architecture.widths().iter().sum::<usize>() + classes),
    );
    for tensor in portable.tensors() {
        let (array, values) = (array(&tensor.name), floats(&tensor.values, ""));
        let length = tensor.values.len();
        write!(text, "#[rustfmt::skip]\nstatic {array}: [f32; {length}] = [\n{values}];\n\n").expect(MEMORY);
    }
    let pixel = match portable.input() {
        Input::Gray => "f32::from(pixel) / 255.0".to_owned(),
        Input::Binary { threshold } => format!("f32::from(u8::from(pixel >= {threshold}))"),
    };
    let body = body(portable);
    write!(
        text,
        "/// The most probable class of an image, and the probability of each. Pixels are bytes, the top row first, 0 where
/// nothing is drawn.
pub fn predict(pixels: &[u8; INPUTS]) -> (usize, [f32; CLASSES]) {{
    predict_inputs(&pixels.map(|pixel| {pixel}))
}}

/// The same of inputs that are prepared already: {scale}.
pub fn predict_inputs(inputs: &[f32; INPUTS]) -> (usize, [f32; CLASSES]) {{
{body}}}

{RUNTIME}"
    )
    .expect(MEMORY);
    text
}

const MEMORY: &str = "memory takes everything";

fn array(tensor: &str) -> String {
    tensor.replace('.', "_").to_uppercase()
}

fn body(portable: &Portable<'_>) -> String {
    let mut text = String::new();
    let mut line = |line: String| writeln!(text, "    {line}").expect(MEMORY);
    let mut size = portable.architecture().inputs;
    line("let x = *inputs;".to_owned());
    for (place, stage) in portable.stages.iter().enumerate() {
        let is_changed = matches!(portable.stages.get(place + 1), Some(Stage::Activation(_)));
        match stage {
            Stage::Linear { weights, bias } => {
                size = bias.values.len();
                line(format!("let mut y = [0.0; {size}];"));
                line(format!("dense(&{}, &{}, &x, &mut y);", array(&weights.name), array(&bias.name)));
            }
            Stage::Bias { bias } => {
                line(format!("let mut y = [0.0; {size}];"));
                line(format!("add(&{}, &x, &mut y);", array(&bias.name)));
            }
            Stage::Activation(activation) => line(format!("{activation}(&mut y);")),
        }
        if !is_changed {
            line("let x = y;".to_owned());
        }
    }
    let output = match portable.architecture().output {
        Output::Softmax => "softmax",
        Output::Sigmoid => Activation::Sigmoid.name(),
    };
    line("let mut probabilities = x;".to_owned());
    line(format!("{output}(&mut probabilities);"));
    line("(greatest(&x), probabilities)".to_owned());
    text
}

/// How it is used.
pub(super) fn usage(portable: &Portable<'_>, file_name: &str) -> String {
    let (height, width) = portable.image_size();
    let name = identifier(file_name);
    let path = if file_name == format!("{name}.rs") { String::new() } else { format!("#[path = {file_name:?}]\n") };
    format!(
        "{path}mod {name};\n\nlet (label, probabilities) = {name}::predict(&pixels); // pixels: [u8; {}], {height} x {width}\n",
        height * width
    )
}

#[cfg(test)]
#[expect(dead_code, reason = "what is exported is more than the tests need")]
mod tests {
    include!("rust/runtime.rs");

    #[test]
    fn its_functions_are_those_of_training_to_six_digits() {
        use crate::linalg::elementwise;
        for step in -2000..2000 {
            let x = step as f32 / 25.0;
            let near = |found: f32, expected: f32| (found - expected).abs() <= 1e-6 * expected.abs().max(1.0);
            assert!((exp(x) / elementwise::exp(x) - 1.0).abs() < 1e-6, "{x}");
            let of = |f: fn(&mut [f32])| {
                let mut values = [x];
                f(&mut values);
                values[0]
            };
            assert!(near(of(sigmoid), elementwise::sigmoid(x)), "{x}");
            assert!(near(of(tanh), elementwise::tanh(x)), "{x}");
        }
    }

    #[test]
    fn nothing_overflows_at_the_ends() {
        let mut far = [f32::MAX, f32::MIN, 0.0];
        softmax(&mut far);
        assert_eq!((far[0], far[1] < 1e-37, greatest(&[1.0, 2.0, 2.0])), (1.0, true, 1));
        let mut ends = [f32::MAX, f32::MIN];
        tanh(&mut ends);
        assert_eq!(ends, [1.0, -1.0]);
        sigmoid(&mut ends);
        assert!(ends.iter().all(|x| (0.0..=1.0).contains(x)));
    }
}
