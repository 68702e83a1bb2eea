//! The same seed gives the same bits, whatever is shown, and to whom. Through the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gemmnist::nn::{Network, Parameter};
use gemmnist::seed::{Purpose, Seed};
use gemmnist::train::model_file;
use tempfile::TempDir;

/// A folder of runs on the small digits.
struct Runs(TempDir);

impl Runs {
    fn new() -> Self {
        // In memory, where the system has a place for it: a run syncs all that it leaves.
        Self(tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap())
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

    /// The same on 1,000 images of 28 x 28 whose outermost pixels are always zero, as MNIST's are.
    fn large_command(&self, name: &str, more: &[&str]) -> Command {
        let data = self.folder("images");
        if !data.exists() {
            fs::create_dir(&data).unwrap();
            write_images(&data, "train", 1000);
            write_images(&data, "t10k", 50);
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
        command.args(["train", "--seed", "7", "--data"]).arg(data).args(more);
        command.arg("--out").arg(self.0.path()).args(["--name", name]);
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
    let runs = Runs::new();
    let (piped, printed) = runs.train("piped", 7, &[]);
    let Some(script) = on_a_terminal(&runs.command("terminal", 7, &[])) else { return };
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

/// Products of some million operations are: their columns, or rows, are divided between the threads, more of them than there are cores.
#[test]
fn one_thread_and_many_write_the_same_model_of_a_network_whose_steps_are_shared() {
    let runs = Runs::new();
    for (name, settings) in LARGE {
        let settings = [settings.split_whitespace().collect(), vec!["--epochs", "3"]].concat();
        let train = |threads: &str| {
            let more = [&["--threads", threads], &settings[..]].concat();
            succeed(runs.large_command(&format!("{name}-{threads}"), &more));
            model(&runs.folder(&format!("{name}-{threads}")))
        };
        let one = train("1");
        for threads in ["2", "3", "4", "8"] {
            assert!(train(threads) == one, "{name}: {threads} threads wrote another model than one");
        }
    }
}

/// Networks whose steps are worth several threads.
const LARGE: [(&str, &str); 3] = [
    ("sgd", "--hidden 128 --batch 10"),
    ("adam-dropout", "--hidden 128,128 --batch 40 --optimizer adam --dropout 0.3 --input-dropout 0.1"),
    ("l2", "--hidden 128 --batch 10 --optimizer momentum --l2 1e-4 --activation tanh"),
];

/// Processes that keep every core busy, until this is dropped.
#[cfg(target_os = "linux")]
struct Load(Vec<std::process::Child>);

#[cfg(target_os = "linux")]
impl Load {
    fn of(processes: usize) -> Self {
        let mut busy = Command::new("sh");
        busy.args(["-c", "while :; do :; done"]);
        Self((0..processes).map(|_| busy.spawn().unwrap()).collect())
    }
}

#[cfg(target_os = "linux")]
impl Drop for Load {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|process| process.kill().and_then(|()| process.wait().map(drop)).unwrap());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn twenty_runs_on_a_busy_machine_write_the_same_model_however_they_are_run_and_shown() {
    let runs = Runs::new();
    let (_, settings) = LARGE[0];
    let command = |name: &str, more: &[&str]| {
        let settings: Vec<_> = settings.split_whitespace().chain(["--epochs", "1", "--threads", "2"]).collect();
        runs.large_command(name, &[&settings[..], more].concat())
    };
    succeed(command("alone", &[]));
    let expected = model(&runs.folder("alone"));
    let _load = Load::of(2 * std::thread::available_parallelism().unwrap().get());
    for number in 0..20 {
        let name = format!("run-{number}");
        let output = match number % 5 {
            0 => succeed(command(&name, &[])),
            1 => succeed(within(&["nice", "-n", "19"], &command(&name, &["--quiet"]))),
            2 => succeed(command(&name, &["--json", "--log-every", "7"])),
            3 => succeed(command(&name, &["--tensorboard", "--checkpoint-every", "9"])),
            _ => match on_a_terminal(&command(&name, &["--log-every", "10"])) {
                Some(script) => succeed(script),
                None => succeed(command(&name, &["--log-every", "10"])),
            },
        };
        assert!(model(&runs.folder(&name)) == expected, "run {number} wrote another model: {output:?}");
    }
}

/// `command`, run by the program that `words` begin with.
#[cfg(target_os = "linux")]
fn within(words: &[&str], command: &Command) -> Command {
    let mut outer = Command::new(words[0]);
    outer.args(&words[1..]).arg(command.get_program()).args(command.get_args());
    outer
}

/// `command` on a terminal; none without util-linux' `script`, which makes one.
#[cfg(target_os = "linux")]
fn on_a_terminal(command: &Command) -> Option<Command> {
    let version = Command::new("script").arg("--version").output();
    if !version.is_ok_and(|version| version.stdout.windows(10).any(|word| word == b"util-linux")) {
        eprintln!("skipped: without util-linux' script there is no terminal to draw on");
        return None;
    }
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let line: Vec<_> = words.map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let mut script = Command::new("script");
    script.args(["-qec", &line.join(" "), "/dev/null"]).env("TERM", "xterm");
    Some(script)
}

/// Noise, a little brighter in every third column: which third is its class.
fn write_images(folder: &Path, split: &str, count: u32) {
    const SIDE: usize = 28;
    let mut noise = Seed(u64::from(count)).stream(Purpose::Init, 0);
    let labels: Vec<u8> = (0..count).map(|i| (i % 3) as u8).collect();
    let is_inside = |place: usize| (3..SIDE - 3).contains(&place);
    let places = || (0..SIDE * SIDE).map(|pixel| (pixel / SIDE, pixel % SIDE));
    let mut pixel = |label: u8, (row, column): (usize, usize)| match is_inside(row) && is_inside(column) {
        true => 1 + noise.below(150) as u8 + if column % 3 == usize::from(label) { 60 } else { 0 },
        false => 0,
    };
    let images: Vec<u8> =
        labels.iter().flat_map(|&label| places().map(|place| pixel(label, place)).collect::<Vec<_>>()).collect();
    let idx = |sizes: &[u32], elements: &[u8]| {
        let sizes_in_file: Vec<u8> = sizes.iter().flat_map(|size| size.to_be_bytes()).collect();
        [&[0, 0, 8, sizes.len() as u8], &sizes_in_file[..], elements].concat()
    };
    let side = SIDE as u32;
    fs::write(folder.join(format!("{split}-images-idx3-ubyte")), idx(&[count, side, side], &images)).unwrap();
    fs::write(folder.join(format!("{split}-labels-idx1-ubyte")), idx(&[count], &labels)).unwrap();
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
