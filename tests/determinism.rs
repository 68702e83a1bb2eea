//! The same seed gives the same bits, whatever is shown, and to whom. Through the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gemmnist::nn::{Network, Parameter};
use gemmnist::train::model_file;
use tempfile::TempDir;

/// A folder of runs on the small digits.
struct Runs(TempDir);

impl Runs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `gemmnist train` into the folder `name`, all that a run takes from chance in it: initial weights and order.
    fn command(&self, name: &str, seed: u64, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
        command.args(["train", "--data", &digits(), "--hidden", "16", "--epochs", "3", "--seed", &seed.to_string()]);
        command.args(more).arg("--out").arg(self.0.path()).args(["--name", name]);
        command
    }

    /// Runs it piped. Returns the bytes of its model, and what it printed.
    fn train(&self, name: &str, seed: u64, more: &[&str]) -> (Vec<u8>, Output) {
        let output = succeed(self.command(name, seed, more));
        (model(&self.folder(name)), output)
    }
}

#[test]
fn the_same_seed_gives_the_same_model_file_twice() {
    let runs = Runs::new();
    let [first, second] = ["first", "second"].map(|name| runs.train(name, 7, &[]).0);
    assert!(first == second, "two runs of one seed wrote different files");
}

#[test]
fn another_seed_gives_another_network() {
    let runs = Runs::new();
    runs.train("seven", 7, &[]);
    runs.train("eight", 8, &[]);
    let [seven, eight] = ["seven", "eight"].map(|name| parameters(&runs.folder(name)));
    assert!(seven.iter().zip(&eight).all(|(seven, eight)| seven != eight), "a tensor did not depend on the seed");
}

#[test]
fn what_is_printed_does_not_change_the_model_file() {
    let runs = Runs::new();
    let (text, shown_as_text) = runs.train("text", 7, &[]);
    let (quiet, shown_quietly) = runs.train("quiet", 7, &["--quiet"]);
    let (json, shown_as_json) = runs.train("json", 7, &["--json"]);
    assert!(text == quiet, "--quiet changed the model");
    assert!(text == json, "--json changed the model");

    assert!(shown_as_text.stdout.starts_with(b"data "), "a table");
    assert!(shown_quietly.stdout.is_empty() && shown_quietly.stderr.is_empty(), "nothing");
    assert!(shown_as_json.stdout.starts_with(b"{"), "objects");
}

#[cfg(target_os = "linux")]
#[test]
fn a_progress_bar_on_a_terminal_does_not_change_the_model_file() {
    let version = Command::new("script").arg("--version").output();
    if !version.is_ok_and(|version| version.stdout.windows(10).any(|word| word == b"util-linux")) {
        return eprintln!("skipped: without util-linux' script there is no terminal to draw on");
    }
    let runs = Runs::new();
    let (piped, printed) = runs.train("piped", 7, &[]);
    let words = runs.command("terminal", 7, &[]);
    let words = [words.get_program()].into_iter().chain(words.get_args());
    let line: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut script = Command::new("script"); // gives its command a terminal
    script.args(["-qec", &line.join(" "), "/dev/null"]).env("TERM", "xterm");
    let shown = succeed(script);
    assert!(drew_a_bar(&shown.stdout), "no bar was drawn, so nothing was tested: {shown:?}");
    assert!(!drew_a_bar(&[printed.stdout, printed.stderr].concat()), "a pipe is no terminal");
    assert!(piped == model(&runs.folder("terminal")), "the bar changed the model");
}

/// Whether a terminal was told to erase its line, and to show an epoch, a bar and a speed in it. Colours alone are no bar.
#[cfg(target_os = "linux")]
fn drew_a_bar(printed: &[u8]) -> bool {
    let text = String::from_utf8_lossy(printed);
    let mut lines = text.split(['\r', '\n']);
    text.contains("\x1b[2K")
        && lines
            .any(|line| line.contains("epoch 1 of 3, loss ") && line.contains(" %  ") && line.contains(" images/s  "))
}

#[test]
fn the_config_of_a_run_repeats_it_bit_for_bit() {
    let runs = Runs::new();
    let odd = ["--activation", "tanh", "--lr", "0.037", "--batch", "7", "--init", "lecun", "--threads", "2"];
    let (first, _) = runs.train("first", 7, &odd);
    let mut again = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
    again.args(["train", "--config"]).arg(runs.folder("first").join("config.toml"));
    again.arg("--out").arg(runs.0.path()).args(["--name", "again"]);
    succeed(again);
    assert!(first == model(&runs.folder("again")), "config.toml does not repeat its run");
}

/// No product of this network is worth two threads, and an evaluation sums in the order of the images.
#[test]
fn one_thread_and_two_write_the_same_model_of_a_small_network() {
    let runs = Runs::new();
    let [one, two] = ["1", "2"].map(|threads| runs.train(threads, 7, &["--threads", threads]).0);
    assert!(one == two, "the number of threads changed the model");
}

fn digits() -> String {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/digits-7x7").to_owned()
}

fn succeed(mut command: Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

/// The bits of every tensor.
fn parameters(folder: &Path) -> Vec<Vec<u32>> {
    let network: Network = model_file::read(&folder.join("model.safetensors")).unwrap().0;
    let bits = |parameter: Parameter<'_>| parameter.file_values().into_iter().map(f32::to_bits).collect();
    network.parameters().map(|(_, parameter)| bits(parameter)).collect()
}

fn model(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("model.safetensors")).unwrap()
}
