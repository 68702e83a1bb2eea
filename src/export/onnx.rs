//! ONNX: pixels in, probabilities and the label out, any number of images at once.

mod proto;

use prost::Message;
use serde_json::json;

use super::Portable;
use super::portable::Stage;
use crate::data::Input;
use crate::names::named_enum;
use crate::nn::{Activation, Output};
use proto::{
    Attribute, Dimension, FLOAT, Graph, INT, INT64, Model, Node, OperatorSet, Property, Shape, Tensor, TensorType,
    Type, UINT8, ValueInfo,
};

/// Read by whatever was written since the end of 2020 (ONNX 1.8, ONNX Runtime 1.6); nothing here needs a newer one, and
/// Softmax means since then what one expects.
const OPSET: i64 = 13;
/// The version of the format that came with it.
const IR_VERSION: i64 = 7;

named_enum! {
    /// What an ONNX file takes.
    pub enum Takes {
        /// `image`, bytes (N, height, width), as a data set has them: the preprocessing is part of the file.
        Bytes = "bytes",
        /// `inputs`, floats (N, I), as the first layer wants them.
        Floats = "floats",
    }
}

impl Takes {
    /// What the input of the graph is called.
    pub(super) fn input_name(self) -> &'static str {
        match self {
            Self::Bytes => "image",
            Self::Floats => "inputs",
        }
    }
}

/// The network as an ONNX file.
pub(super) fn encode(portable: &Portable<'_>, takes: Takes) -> Vec<u8> {
    let description = portable.description();
    let mut properties = vec![
        ("class_names", json!(description.class_names).to_string()),
        ("preprocessing", description.preprocessing.scale.clone()),
    ];
    let accuracy = description.training.test_accuracy;
    properties.extend(accuracy.map(|accuracy| ("test_accuracy", accuracy.to_string())));
    let property = |(key, value): (&str, String)| Property { key: key.to_owned(), value };
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "gemmnist".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: portable.title(),
        graph: Some(graph(portable, takes)),
        opset_import: vec![OperatorSet { version: OPSET }],
        metadata_props: properties.into_iter().map(property).collect(),
    };
    model.encode_to_vec()
}

fn graph(portable: &Portable<'_>, takes: Takes) -> Graph {
    let mut builder = Builder::default();
    let inputs = match takes {
        Takes::Bytes => builder.preprocess(portable.input(), takes.input_name()),
        Takes::Floats => takes.input_name().to_owned(),
    };
    let logits = portable.stages.iter().fold(inputs, |x, stage| builder.stage(stage, x));
    let output = match portable.architecture().output {
        Output::Softmax => "Softmax",
        Output::Sigmoid => "Sigmoid",
    };
    let axis = (output == "Softmax").then(|| attribute("axis", 1));
    builder.node_named("probabilities", output, &[&logits], axis.into_iter().collect());
    // Of the logits: two probabilities may round to the same number, and the lowest class wins a tie.
    builder.node_named("label", "ArgMax", &[&logits], vec![attribute("axis", 1), attribute("keepdims", 0)]);

    let (height, width) = portable.image_size();
    let architecture = portable.architecture();
    let input = match takes {
        Takes::Bytes => value("image", UINT8, &[height, width], "the pixels of images, 0 where nothing is drawn"),
        Takes::Floats => value("inputs", FLOAT, &[architecture.inputs], &format!("pixels: {}", portable.input())),
    };
    let classes = architecture.classes();
    Graph {
        name: "perceptron".to_owned(),
        node: builder.nodes,
        initializer: builder.tensors,
        input: vec![input],
        output: vec![
            value("probabilities", FLOAT, &[classes], "of each class"),
            value("label", INT64, &[], "the most probable class, from 0"),
        ],
    }
}

/// Nodes in the order in which they are computed, and the numbers they need.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
}

impl Builder {
    /// Adds a node; returns what its output is called, which no other is.
    fn node(&mut self, operator: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        let name = format!("{}.{}", self.nodes.len(), operator.to_lowercase());
        self.node_named(&name, operator, inputs, attributes);
        name
    }

    fn node_named(&mut self, name: &str, operator: &str, inputs: &[&str], attribute: Vec<Attribute>) {
        self.nodes.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: operator.to_owned(),
            attribute,
        });
    }

    /// Adds numbers; returns what they are called.
    fn tensor(&mut self, name: &str, shape: &[usize], raw_data: Vec<u8>) -> String {
        let dims = shape.iter().map(|&size| size as i64).collect();
        self.tensors.push(Tensor { dims, data_type: FLOAT, name: name.to_owned(), raw_data });
        name.to_owned()
    }

    fn number(&mut self, name: &str, value: f32) -> String {
        self.tensor(name, &[], value.to_le_bytes().to_vec())
    }

    /// From bytes (N, height, width) to the inputs of the network (N, I).
    fn preprocess(&mut self, input: Input, image: &str) -> String {
        let floats = self.node("Cast", &[image], vec![attribute("to", FLOAT.into())]);
        let pixels = self.node("Flatten", &[&floats], vec![attribute("axis", 1)]);
        match input {
            Input::Gray => {
                let largest = self.number("largest_byte", 255.0);
                self.node("Div", &[&pixels, &largest], Vec::new())
            }
            Input::Binary { threshold } => {
                let threshold = self.number("threshold", threshold.into());
                let is_one = self.node("GreaterOrEqual", &[&pixels, &threshold], Vec::new());
                self.node("Cast", &[&is_one], vec![attribute("to", FLOAT.into())])
            }
        }
    }

    fn stage(&mut self, stage: &Stage, x: String) -> String {
        let names: Vec<_> = stage.tensors().iter().map(|t| self.tensor(&t.name, &t.shape, t.bytes())).collect();
        match stage {
            Stage::Linear { .. } => self.node("Gemm", &[&x, &names[0], &names[1]], vec![attribute("transB", 1)]),
            Stage::Bias { .. } => self.node("Add", &[&x, &names[0]], Vec::new()),
            Stage::Activation(activation) => match activation {
                Activation::Identity => x,
                Activation::Relu => self.node("Relu", &[&x], Vec::new()),
                Activation::Sigmoid => self.node("Sigmoid", &[&x], Vec::new()),
                Activation::Tanh => self.node("Tanh", &[&x], Vec::new()),
            },
        }
    }
}

fn attribute(name: &str, value: i64) -> Attribute {
    Attribute { name: name.to_owned(), i: Some(value), r#type: INT }
}

/// Of `N` images, as many as there are, and `sizes` numbers of each.
fn value(name: &str, elem_type: i32, sizes: &[usize], doc_string: &str) -> ValueInfo {
    let any_number = Dimension { dim_value: None, dim_param: Some("N".to_owned()) };
    let fixed = |&size: &usize| Dimension { dim_value: Some(size as i64), dim_param: None };
    let shape = Shape { dim: std::iter::once(any_number).chain(sizes.iter().map(fixed)).collect() };
    let tensor_type = TensorType { elem_type, shape: Some(shape) };
    ValueInfo {
        name: name.to_owned(),
        r#type: Some(Type { tensor_type: Some(tensor_type) }),
        doc_string: doc_string.to_owned(),
    }
}
