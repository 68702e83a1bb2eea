//! Model files: safetensors with one JSON object in the metadata key `gemmnist`. They hold numbers and a description,
//! nothing that could be executed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, TensorView};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Mismatch, Result, shown};
use crate::files::write_atomically;
use crate::nn::{Architecture, Loss, Network, ParameterMut};

/// The metadata key that holds the description.
const KEY: &str = "gemmnist";
/// Written into every file; a reader refuses what is newer than itself.
const FORMAT: u32 = 1;
/// The largest network that `train` makes has 2 GB of weights.
const LARGEST_FILE: u64 = 4 << 30;
/// A header lists a few dozen tensors and the description: 30 KB for the deepest network. The parser needs some 32 bytes
/// of memory for each byte of a hostile one.
const LARGEST_HEADER: u64 = 1 << 18;
/// Bytes before the header: its length.
const LENGTH_BYTES: u64 = 8;
/// Deeper than any perceptron that `train` makes.
const MOST_LAYERS: usize = 256;
/// The one way in which a byte becomes an input.
const SCALE: &str = "byte / 255";
const REMEDY: &str = "give a model.safetensors that gemmnist train has written";

/// What a model file says about its network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Version of this description.
    pub format: u32,
    pub architecture: Architecture,
    pub preprocessing: Preprocessing,
    /// One name a class.
    pub class_names: Vec<String>,
    /// How it was trained.
    pub training: Training,
}

/// What is done to an image before the network sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Pixels, top to bottom.
    pub height: usize,
    /// Pixels, left to right.
    pub width: usize,
    /// How a byte becomes an input.
    pub scale: String,
}

/// What led to the network. No clock and no path of the run enters it: the same training gives the same file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// Every setting by its name, as in `config.toml`.
    pub settings: toml::Table,
    pub epochs: usize,
    pub steps: u64,
    pub train_loss: Option<f64>,
    pub train_accuracy: Option<f64>,
    pub test_loss: Option<f64>,
    pub test_accuracy: Option<f64>,
}

impl Description {
    /// The description of `network`, which takes images of `size` (height, width).
    pub fn new(network: &Network, (height, width): (usize, usize), training: Training) -> Self {
        let architecture = network.architecture().clone();
        let class_names = (0..architecture.classes()).map(|class| class.to_string()).collect();
        let preprocessing = Preprocessing { height, width, scale: SCALE.to_owned() };
        Self { format: FORMAT, architecture, preprocessing, class_names, training }
    }

    /// The loss that was minimised; cross-entropy where the file does not say.
    pub fn loss(&self) -> Loss {
        self.training
            .settings
            .get("loss")
            .and_then(|name| Loss::from_name(name.as_str()?))
            .unwrap_or(Loss::CrossEntropy)
    }
}

/// Writes `network` to `path`, whole or not at all. Weights go out as (O, I), as `torch.nn.Linear` keeps them.
///
/// # Errors
/// [`Error::Io`].
pub fn write(path: &Path, network: &Network, description: &Description) -> Result<()> {
    let tensors: Vec<_> = network
        .parameters()
        .map(|(name, parameter)| {
            let bytes: Vec<u8> = parameter.file_values().iter().flat_map(|value| value.to_le_bytes()).collect();
            (name, parameter.file_shape(), bytes)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name, TensorView::new(Dtype::F32, shape.clone(), bytes).expect("shape and bytes of one parameter"))
    });
    let description = serde_json::to_string(description).expect("a description is plain data");
    let metadata = [(KEY.to_owned(), description)].into();
    let file = safetensors::serialize(views, Some(metadata)).expect("names and shapes of one network");
    write_atomically(path, &file)
}

/// Reads the network in `path`, and what the file says about it.
///
/// Nothing is allocated by what the file claims: its header is capped, and its description is held against the numbers
/// that are really there before a network is built from it.
///
/// # Errors
/// [`Error::Model`] if the file is not a whole model of ours.
pub fn read(path: &Path) -> Result<(Network, Description)> {
    let opened = Opened::new(path)?;
    let description = opened.description()?;
    opened.require_numbers_for(&description.architecture)?;
    let mut network = Network::zeros(description.architecture.clone());
    opened.fill(&mut network)?;
    Ok((network, description))
}

