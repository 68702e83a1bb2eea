//! A small data set, the command on it, and what its runs come to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use gemmnist::seed::{Purpose, Seed};
use tempfile::TempDir;

const SIDE: usize = 6;

/// A folder with a small data set and its runs.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write_data("data", 0);
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Images of 6 x 6 in 3 classes that are not quite told apart; `salt` makes others.
    pub fn write_data(&self, folder: &str, salt: u32) {
        let folder = self.path(folder);
        fs::create_dir_all(&folder).unwrap();
        let idx = |dims: &[u32], elements: &[u8]| {
            let sizes = dims.iter().flat_map(|size| size.to_be_bytes());
            [0, 0, 8, dims.len() as u8].into_iter().chain(sizes).chain(elements.iter().copied()).collect::<Vec<u8>>()
        };
        for (split, n) in [("train", 600_u32), ("t10k", 60)] {
            let mut noise = Seed(u64::from(n + salt)).stream(Purpose::Init, 0);
            let labels: Vec<u8> = (0..n).map(|i| (i % 3) as u8).collect();
            let pixels = labels.iter().flat_map(|&label| (0..SIDE * SIDE).map(move |pixel| (label, pixel)));
            let images: Vec<u8> = pixels
                .map(|(label, pixel)| (noise.below(150) + if pixel % 3 == usize::from(label) { 60 } else { 0 }) as u8)
                .collect();
            let write = |name: &str, bytes: Vec<u8>| fs::write(folder.join(format!("{split}-{name}-ubyte")), bytes);
            write("images-idx3", idx(&[n, SIDE as u32, SIDE as u32], &images)).unwrap();
            write("labels-idx1", idx(&[n], &labels)).unwrap();
        }
    }

    pub fn gemmnist(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
        command.args(["train", "--quiet", "--out"]).arg(self.path("runs")).args(args.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A new run, small unless `args` say otherwise.
    pub fn train(&self, name: &str, args: &str) -> Command {
        let mut command = self.gemmnist(args);
        command.arg("--data").arg(self.path("data")).args(["--name", name]);
        for (option, value) in [("--hidden", "8"), ("--batch", "2"), ("--seed", "5"), ("--threads", "1")] {
            if !args.contains(option) {
                command.args([option, value]);
            }
        }
        command
    }

    /// On with a run.
    pub fn resume(&self, name: &str, args: &str) -> Command {
        self.gemmnist(&format!("--resume {name} {args}"))
    }

    pub fn run(&self, name: &str) -> PathBuf {
        self.path("runs").join(name)
    }

    /// What a run came to: its networks, and its metrics but for the times.
    pub fn outcome(&self, name: &str) -> (Vec<u8>, Option<Vec<u8>>, Vec<serde_json::Value>) {
        let run = self.run(name);
        let model = fs::read(run.join("model.safetensors")).unwrap();
        (model, fs::read(run.join("best.safetensors")).ok(), metrics(&run))
    }

    pub fn assert_same(&self, name: &str, whole: &str, what: &str) {
        let (found, expected) = (self.outcome(name), self.outcome(whole));
        assert_eq!(found.2, expected.2, "{what}: metrics");
        assert!(found.0 == expected.0 && found.1 == expected.1, "{what}: another network");
    }
}

/// The lines of `metrics.jsonl`, each whole, without the times.
pub fn metrics(run: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "whole lines: {text}");
    let line = |line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let object = line.as_object_mut().unwrap();
        for time in ["train_seconds", "eval_seconds", "samples_per_second"] {
            assert!(object.remove(time).is_some_and(|seconds| seconds.as_f64() > Some(0.0)));
        }
        line
    };
    text.lines().map(line).collect()
}

pub fn output(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

pub fn succeed(command: Command) {
    assert_eq!(output(command), (Some(0), String::new()));
}

/// A training that goes on until it is stopped, once it has saved itself.
pub fn endless(place: &Place, name: &str, signals: &[&str]) -> Child {
    let training = place.train(name, "--epochs 1000000 --checkpoint-every 50");
    once_saved(&training, signals, &place.run(name))
}

/// `command`, heeding signals as `env` is asked to make it, once there is a checkpoint in `folder`.
pub fn once_saved(command: &Command, signals: &[&str], folder: &Path) -> Child {
    let mut env = Command::new("env"); // the shell that began this test may ignore some
    env.args(signals).arg(command.get_program()).args(command.get_args());
    let child = env.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !folder.join("checkpoint.safetensors").exists() {
        sleep(Duration::from_millis(1));
    }
    child
}

pub fn send(child: &Child, signal: &str) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

pub const AS_EVER: &[&str] = &["--default-signal=INT,TERM,HUP"];
