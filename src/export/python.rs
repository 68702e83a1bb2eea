//! Python that uses an exported file: to paste as it is.

use super::literal::quoted;
use super::portable::Stage;
use super::{Portable, Takes};
use crate::data::Input;
use crate::nn::{Activation, Output};

/// The line that says what is expected to be there.
fn images(portable: &Portable<'_>) -> String {
    let (height, width) = portable.image_size();
    format!("# images: numpy.uint8, shape (N, {height}, {width}), 0 where nothing is drawn\n")
}

/// For ONNX Runtime.
pub(super) fn onnxruntime(portable: &Portable<'_>, takes: Takes, name: &str) -> String {
    let input = takes.input_name();
    let (prepared, fed) = match takes {
        Takes::Bytes => (String::new(), "images"),
        Takes::Floats => (prepared(portable, "numpy.float32"), "inputs"),
    };
    let import = if takes == Takes::Floats { "import numpy\nimport onnxruntime" } else { "import onnxruntime" };
    format!(
        "{import}\n\n{}session = onnxruntime.InferenceSession({})\n{prepared}\
         probabilities, label = session.run([\"probabilities\", \"label\"], {{\"{input}\": {fed}}})\n",
        images(portable),
        quoted(name),
    )
}

/// `inputs` (N, I) from `images`, by NumPy.
fn prepared(portable: &Portable<'_>, float: &str) -> String {
    match portable.input() {
        Input::Gray => format!("inputs = images.reshape(len(images), -1) / {float}(255)\n"),
        Input::Binary { threshold } => {
            format!("inputs = (images.reshape(len(images), -1) >= {threshold}).astype({float})\n")
        }
    }
}

/// For PyTorch: the network as a `torch.nn.Sequential`.
pub(super) fn pytorch(portable: &Portable<'_>, name: &str) -> String {
    let modules: String = portable.stages.iter().map(|stage| format!("    {},\n", module(stage))).collect();
    let is_bias = |stage: &Stage| matches!(stage, Stage::Bias { .. });
    let bias = if portable.stages.iter().any(is_bias) { BIAS } else { "" };
    let inputs = match portable.input() {
        Input::Gray => "inputs = torch.from_numpy(images).flatten(1).float() / 255".to_owned(),
        Input::Binary { threshold } => {
            format!("inputs = (torch.from_numpy(images).flatten(1) >= {threshold}).float()")
        }
    };
    let output = match portable.architecture().output {
        Output::Softmax => "softmax(dim=1)",
        Output::Sigmoid => "sigmoid()",
    };
    format!(
        "import torch\nfrom safetensors.torch import load_file\nfrom torch import nn\n\n{bias}\
         # The last layer gives logits, as PyTorch's losses want them.\nnet = nn.Sequential(\n{modules})\n\
         net.load_state_dict(load_file({}))\n\n{}{inputs}\n\
         with torch.no_grad():\n    probabilities = net(inputs).{output}\n",
        quoted(name),
        images(portable),
    )
}

/// PyTorch has no module for it.
const BIAS: &str = "\
class Bias(nn.Module):
    \"\"\"A learned bias on the input: x + b.\"\"\"

    def __init__(self, inputs):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(inputs))

    def forward(self, x):
        return x + self.bias


";

fn module(stage: &Stage) -> String {
    match stage {
        Stage::Linear { weights, .. } => format!("nn.Linear({}, {})", weights.shape[1], weights.shape[0]),
        Stage::Bias { bias } => format!("Bias({})", bias.shape[0]),
        Stage::Activation(activation) => match activation {
            Activation::Identity => "nn.Identity()".to_owned(),
            Activation::Relu => "nn.ReLU()".to_owned(),
            Activation::Sigmoid => "nn.Sigmoid()".to_owned(),
            Activation::Tanh => "nn.Tanh()".to_owned(),
        },
    }
}

/// For NumPy alone.
pub(super) fn numpy(portable: &Portable<'_>, name: &str) -> String {
    let steps: String = portable.stages.iter().map(|stage| format!("x = {}\n", step(stage))).collect();
    let output = match portable.architecture().output {
        Output::Softmax => {
            "powers = numpy.exp(x - x.max(axis=1, keepdims=True))\n\
             probabilities = powers / powers.sum(axis=1, keepdims=True)\n"
        }
        Output::Sigmoid => "probabilities = 1 / (1 + numpy.exp(-x))\n",
    };
    format!(
        "import numpy\n\nnet = numpy.load({})\n{}{}x = inputs\n{steps}{output}",
        quoted(name),
        images(portable),
        prepared(portable, "numpy.float32"),
    )
}

fn step(stage: &Stage) -> String {
    match stage {
        Stage::Linear { weights, bias } => format!("x @ net[\"{}\"].T + net[\"{}\"]", weights.name, bias.name),
        Stage::Bias { bias } => format!("x + net[\"{}\"]", bias.name),
        Stage::Activation(activation) => match activation {
            Activation::Identity => "x".to_owned(),
            Activation::Relu => "numpy.maximum(x, 0)".to_owned(),
            Activation::Sigmoid => "1 / (1 + numpy.exp(-x))".to_owned(),
            Activation::Tanh => "numpy.tanh(x)".to_owned(),
        },
    }
}
