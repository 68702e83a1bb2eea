//! Real disks that are full or may not be written: small file systems in memory, in a namespace of their own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use gemmnist::train::Checkpoint;

use crate::support::{Place, metrics, succeed};

/// 46 kB of weights: two checkpoints fit into [`SMALL`], and no third beside them.
const NETWORK: &str = "--hidden 280 --batch 20 --checkpoint-every 10";
/// In KiB.
const SMALL: usize = 130;

/// Runs `script` in a shell that has a disk of [`SMALL`] at `$RUNS`, the run folders of `place`; they are copied to the folder
/// `kept` at the end. None where this system does not let a process mount.
fn on_a_small_disk(place: &Place, kept: &str, script: &str) -> Option<Output> {
    let mount = |then: &str| {
        let lines = format!("set -e; mount -t tmpfs -o size={SMALL}k none \"$RUNS\"; {then}");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &lines]);
        command.env("RUNS", place.path("runs")).env("KEPT", place.path(kept)).env("DATA", place.path("data"));
        command.env("GEMMNIST", env!("CARGO_BIN_EXE_gemmnist")).env("NETWORK", NETWORK).stdin(Stdio::null());
        command.output()
    };
    fs::create_dir_all(place.path("runs")).unwrap();
    if !mount("").is_ok_and(|mounted| mounted.status.success()) {
        eprintln!("skipped: this system does not let a process mount a disk in a namespace of its own");
        return None;
    }
    let commands = r#"
        train() { name=$1; shift; "$GEMMNIST" train --quiet --data "$DATA" --out "$RUNS" --name $name $NETWORK --seed 5 --threads 1 "$@"; }
        resume() { name=$1; shift; "$GEMMNIST" train --quiet --out "$RUNS" --resume $name "$@"; }
        fails_with() { expected=$1; shift; set +e; "$@"; code=$?; set -e; [ $code = $expected ] || { echo "code $code"; exit 99; }; }
    "#;
    let run = mount(&format!("{commands}{script}\ncp -a \"$RUNS\" \"$KEPT\"")).unwrap();
    assert!(run.status.success(), "{run:?}");
    Some(run)
}

/// The networks and metrics of the run `name` in `kept` are those of the run `whole` among the others.
fn assert_as_whole(place: &Place, kept: &str, name: &str) {
    let found = place.path(kept).join(name);
    let model = |folder: &Path| fs::read(folder.join("model.safetensors")).unwrap();
    assert!(model(&found) == model(&place.run("whole")), "another network");
    assert_eq!(metrics(&found), metrics(&place.run("whole")));
}

#[test]
fn a_training_that_fills_its_disk_ends_with_an_error_and_goes_on_once_there_is_room() {
    let place = Place::new();
    succeed(place.train("whole", &format!("{NETWORK} --epochs 2")));
    let script = r#"
        fails_with 1 train run --epochs 2
        cp -a "$RUNS/run" "$KEPT-when-full"
        mount -o remount,size=4m "$RUNS"
        resume run
    "#;
    let Some(Output { stderr, .. }) = on_a_small_disk(&place, "kept", script) else { return };
    let err = String::from_utf8(stderr).unwrap();
    assert!(
        err.contains("checkpoint.safetensors: cannot write: No space left on device (os error 28) (choose "),
        "{err}"
    );
    let hint =
        format!("gemmnist: to go on from what is saved: gemmnist train --resume {}\n", place.run("run").display());
    assert!(err.starts_with(&hint), "{err}");
    for (file, step) in [("checkpoint.safetensors", 20), ("checkpoint.previous.safetensors", 10)] {
        assert_eq!(Checkpoint::read(&place.path("kept-when-full").join(file)).unwrap().position().step, step);
    }
    assert_as_whole(&place, "kept", "run");
}

#[test]
fn a_disk_that_may_only_be_read_is_refused_and_what_is_on_it_stays() {
    let place = Place::new();
    succeed(place.train("whole", &format!("{NETWORK} --epochs 2")));
    let script = r#"
        mount -o remount,size=4m "$RUNS"
        train run --epochs 1
        mount -o remount,ro "$RUNS"
        before=$(cd "$RUNS" && find . -type f | sort | xargs sha256sum)
        fails_with 1 train other
        fails_with 1 resume run --epochs 2
        [ "$before" = "$(cd "$RUNS" && find . -type f | sort | xargs sha256sum)" ]
        mount -o remount,rw "$RUNS"
        resume run --epochs 2
    "#;
    let Some(Output { stderr, .. }) = on_a_small_disk(&place, "kept", script) else { return };
    let err = String::from_utf8(stderr).unwrap();
    let lines: Vec<_> = err.lines().collect();
    let [other, run] = lines[..] else { panic!("{err}") };
    for (line, path) in [(other, place.run("other")), (run, place.run("run").join(".lock"))] {
        assert!(line.starts_with(&format!("gemmnist: {}: cannot ", path.display())), "{line}");
        assert!(line.contains(": Read-only file system (os error 30) ("), "{line}");
    }
    assert_as_whole(&place, "kept", "run");
}