/// Overwrites the parameters of `network` with those in `path`. Any safetensors file with tensors of the right names and
/// shapes will do, with or without our description.
///
/// # Errors
/// [`Error::Model`] if one is missing, has another shape, or is not finite; `network` is then partly overwritten.
pub fn read_parameters(path: &Path, network: &mut Network) -> Result<()> {
    Opened::new(path)?.fill(network)
}

fn mismatch(path: &Path, what: &'static str, expected: impl ToString, found: impl ToString) -> Error {
    Error::Model(Mismatch::new(path, what, shown(&expected.to_string()), shown(&found.to_string()), REMEDY))
}

/// A safetensors file whose header was read and agrees with the file's length. Its numbers are still on disk.
struct Opened<'p> {
    path: &'p Path,
    file: File,
    header: Metadata,
    /// Bytes after the header.
    body: u64,
}

impl<'p> Opened<'p> {
    fn new(path: &'p Path) -> Result<Self> {
        let unreadable = |error: io::Error| mismatch(path, "model", "a file that you may read", error);
        let metadata = fs::metadata(path).map_err(unreadable)?; // before opening: a pipe would wait for its other end
        if !metadata.is_file() {
            let found = if metadata.is_dir() { "a folder" } else { "a device or a pipe" };
            return Err(mismatch(path, "model", "a file", found));
        }
        let length = metadata.len();
        if !(LENGTH_BYTES..=LARGEST_FILE).contains(&length) {
            let expected = format!("{LENGTH_BYTES} to {LARGEST_FILE} bytes");
            return Err(mismatch(path, "length", expected, format!("{length} bytes")));
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let mut start = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut start).map_err(unreadable)?;
        let header_bytes = u64::from_le_bytes(start);
        let limit = LARGEST_HEADER.min(length - LENGTH_BYTES);
        if header_bytes > limit {
            let expected = format!("at most {limit} bytes");
            return Err(mismatch(path, "safetensors header", expected, format!("{header_bytes} bytes")));
        }
        let mut text = vec![0; header_bytes as usize];
        file.read_exact(&mut text).map_err(unreadable)?;
        let header: Metadata = serde_json::from_slice(&text)
            .map_err(|error| mismatch(path, "safetensors header", "a list of tensors", error))?;
        let body = length - LENGTH_BYTES - header_bytes;
        if header.data_len() as u64 != body {
            let expected = format!("{} bytes of numbers after the header", header.data_len());
            return Err(mismatch(path, "length", expected, format!("{body} bytes")));
        }
        Ok(Self { path, file, header, body })
    }

    fn description(&self) -> Result<Description> {
        let entries = self.header.metadata().as_ref();
        let text = entries
            .and_then(|entries| entries.get(KEY))
            .ok_or_else(|| mismatch(self.path, "metadata", format!("the key {KEY}"), "none"))?;
        let description: Description = serde_json::from_str(text)
            .map_err(|error| mismatch(self.path, "description", "that of a network", error))?;
        check_description(self.path, &description)?;
        Ok(description)
    }

    /// That the file holds at least as many numbers as `architecture` has parameters; [`fill`](Self::fill) asks which.
    fn require_numbers_for(&self, architecture: &Architecture) -> Result<()> {
        let (wanted, there) = (architecture.parameters(), self.body / 4);
        if wanted as u64 <= there {
            return Ok(());
        }
        Err(mismatch(self.path, "parameters", format!("{wanted}, as many as {architecture} has"), there))
    }

