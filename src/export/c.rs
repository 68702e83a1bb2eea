//! A C99 header: the weights as arrays, and functions that use them. For microcontrollers, and for programs that want no
//! library.

use std::fmt::Write;

use super::Portable;
use super::literal::{c_string, floats, identifier};
use super::portable::Stage;
use crate::data::Input;
use crate::nn::{Activation, Output};

/// What every network needs; `NAME` stands for its name.
const RUNTIME: &str = include_str!("c/runtime.h");

/// The header, its names beginning with that of the file.
pub(super) fn source(portable: &Portable<'_>, file_name: &str) -> String {
    let name = identifier(file_name);
    let upper = name.to_uppercase();
    let (height, width) = portable.image_size();
    let classes = portable.architecture().classes();
    let class_names: Vec<_> = portable.description().class_names.iter().map(|name| c_string(name)).collect();
    let (title, class_names) = (portable.title(), class_names.join(", "));
    let body = body(portable, &name);
    let mut text = format!(
        "/* {title}
 *
 * C99, and C++. Needs expf and tanhf of math.h (link with -lm), and {} bytes of stack. */
#ifndef {upper}_H
#define {upper}_H

#include <math.h>
#include <stddef.h>

#define {upper}_HEIGHT {height}
#define {upper}_WIDTH {width}
#define {upper}_INPUTS {}
#define {upper}_CLASSES {classes}

static const char *const {name}_class_names[{upper}_CLASSES] = {{{class_names}}};

",
        4 * body.floats,
        portable.architecture().inputs,
    );
    for tensor in portable.tensors() {
        let (array, values) = (array(&name, &tensor.name), floats(&tensor.values, "f"));
        write!(text, "static const float {array}[{}] = {{\n{values}}};\n\n", tensor.values.len()).expect(MEMORY);
    }
    text.push_str(&RUNTIME.replace("NAME", &name));
    let pixel = match portable.input() {
        Input::Gray => "(float)pixels[i] / 255.0f".to_owned(),
        Input::Binary { threshold } => format!("pixels[i] >= {threshold} ? 1.0f : 0.0f"),
    };
    let (text_of_body, scale) = (body.text, portable.input());
    write!(
        text,
        "
/* The most probable class of inputs that are prepared already ({scale}), and the probability of each. */
static inline int {name}_predict_inputs(const float inputs[{upper}_INPUTS], float probabilities[{upper}_CLASSES])
{{
{text_of_body}}}

/* The most probable class of an image, and the probability of each. Pixels are bytes, the top row first, 0 where nothing is
 * drawn. */
static inline int {name}_predict(const unsigned char pixels[{upper}_INPUTS], float probabilities[{upper}_CLASSES])
{{
    float inputs[{upper}_INPUTS];
    for (size_t i = 0; i < {upper}_INPUTS; i++) {{
        inputs[i] = {pixel};
    }}
    return {name}_predict_inputs(inputs, probabilities);
}}

#endif
"
    )
    .expect(MEMORY);
    text
}

const MEMORY: &str = "memory takes everything";

fn array(name: &str, tensor: &str) -> String {
    format!("{name}_{}", tensor.replace('.', "_"))
}

/// What a function does.
struct Body {
    text: String,
    /// Floats that are on the stack at once, the inputs included.
    floats: usize,
}

fn body(portable: &Portable<'_>, name: &str) -> Body {
    let (mut x, mut size) = ("inputs".to_owned(), portable.architecture().inputs);
    let mut body = Body { text: String::new(), floats: size };
    for (stage, place) in portable.stages.iter().zip(1..) {
        let mut line = |line: String| writeln!(body.text, "    {line}").expect(MEMORY);
        let stored = |tensor: &str| array(name, tensor);
        let inputs = size;
        match stage {
            Stage::Activation(activation) => {
                line(format!("{name}_{activation}({size}, {x});"));
                continue;
            }
            Stage::Linear { weights, bias } => {
                size = bias.values.len();
                line(format!("float x{place}[{size}];"));
                let (weights, bias) = (stored(&weights.name), stored(&bias.name));
                line(format!("{name}_dense({weights}, {bias}, {inputs}, {size}, {x}, x{place});"));
            }
            Stage::Bias { bias } => {
                line(format!("float x{place}[{size}];"));
                line(format!("{name}_add({}, {size}, {x}, x{place});", stored(&bias.name)));
            }
        }
        body.floats += size;
        x = format!("x{place}");
    }
    let output = match portable.architecture().output {
        Output::Softmax => "softmax",
        Output::Sigmoid => Activation::Sigmoid.name(),
    };
    write!(
        body.text,
        "    for (size_t k = 0; k < {size}; k++) {{
        probabilities[k] = {x}[k];
    }}
    {name}_{output}({size}, probabilities);
    return {name}_greatest({size}, {x});
"
    )
    .expect(MEMORY);
    body
}

/// How it is used.
pub(super) fn usage(portable: &Portable<'_>, file_name: &str) -> String {
    let name = identifier(file_name);
    let (height, width) = portable.image_size();
    format!(
        "#include {}\n\nfloat probabilities[{}_CLASSES];\n\
         int label = {name}_predict(pixels, probabilities); /* pixels: {height} x {width} bytes; link with -lm */\n",
        c_string(file_name),
        name.to_uppercase(),
    )
}
