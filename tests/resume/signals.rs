//! Signals, a second process, and a folder that is taken away.

use std::fs;
use std::process::{Command, Output};

use gemmnist::train::Checkpoint;

use crate::support::{AS_EVER, Place, endless, metrics, once_saved, output, send, succeed};

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

/// They arrive before the process can do anything. Three, since of two that two threads take at the same instant each may find itself the first.
#[test]
fn a_second_signal_ends_the_process_at_once() {
    let place = Place::new();
    let child = endless(&place, "run", AS_EVER);
    for signal in ["STOP", "INT", "TERM", "HUP", "CONT"] {
        send(&child, signal);
    }
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert!([Some(129), Some(130), Some(143)].contains(&status.code()), "{status}");
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
fn a_reproduction_that_is_stopped_keeps_what_it_has_and_says_how_the_training_goes_on() {
    let place = Place::new();
    let recipe = place.path("small.toml");
    let settings = format!("data = '{}', hidden = [8], batch = 2, threads = 1", place.path("data").display());
    let write = |epochs: usize| {
        let settings = format!("settings = {{ {settings}, epochs = {epochs}, checkpoint-every = 50 }}");
        fs::write(&recipe, format!("title = 'Small'\nsource = 'a test'\n{settings}\n")).unwrap();
    };
    write(1_000_000);
    let mut reproduce = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
    reproduce.arg("reproduce").arg(&recipe).args(["--seed", "3", "--name", "it", "--out"]).arg(place.path("runs"));
    let folder = place.run("it/small-seed-3");
    let child = once_saved(&reproduce, AS_EVER, &folder);
    send(&child, "INT");
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    let err = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(130), "{err}");
    assert!(err.starts_with("gemmnist: stopped by signal 2 in epoch "), "{err}");
    assert!(err.ends_with(&format!("(to go on: gemmnist train --resume {})\n", folder.display())), "{err}");
    let epochs = metrics(&folder).len() + 2;
    succeed(place.resume("it/small-seed-3", &format!("--epochs {epochs}")));
    let whole = format!("--recipe {} --seed 3 --epochs {epochs} --name whole", recipe.display());
    succeed(place.gemmnist(&whole));
    place.assert_same("it/small-seed-3", "whole", "a reproduction that was stopped");
}