    /// Every parameter of `network`, found by name, of its shape, finite; and no tensor beside them.
    fn fill(mut self, network: &mut Network) -> Result<()> {
        self.check_tensors(network)?;
        let path = self.path;
        let mut numbers = Vec::with_capacity(self.body as usize); // as many as the network's: checked above
        self.file
            .by_ref()
            .take(self.body)
            .read_to_end(&mut numbers)
            .map_err(|error| mismatch(path, "model", "a file that you may read", error))?;
        for (name, parameter) in network.parameters_mut() {
            let (start, end) = self.header.info(&name).expect("checked above").data_offsets;
            let bytes = numbers.get(start..end).ok_or_else(|| {
                mismatch(path, "length", format!("{} bytes of numbers", self.body), format!("{} bytes", numbers.len()))
            })?;
            set(path, &name, parameter, bytes)?;
        }
        Ok(())
    }

    fn check_tensors(&self, network: &Network) -> Result<()> {
        let found = |name: &str| match self.header.info(name) {
            Some(tensor) => format!("{:?} {:?}", tensor.dtype, tensor.shape),
            None => "none".to_owned(),
        };
        let wanted: Vec<_> = network.parameters().map(|(name, parameter)| (name, parameter.file_shape())).collect();
        for (name, shape) in &wanted {
            let fits = self.header.info(name).is_some_and(|t| t.dtype == Dtype::F32 && t.shape == *shape);
            if !fits {
                return Err(mismatch(self.path, "parameters", format!("{name} F32 {shape:?}"), found(name)));
            }
        }
        let names = self.header.offset_keys();
        match names.iter().find(|name| !wanted.iter().any(|(wanted, _)| wanted == *name)) {
            None => Ok(()),
            Some(extra) => {
                let known = format!("{} tensors, those of {}", wanted.len(), network.architecture());
                Err(mismatch(self.path, "parameters", known, format!("{extra} {} too", found(extra))))
            }
        }
    }
}

/// Nothing is built from a description that does not hold together.
fn check_description(path: &Path, description: &Description) -> Result<()> {
    let Description { format, architecture, preprocessing, class_names, training } = description;
    if *format != FORMAT {
        return Err(mismatch(path, "format", FORMAT, format));
    }
    if !(1..=MOST_LAYERS).contains(&architecture.layers.len()) {
        return Err(mismatch(path, "layers", format!("1 to {MOST_LAYERS}"), architecture.layers.len()));
    }
    if architecture.widths().contains(&0) {
        return Err(mismatch(path, "architecture", "layers of one unit or more", architecture));
    }
    if architecture.classes() > 256 || class_names.len() != architecture.classes() {
        return Err(mismatch(
            path,
            "class names",
            format!("{}, one a class and at most 256", architecture.classes()),
            class_names.len(),
        ));
    }
    if let Some(name) = class_names.iter().find(|name| name.chars().any(char::is_control)) {
        return Err(mismatch(path, "class names", "names that can be printed", name));
    }
    let pixels = preprocessing.height.checked_mul(preprocessing.width);
    if pixels != Some(architecture.inputs) {
        let found = format!("{} x {}", preprocessing.height, preprocessing.width);
        return Err(mismatch(path, "image size", format!("{} pixels", architecture.inputs), found));
    }
    if preprocessing.scale != SCALE {
        return Err(mismatch(path, "scale of the pixels", SCALE, &preprocessing.scale));
    }
    let loss = training.settings.get("loss");
    if loss.is_some_and(|loss| loss.as_str().and_then(Loss::from_name).is_none()) {
        let found = loss.map(ToString::to_string).unwrap_or_default();
        return Err(mismatch(path, "loss", format!("one of {}", Loss::NAMES.join(", ")), found));
    }
    Ok(())
}

