//! System calls that fail, one after the other, and disks that are full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Place, metrics, output, succeed};

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
