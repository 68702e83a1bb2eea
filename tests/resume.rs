//! A training that is stopped, however it is stopped, goes on as if it had never been. Through the real process.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use gemmnist::seed::{Purpose, Seed};
use gemmnist::train::Checkpoint;
use tempfile::TempDir;

const SIDE: usize = 6;
const SGD: &str = "--schedule cosine --warmup 100 --l2 1e-4 --epochs 12 --checkpoint-every 150";
const ADAM: &str = "--optimizer adam --dropout 0.3 --input-dropout 0.1 --validation 60 --patience 4 --epochs 12 \
                    --schedule plateau --schedule-every 1 --checkpoint-every 150";

/// A folder with a small data set and its runs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write_data("data", 0);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Images of 6 x 6 in 3 classes that are not quite told apart; `salt` makes others.
    fn write_data(&self, folder: &str, salt: u32) {
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

    fn gemmnist(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
        command.args(["train", "--quiet", "--out"]).arg(self.path("runs")).args(args.split_whitespace());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A new run, small unless `args` say otherwise.
    fn train(&self, name: &str, args: &str) -> Command {
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
    fn resume(&self, name: &str, args: &str) -> Command {
        self.gemmnist(&format!("--resume {name} {args}"))
    }

    fn run(&self, name: &str) -> PathBuf {
        self.path("runs").join(name)
    }

    /// What a run came to: its networks, and its metrics but for the times.
    fn outcome(&self, name: &str) -> (Vec<u8>, Option<Vec<u8>>, Vec<serde_json::Value>) {
        let run = self.run(name);
        let model = fs::read(run.join("model.safetensors")).unwrap();
        (model, fs::read(run.join("best.safetensors")).ok(), metrics(&run))
    }

    fn assert_same(&self, name: &str, whole: &str, what: &str) {
        let (found, expected) = (self.outcome(name), self.outcome(whole));
        assert_eq!(found.2, expected.2, "{what}: metrics");
        assert!(found.0 == expected.0 && found.1 == expected.1, "{what}: another network");
    }
}

/// The lines of `metrics.jsonl`, each whole, without the times.
fn metrics(run: &Path) -> Vec<serde_json::Value> {
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

fn output(mut command: Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

fn succeed(command: Command) {
    assert_eq!(output(command), (Some(0), String::new()));
}

/// Kills trainings at moments drawn from a seed, each again and again until it is over, until there were `kills` kills.
///
/// The moments are spread over the time that an undisturbed run takes on this machine; whatever moment it really was, the
/// outcome has to be the same.
fn kill_again_and_again(settings: &str, kills: usize) {
    let place = Place::new();
    let started = Instant::now();
    succeed(place.train("whole", settings));
    let longest = started.elapsed().as_micros() as u32;
    let mut moments = Seed(1).stream(Purpose::Shuffle, 1);
    let (mut killed, mut run) = (0, 0);
    while killed < kills {
        run += 1;
        let name = format!("cut-{run}");
        loop {
            let has_begun = place.run(&name).join("config.toml").exists();
            if !has_begun && place.run(&name).exists() {
                fs::remove_dir_all(place.run(&name)).unwrap(); // nothing was learnt, and so a new run says
            }
            let mut command = if has_begun { place.resume(&name, "") } else { place.train(&name, settings) };
            let mut child = command.spawn().unwrap();
            sleep(Duration::from_micros(moments.below(longest).into()));
            child.kill().unwrap();
            let Output { status, stderr, .. } = child.wait_with_output().unwrap();
            if status.success() {
                break;
            }
            let stderr = String::from_utf8(stderr).unwrap();
            assert_eq!(status.signal(), Some(9), "kill {killed} of run {run}: {stderr}");
            killed += 1;
        }
        place.assert_same(&name, "whole", &format!("run {run}, after {killed} kills"));
    }
}

#[test]
fn sgd_that_is_killed_50_times_learns_the_same() {
    kill_again_and_again(SGD, 50);
}

#[test]
fn sgd_on_two_threads_that_is_killed_50_times_learns_the_same() {
    kill_again_and_again(&format!("{SGD} --threads 2"), 50);
}

#[test]
fn adam_with_dropout_that_is_killed_50_times_learns_the_same() {
    kill_again_and_again(ADAM, 50);
}

#[test]
fn adam_with_dropout_on_two_threads_that_is_killed_50_times_learns_the_same() {
    kill_again_and_again(&format!("{ADAM} --threads 2"), 50);
}

/// The library that lets system calls fail; none without a C compiler.
fn fault_library(place: &Place) -> Option<PathBuf> {
    let library = place.path("fault.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/resume/fault.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    match compiler.output() {
        Ok(made) => {
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            Some(library)
        }
        Err(_) => {
            eprintln!("skipped: without a C compiler no system call can be made to fail");
            None
        }
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Goes on with a run of one epoch to a second, and lets each system call on the run's files fail in turn.
fn fail_every_call(kind: &str) {
    let place = Place::new();
    let Some(library) = fault_library(&place) else { return };
    let settings = "--optimizer adam --validation 60 --checkpoint-every 400";
    succeed(place.train("whole", &format!("{settings} --epochs 2")));
    succeed(place.train("half", &format!("{settings} --epochs 1")));
    let (run, note) = (place.run("run"), place.path("note"));
    let mut calls = 0;
    loop {
        calls += 1;
        copy_folder(&place.run("half"), &run);
        let mut command = place.resume("run", "--epochs 2");
        command.env("LD_PRELOAD", &library).env("FAULT_FOLDER", "/runs/run").env("FAULT_NOTE", &note);
        command.env("FAULT_AT", calls.to_string()).env("FAULT_KIND", kind);
        let (code, err) = output(command);
        let was_reached = fs::remove_file(&note).is_ok();
        let what = format!("{kind} at call {calls}: {code:?}, {err}");
        match (kind, was_reached) {
            (_, false) | ("short", _) => assert_eq!(code, Some(0), "{what}"),
            ("kill" | "cut", true) => assert_eq!(code, None, "{what}"),
            _ => {
                assert_eq!(code, Some(1), "{what}");
                assert!(err.contains("/runs/run"), "{what}");
                metrics(&run);
            }
        }
        succeed(place.resume("run", "--epochs 2"));
        place.assert_same("run", "whole", &what);
        let left: Vec<_> = fs::read_dir(&run).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".tmp")), "{what}: {left:?}");
        fs::remove_dir_all(&run).unwrap();
        if !was_reached {
            break;
        }
    }
    assert!(calls > 30, "a run goes on with more calls than {calls}");
}

#[test]
fn a_process_that_ends_before_any_system_call_leaves_a_run_that_goes_on() {
    fail_every_call("kill");
}

#[test]
fn a_process_that_ends_in_the_middle_of_any_write_leaves_a_run_that_goes_on() {
    fail_every_call("cut");
}

#[test]
fn a_disk_that_is_full_at_any_system_call_leaves_a_run_that_goes_on() {
    fail_every_call("full");
}

#[test]
fn writes_that_take_half_of_the_bytes_are_completed() {
    fail_every_call("short");
}

#[test]
fn a_disk_that_fails_at_any_system_call_leaves_a_run_that_goes_on() {
    fail_every_call("eio");
}

/// A limit on the size of a file is a disk that is full, of the kernel's making; with the signal it sends, and without.
#[test]
fn a_file_that_may_not_grow_ends_the_run_and_keeps_what_was_saved() {
    let place = Place::new();
    succeed(place.train("whole", "--hidden 64 --epochs 2"));
    for (name, trap) in [("a", "trap '' XFSZ;"), ("b", "")] {
        succeed(place.train(name, "--hidden 64 --epochs 1"));
        let saved = fs::read(place.run(name).join("checkpoint.safetensors")).unwrap();
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("{trap} ulimit -c 0; ulimit -f 4; exec \"$@\""), "sh"]);
        limited.arg(env!("CARGO_BIN_EXE_gemmnist")).args(place.resume(name, "--epochs 2").get_args());
        let (code, err) = output(limited);
        match code {
            Some(code) => {
                assert_eq!(code, 1, "{err}");
                assert!(err.contains("checkpoint.safetensors: cannot write: File too large"), "{err}");
                assert!(err.contains(&format!("train --resume {}", place.run(name).display())), "{err}");
            }
            None => assert_eq!(name, "b", "ended by the signal that another run ignores"),
        }
        assert!(fs::read(place.run(name).join("checkpoint.safetensors")).unwrap() == saved);
        succeed(place.resume(name, ""));
        place.assert_same(name, "whole", name);
    }
}

/// A training that goes on until it is stopped, once it has saved itself.
fn endless(place: &Place, name: &str, signals: &[&str]) -> Child {
    let training = place.train(name, "--epochs 1000000 --checkpoint-every 50");
    let mut command = Command::new("env"); // the shell that began this test may ignore some
    command.args(signals).arg(training.get_program()).args(training.get_args());
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !place.run(name).join("checkpoint.safetensors").exists() {
        sleep(Duration::from_millis(1));
    }
    child
}

fn send(child: &Child, signal: &str) {
    let kill = format!("kill -{signal} {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

const AS_EVER: &[&str] = &["--default-signal=INT,TERM,HUP"];

#[test]
fn a_signal_saves_the_run_says_how_to_go_on_and_has_an_exit_code_of_its_own() {
    let place = Place::new();
    for (signal, number) in [("HUP", 1), ("INT", 2), ("TERM", 15)] {
        let child = endless(&place, signal, AS_EVER);
        send(&child, signal);
        let Output { status, stderr, .. } = child.wait_with_output().unwrap();
        let err = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(128 + number), "{err}");
        let folder = place.run(signal);
        assert!(err.starts_with(&format!("gemmnist: stopped by signal {number} in epoch ")), "{err}");
        assert!(err.ends_with(&format!("(to go on: gemmnist train --resume {})\n", folder.display())), "{err}");
        let saved = Checkpoint::read(&folder.join("checkpoint.safetensors")).unwrap().position();
        assert!(err.contains(&format!("in epoch {}, after step {};", saved.epoch, saved.step)), "{saved:?}: {err}");
        let epochs = metrics(&folder).len() + 2; // the one it was stopped in, and one more
        let whole = format!("whole-{signal}");
        succeed(place.resume(signal, &format!("--epochs {epochs}")));
        succeed(place.train(&whole, &format!("--epochs {epochs}")));
        place.assert_same(signal, &whole, signal);
    }
}

#[cfg(feature = "report")]
#[test]
fn a_run_that_goes_on_leaves_the_report_and_the_events_of_one_that_never_stopped() {
    let place = Place::new();
    let child = endless(&place, "run", AS_EVER);
    send(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let (folder, stopped) = (place.run("run"), "stopped by signal 2");
    let report = || fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(report().contains(stopped), "the report says why it ends where it does");
    let epochs = metrics(&folder).len() + 2;
    succeed(place.resume("run", &format!("--tensorboard --epochs {epochs}")));
    assert!(!report().contains(stopped) && report().contains("data:image/png"), "that of a run which is over");
    let entries = fs::read_dir(&folder).unwrap().flatten();
    let events: Vec<_> =
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("events.out.tfevents.")).collect();
    assert_eq!(events.len(), 1);
    assert!(events[0].metadata().unwrap().len() > 200, "with two epochs in it");
}

/// Both arrive before the process can do anything.
#[test]
fn a_second_signal_ends_the_process_at_once() {
    let place = Place::new();
    let child = endless(&place, "run", AS_EVER);
    for signal in ["STOP", "INT", "TERM", "CONT"] {
        send(&child, signal);
    }
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert!([Some(130), Some(143)].contains(&status.code()), "{status}");
    assert_eq!(String::from_utf8(stderr).unwrap(), "", "it did not take the time to tell");
}

#[test]
fn a_signal_that_the_process_was_started_to_ignore_is_ignored() {
    let place = Place::new();
    let child = endless(&place, "run", &["--default-signal=INT", "--ignore-signal=HUP"]);
    send(&child, "HUP");
    send(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130), "HUP would have been 129");
}

#[test]
fn a_second_process_in_a_run_is_refused_and_told_which_the_first_is() {
    let place = Place::new();
    let mut first = endless(&place, "run", AS_EVER);
    let (code, err) = output(place.resume("run", ""));
    let folder = place.run("run");
    let found = format!("expected a run that nobody is at, found process {} (let it end, or stop it)", first.id());
    assert_eq!((code, err), (Some(1), format!("gemmnist: {}: {found}\n", folder.display())));
    first.kill().unwrap();
    first.wait().unwrap();
    let epochs = metrics(&folder).len() + 2;
    succeed(place.resume("run", &format!("--epochs {epochs}")));
}

#[test]
fn a_run_whose_folder_is_taken_away_ends_with_a_message() {
    let place = Place::new();
    let child = endless(&place, "run", AS_EVER);
    fs::rename(place.run("run"), place.run("elsewhere")).unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let err = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{err}");
    assert!(err.starts_with(&format!("gemmnist: {}", place.run("run").display())), "{err}");
    assert!(err.contains("cannot write: No such file or directory"), "{err}");
    let epochs = metrics(&place.run("elsewhere")).len() + 2;
    succeed(place.resume("elsewhere", &format!("--epochs {epochs}")));
}

#[test]
fn a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so() {
    let place = Place::new();
    succeed(place.train("whole", "--epochs 3 --checkpoint-every 250"));
    succeed(place.train("run", "--epochs 2 --checkpoint-every 250"));
    let [newest, before] =
        ["checkpoint.safetensors", "checkpoint.previous.safetensors"].map(|f| place.run("run").join(f));
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(&newest, &bytes).unwrap();
    let (code, err) = output(place.resume("run", "--epochs 3"));
    assert_eq!(code, Some(0), "{err}");
    assert!(err.starts_with(&format!("gemmnist: {}: checksum: expected ", newest.display())), "{err}");
    assert!(err.ends_with(": goes on from the one before it, epoch 2, step 500\n"), "{err}");
    place.assert_same("run", "whole", "from the one before");

    for path in [&newest, &before] {
        fs::write(path, &bytes).unwrap();
    }
    let (code, err) = output(place.resume("run", ""));
    assert_eq!(code, Some(5), "{err}");
    assert!(
        err.contains("the file is damaged, and ") && err.contains("checkpoint.previous.safetensors is no help either"),
        "{err}"
    );
}

/// By the learning rate that is stretched over the epochs, by another option, by the file, and by the data.
#[test]
fn a_run_does_not_go_on_with_other_settings_or_data() {
    let place = Place::new();
    succeed(place.train("run", "--epochs 2"));
    succeed(place.train("cosine", "--epochs 2 --schedule cosine"));
    let as_begun = "as the run was begun with, found";
    let begin = "(leave it as it was, or begin a new run)";
    for (run, options, line) in [
        ("run", "--lr 0.2", format!("--lr: expected 0.1, {as_begun} 0.2 {begin}")),
        ("run", "--threads 2 --epochs 3", format!("--threads: expected 1, {as_begun} 2 {begin}")),
        ("run", "--epochs 1", "--epochs: expected 2 at least, which are begun, found 1".to_owned()),
        (
            "cosine",
            "--epochs 3",
            format!("--epochs: expected 2, {as_begun} 3 (cosine is laid over all epochs: begin a new run)"),
        ),
    ] {
        assert_eq!(output(place.resume(run, options)), (Some(2), format!("gemmnist: {line}\n")));
    }
    let config = place.run("run").join("config.toml");
    let as_it_was = fs::read_to_string(&config).unwrap();
    fs::write(&config, as_it_was.replace("lr = 0.1", "lr = 0.3")).unwrap();
    let line = format!("gemmnist: {}: lr: expected 0.1, {as_begun} 0.3 {begin}\n", config.display());
    assert_eq!(output(place.resume("run", "--epochs 3")), (Some(2), line));
    fs::write(&config, as_it_was).unwrap();

    place.write_data("data", 1);
    let (code, err) = output(place.resume("run", "--epochs 3"));
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("images: expected 60 of 6 x 6 in 3 classes with CRC-32 "), "{err}");
    let (code, err) = output(place.resume("none", ""));
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("none/config.toml: settings of a run: expected a file, found no such folder"), "{err}");
}

