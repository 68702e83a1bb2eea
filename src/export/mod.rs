//! A network as other tools read it: ONNX, PyTorch, NumPy, C, Rust, a folder for Hugging Face.
//!
//! Hands back bytes and text that others write; never opens a file. Nothing here tells a time or a path: the same network,
//! the same bytes.

mod c;
mod hugging_face;
mod literal;
mod onnx;
mod portable;
mod python;
mod rust;

pub use hugging_face::hugging_face;
pub use onnx::Takes;
pub use portable::Portable;

use crate::names::named_enum;

named_enum! {
    /// What a network is exported as.
    pub enum Format {
        /// For ONNX Runtime and everything else that reads ONNX; the preprocessing is part of it.
        Onnx = "onnx",
        /// For `torch.nn.Sequential`, and for gemmnist itself.
        Safetensors = "safetensors",
        /// For NumPy.
        Npz = "npz",
        /// A C99 header with the weights and functions that use them.
        C = "c",
        /// A Rust module likewise, without `std`.
        Rust = "rust",
    }
}

/// Protobuf ends at 2 GiB; a megabyte is room for all but the numbers.
const MOST_IN_PROTOBUF: usize = ((1 << 31) - (1 << 20)) / 4;
/// Zip ends at 4 GiB.
const MOST_IN_ZIP: usize = MOST_IN_PROTOBUF * 2;
/// 150 MB of text: compilers take a minute for it, and gigabytes.
const MOST_IN_SOURCE: usize = 10_000_000;

impl Format {
    /// How the names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Safetensors => "safetensors",
            Self::Npz => "npz",
            Self::C => "h",
            Self::Rust => "rs",
        }
    }

    /// The format of files whose names end in `extension`.
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.extension().eq_ignore_ascii_case(extension))
    }

    /// The largest network it can hold, in parameters.
    pub fn most_parameters(self) -> usize {
        match self {
            Self::Onnx => MOST_IN_PROTOBUF,
            Self::Safetensors => usize::MAX,
            Self::Npz => MOST_IN_ZIP,
            Self::C | Self::Rust => MOST_IN_SOURCE,
        }
    }
}

impl Portable<'_> {
    /// The file called `name` (a file name, without folders) in `format`; `takes` is for ONNX.
    ///
    /// # Panics
    /// If the network has more parameters than [`Format::most_parameters`].
    pub fn file(&self, format: Format, takes: Takes, name: &str) -> Vec<u8> {
        assert!(self.architecture().parameters() <= format.most_parameters(), "callers check it");
        match format {
            Format::Onnx => onnx::encode(self, takes),
            Format::Safetensors => self.safetensors(),
            Format::Npz => self.npz(),
            Format::C => c::source(self, name).into_bytes(),
            Format::Rust => rust::source(self).into_bytes(),
        }
    }

    /// What to paste into a program so that it uses the file called `name`. In Python, `images` are bytes (N, height,
    /// width) before it, and `probabilities` (N, K) are there after it.
    pub fn usage(&self, format: Format, takes: Takes, name: &str) -> String {
        match format {
            Format::Onnx => python::onnxruntime(self, takes, name),
            Format::Safetensors => python::pytorch(self, name),
            Format::Npz => python::numpy(self, name),
            Format::C => c::usage(self, name),
            Format::Rust => rust::usage(self, name),
        }
    }
}