fn set(path: &Path, name: &str, mut parameter: ParameterMut<'_>, bytes: &[u8]) -> Result<()> {
    let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    if let Some(value) = values.clone().find(|value| !value.is_finite()) {
        return Err(mismatch(path, "parameters", format!("finite numbers in {name}"), value));
    }
    parameter.set_from_file(values);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{Activation, Init, Output};
    use crate::seed::Seed;
    use crate::train::TrainSettings;
    use serde_json::{Value, json};
    use std::io::{Seek, SeekFrom, Write};
    use std::path::PathBuf;
    use tempfile::TempDir;

    /// A network for images of 2 x 3 pixels in 3 classes.
    fn network() -> Network {
        let architecture = Architecture::perceptron(6, &[4], Activation::Tanh, 3, Output::Softmax);
        Network::initialised(architecture, Init::Normal, Seed(1))
    }

    fn description() -> Description {
        let training = Training {
            settings: TrainSettings::default().check().unwrap().to_table(),
            epochs: 2,
            steps: 9,
            train_loss: Some(0.5),
            train_accuracy: Some(0.75),
            test_loss: None,
            test_accuracy: None,
        };
        Description::new(&network(), (2, 3), training)
    }

    /// A model file to spoil.
    struct Bench {
        folder: TempDir,
        /// A good file.
        good: Vec<u8>,
    }

    impl Bench {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("good");
            write(&path, &network(), &description()).unwrap();
            Self { good: fs::read(path).unwrap(), folder }
        }

        fn put(&self, bytes: &[u8]) -> PathBuf {
            let path = self.folder.path().join("model");
            fs::write(&path, bytes).unwrap();
            path
        }

        fn read(&self, bytes: &[u8]) -> Result<(Network, Description)> {
            read(&self.put(bytes))
        }

        /// The message about a file that must be refused, and is refused as a model.
        fn refusal(&self, bytes: &[u8]) -> String {
            let error = self.read(bytes).expect_err("a spoilt file");
            assert!(matches!(error, Error::Model(_)), "{error:?}");
            assert_eq!(error.exit_code(), 5);
            let message = error.to_string();
            assert_eq!(message.lines().count(), 1, "{message}");
            message.replacen(&format!("{}/", self.folder.path().display()), "", 1)
        }

        fn header(&self) -> Value {
            let length = u64::from_le_bytes(self.good[..8].try_into().unwrap()) as usize;
            serde_json::from_slice(&self.good[8..8 + length]).unwrap()
        }

        fn numbers(&self) -> &[u8] {
            let length = u64::from_le_bytes(self.good[..8].try_into().unwrap()) as usize;
            &self.good[8 + length..]
        }

        /// The good file with another header.
        fn with_header(&self, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
            let mut header = self.header();
            edit(&mut header);
            file(&header.to_string(), self.numbers())
        }

        /// The good file with another description.
        fn with_description(&self, edit: impl FnOnce(&mut Value)) -> Vec<u8> {
            self.with_header(|header| {
                let text = header["__metadata__"][KEY].as_str().unwrap();
                let mut description: Value = serde_json::from_str(text).unwrap();
                edit(&mut description);
                header["__metadata__"][KEY] = description.to_string().into();
            })
        }
    }

    fn file(header: &str, numbers: &[u8]) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), numbers].concat()
    }

    fn same_parameters(a: &Network, b: &Network) -> bool {
        let bits = |network: &Network| -> Vec<(String, Vec<u32>)> {
            let all = network.parameters();
            all.map(|(name, p)| (name, p.file_values().iter().map(|v| v.to_bits()).collect())).collect()
        };
        bits(a) == bits(b)
    }

    #[test]
    fn a_network_written_and_read_is_the_same_to_the_last_bit() {
        let bench = Bench::new();
        let (read, description_read) = bench.read(&bench.good).unwrap();
        assert!(same_parameters(&read, &network()));
        assert_eq!(read.architecture(), network().architecture());
        assert_eq!(description_read, description());
    }

    #[test]
    fn initial_parameters_come_from_any_safetensors_file_of_their_shapes() {
        let bench = Bench::new();
        let bare = bench.with_header(|header| drop(header.as_object_mut().unwrap().remove("__metadata__")));
        let mut filled = Network::zeros(network().architecture().clone());
        read_parameters(&bench.put(&bare), &mut filled).unwrap();
        assert!(same_parameters(&filled, &network()));
        assert!(bench.refusal(&bare).starts_with("model: metadata: expected the key gemmnist, found none ("));
    }

    #[test]
    fn a_file_cut_anywhere_or_longer_is_refused() {
        let bench = Bench::new();
        for length in 0..bench.good.len() {
            bench.refusal(&bench.good[..length]);
        }
        let message = bench.refusal(&[&bench.good[..], b"x"].concat());
        assert!(
            message.starts_with("model: length: expected 172 bytes of numbers after the header, found 173 bytes"),
            "{message}"
        );
        assert!(bench.refusal(b"").starts_with("model: length: expected 8 to 4294967296 bytes, found 0 bytes ("));
    }

    #[test]
    fn a_bit_flipped_in_the_header_is_refused_or_changes_no_shape() {
        let bench = Bench::new();
        let header = bench.good.len() - bench.numbers().len();
        let path = bench.put(&bench.good);
        let mut file = File::options().write(true).open(&path).unwrap();
        let mut put = |place: usize, byte: u8| {
            file.seek(SeekFrom::Start(place as u64)).unwrap();
            file.write_all(&[byte]).unwrap();
        };
        for bit in 0..8 * header {
            let good = bench.good[bit / 8];
            put(bit / 8, good ^ (1 << (bit % 8)));
            match read(&path) {
                Ok((read, _)) => assert_eq!(read.architecture().widths(), [6, 4, 3], "bit {bit}"),
                Err(error) => assert_eq!(error.exit_code(), 5, "bit {bit}: {error}"),
            }
            put(bit / 8, good);
        }
    }

    #[test]
    fn a_folder_and_a_missing_file_are_no_models() {
        let folder = tempfile::tempdir().unwrap();
        let message = |path: &Path| {
            let error = read(path).unwrap_err();
            assert_eq!(error.exit_code(), 5);
            error.to_string()
        };
        assert!(message(folder.path()).contains("model: expected a file, found a folder (give a model.safetensors"));
        let missing = message(&folder.path().join("none"));
        assert!(missing.contains("none: model: expected a file that you may read, found No such file"), "{missing}");
        if cfg!(target_os = "linux") {
            assert!(message(Path::new("/dev/zero")).contains("expected a file, found a device or a pipe"));
        }
    }

    /// Headers that claim more than there is, each with what is said about it.
    fn hostile(bench: &Bench) -> Vec<(Vec<u8>, &'static str)> {
        let claim = |length: u64| [&length.to_le_bytes()[..], &[b' '; 1000]].concat();
        let vast_header = |inside: &str, bytes: usize| file(&inside.repeat(bytes / inside.len()), b"");
        let tensors: Vec<_> =
            (0..4000).map(|i| format!(r#""{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#)).collect();
        let mut names = tensors.clone();
        names.push(bench.header()["__metadata__"].to_string().replacen('{', r#""__metadata__":{"#, 1));
        let zeros = "0,".repeat(LARGEST_HEADER as usize / 2 - 50); // the costliest header there can be
        let shape = format!(r#"{{"a":{{"dtype":"F32","shape":[{zeros}0],"data_offsets":[0,0]}}}}"#);
        let overlap = r#"{"a":{"dtype":"U8","shape":[2305843009213693951],"data_offsets":[0,2305843009213693951]}}"#;
        let sum: Vec<_> = (0..8)
            .map(|i: u64| {
                let (start, size) = (i * 2_305_843_009_213_693_951, 2_305_843_009_213_693_951_u64);
                format!(r#""{i}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{start},{}]}}"#, start + size)
            })
            .collect();
        let layers = |count: usize, outputs: u64| {
            bench.with_description(|d| {
                let layer = json!({ "dense": { "outputs": outputs, "activation": "relu" } });
                d["architecture"]["layers"].as_array_mut().unwrap().splice(0..1, vec![layer; count]);
            })
        };
        vec![
            (claim(1 << 63), "safetensors header: expected at most 1000 bytes, found 9223372036854775808 bytes"),
            (claim(u64::MAX), "safetensors header: expected at most 1000 bytes"),
            (claim(100_000_000), "safetensors header: expected at most 1000 bytes, found 100000000 bytes"),
            (claim(1001), "safetensors header: expected at most 1000 bytes, found 1001 bytes"),
            (claim(1000), "safetensors header: expected a list of tensors"),
            (vast_header(" ", 20 << 20), "safetensors header: expected at most 262144 bytes"),
            (vast_header("[", 1 << 18), "safetensors header: expected a list of tensors"),
            (vast_header("{\"a\":", 1 << 18), "safetensors header: expected a list of tensors"),
            (file(&shape, b""), "metadata: expected the key gemmnist, found none"),
            (file(&format!("{{{}}}", tensors.join(",")), b""), "metadata: expected the key gemmnist, found none"),
            (file(&format!("{{{}}}", names.join(",")), b""), "parameters: expected 43, as many as 6-4-3 has, found 0"),
            (
                file(overlap, b""),
                "length: expected 2305843009213693951 bytes of numbers after the header, found 0 bytes",
            ),
            (file(&format!("{{{}}}", sum.join(",")), b""), "length: expected 18446744073709551608 bytes"),
            (
                layers(1, 1_000_000_000_000),
                "parameters: expected 10000000000003, as many as 6-1000000000000-3 has, found 43",
            ),
            (layers(1, u64::MAX), "parameters: expected 18446744073709551615, as many as"),
            (layers(1, 1 << 62), "parameters: expected 18446744073709551615, as many as"),
            (layers(200, 1 << 40), "parameters: expected 18446744073709551615, as many as 6-1099511627776-"),
            (layers(2000, 1), "layers: expected 1 to 256, found 2001"),
        ]
    }

    #[test]
    fn a_header_that_claims_more_than_there_is_is_refused() {
        let bench = Bench::new();
        for (bytes, expected) in hostile(&bench) {
            let message = bench.refusal(&bytes);
            assert!(message.starts_with(&format!("model: {expected}")), "{message}");
            // Without the description only the tensors count, and some of these are good.
            if let Err(error) = read_parameters(&bench.put(&bytes), &mut network()) {
                assert_eq!(error.exit_code(), 5, "{error}");
            }
        }
    }

    /// Each header is read in a process of its own, which tells by how much its memory grew at most.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_hostile_header_costs_less_than_16_mib_of_memory() {
        const FILE: &str = "GEMMNIST_TEST_HOSTILE_FILE";
        const LIMIT_KIB: u64 = 16 * 1024;
        let peak_kib = || -> u64 {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        if let Some(path) = std::env::var_os(FILE) {
            let before = peak_kib();
            let refused = read(Path::new(&path)).is_err();
            let _ = read_parameters(Path::new(&path), &mut network());
            println!("grew {}", peak_kib() - before);
            assert!(refused);
            return;
        }
        let bench = Bench::new();
        for (bytes, what) in hostile(&bench) {
            let output = std::process::Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "--nocapture",
                    "train::model_file::tests::a_hostile_header_costs_less_than_16_mib_of_memory",
                ])
                .env(FILE, bench.put(&bytes))
                .output()
                .unwrap();
            assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
            let printed = String::from_utf8(output.stdout).unwrap();
            let grew = printed.split("grew ").nth(1).expect(&printed).split_whitespace().next().unwrap();
            assert!(grew.parse::<u64>().unwrap() < LIMIT_KIB, "{what}: {grew} KiB");
        }
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused_in_a_model_and_as_a_start() {
        let bench = Bench::new();
        for (value, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
            let mut spoilt = bench.good.clone();
            let last = spoilt.len() - 4;
            spoilt[last..].copy_from_slice(&value.to_le_bytes());
            let message = bench.refusal(&spoilt);
            assert!(message.starts_with("model: parameters: expected finite numbers in layers."), "{message}");
            assert!(message.contains(&format!(", found {shown} (")), "{message}");
            let error = read_parameters(&bench.put(&spoilt), &mut network()).unwrap_err();
            assert_eq!(error.exit_code(), 5);
        }
    }

    #[test]
    fn a_tensor_missing_misshaped_unknown_or_of_another_kind_is_refused() {
        let bench = Bench::new();
        let refusals = [
            (
                bench.with_header(|h| {
                    let tensor = h.as_object_mut().unwrap().remove("layers.0.bias").unwrap();
                    h["layers.0.scale"] = tensor;
                }),
                "layers.0.bias F32 [4], found none",
            ),
            (
                bench.with_header(|h| h["layers.0.weight"]["shape"] = json!([6, 4])),
                "layers.0.weight F32 [4, 6], found F32 [6, 4]",
            ),
            (
                bench.with_header(|h| h["layers.0.weight"]["dtype"] = "I32".into()),
                "layers.0.weight F32 [4, 6], found I32 [4, 6]",
            ),
            (
                bench.with_header(|h| {
                    h["layers.0.weight"]["dtype"] = "F64".into();
                    h["layers.0.weight"]["shape"] = json!([2, 6]);
                }),
                "layers.0.weight F32 [4, 6], found F64 [2, 6]",
            ),
            (
                bench.with_header(|h| {
                    h["o\n\u{1b}"] = json!({ "dtype": "F32", "shape": [0], "data_offsets": [172, 172] });
                }),
                "4 tensors, those of 6-4-3, found o\\n\\u{1b} F32 [0] too",
            ),
        ];
        for (bytes, expected) in refusals {
            let message = bench.refusal(&bytes);
            let expected = format!("model: parameters: expected {expected} ({REMEDY})");
            assert_eq!(message, expected);
            assert!(read_parameters(&bench.put(&bytes), &mut network()).is_err());
        }
        let without_last = bench.with_header(|h| drop(h.as_object_mut().unwrap().remove("layers.1.weight")));
        bench.refusal(&without_last);
    }

    #[test]
    fn a_description_that_does_not_hold_together_is_refused() {
        let bench = Bench::new();
        type Refusal = (&'static str, fn(&mut Value), &'static str);
        let refusals: &[Refusal] = &[
            ("format", |d| d["format"] = 2.into(), "format: expected 1, found 2"),
            (
                "unknown field",
                |d| d["mean"] = 1.into(),
                "description: expected that of a network, found unknown field `mean`",
            ),
            (
                "unknown preprocessing",
                |d| d["preprocessing"]["invert"] = true.into(),
                "description: expected that of a network, found unknown field `invert`",
            ),
            (
                "activation",
                |d| d["architecture"]["layers"][0]["dense"]["activation"] = "gelu".into(),
                "description: expected that of a network, found unknown variant `gelu`",
            ),
            (
                "kind of layer",
                |d| d["architecture"]["layers"][0] = json!({ "conv": {} }),
                "description: expected that of a network, found unknown variant `conv`",
            ),
            ("no layer", |d| d["architecture"]["layers"] = json!([]), "layers: expected 1 to 256, found 0"),
            (
                "empty layer",
                |d| d["architecture"]["layers"][0]["dense"]["outputs"] = 0.into(),
                "architecture: expected layers of one unit or more, found 6-0-3",
            ),
            (
                "negative width",
                |d| d["architecture"]["inputs"] = (-1).into(),
                "description: expected that of a network",
            ),
            (
                "classes",
                |d| d["class_names"] = json!(["a", "b"]),
                "class names: expected 3, one a class and at most 256, found 2",
            ),
            ("a name", |d| d["class_names"][1] = "\u{1b}[2J".into(), "class names: expected names that can be printed"),
            ("size", |d| d["preprocessing"]["height"] = 3.into(), "image size: expected 6 pixels, found 3 x 3"),
            (
                "vast size",
                |d| d["preprocessing"]["height"] = (1_u64 << 63).into(),
                "image size: expected 6 pixels, found",
            ),
            (
                "scale",
                |d| d["preprocessing"]["scale"] = "byte".into(),
                "scale of the pixels: expected byte / 255, found byte",
            ),
            (
                "loss",
                |d| d["training"]["settings"]["loss"] = "hinge".into(),
                "loss: expected one of cross-entropy, found \"hinge\"",
            ),
            ("nothing", |d| *d = Value::Null, "description: expected that of a network, found invalid type: null"),
        ];
        for (what, edit, expected) in refusals {
            let message = bench.refusal(&bench.with_description(edit));
            assert!(message.starts_with(&format!("model: {expected}")), "{what}: {message}");
        }
    }
}