#[cfg(feature = "openblas")]
#[test]
fn a_run_that_goes_on_with_another_blas_says_so() {
    let place = Place::new();
    let with_kernels_of = |mut command: Command, processor: &str| {
        command.env("OPENBLAS_CORETYPE", processor);
        output(command)
    };
    assert_eq!(with_kernels_of(place.train("run", "--epochs 1"), "Nehalem"), (Some(0), String::new()));
    let (code, err) = with_kernels_of(place.resume("run", "--epochs 2"), "Sandybridge");
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("begun with OpenBLAS") && err.contains("(Nehalem)") && err.contains("(Sandybridge)"), "{err}");
    assert_eq!(with_kernels_of(place.resume("run", "--epochs 2"), "Sandybridge").0, Some(0));
}

#[test]
fn a_run_that_was_stopped_before_its_first_checkpoint_begins_again() {
    let place = Place::new();
    succeed(place.train("whole", "--epochs 2"));
    succeed(place.train("run", "--epochs 2"));
    for file in ["checkpoint.safetensors", "model.safetensors"] {
        fs::remove_file(place.run("run").join(file)).unwrap();
    }
    fs::write(place.run("run").join("metrics.jsonl"), "{\"epoch\":1,\"st").unwrap();
    succeed(place.resume("run", ""));
    place.assert_same("run", "whole", "from the start");
}
