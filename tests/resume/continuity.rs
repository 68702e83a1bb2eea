//! What a run that goes on leaves, and with what it does not go on.

use std::fs;
use std::process::Command;

#[cfg(feature = "report")]
use crate::support::{AS_EVER, endless, metrics, send};
use crate::support::{Place, output, succeed};

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

/// The first epoch after the pause is none of the best, and would be if those before were forgotten.
#[test]
fn a_run_that_goes_on_marks_the_epochs_that_a_whole_one_marks() {
    let place = Place::new();
    let rows = |mut command: Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().map(|line| (line.split_whitespace().next().map(str::parse), line.ends_with(" *")));
        lines.filter_map(|(epoch, is_best)| Some((epoch?.ok()?, is_best))).collect::<Vec<(usize, bool)>>()
    };
    let aloud = |quiet: &Command| {
        let mut command = Command::new(quiet.get_program());
        command.args(quiet.get_args().filter(|arg| *arg != "--quiet"));
        command
    };
    for validation in ["", "--validation 60"] {
        let whole = rows(aloud(&place.train(&format!("whole{validation}"), &format!("--epochs 12 {validation}"))));
        let (pause, _) = whole.iter().find(|(epoch, is_best)| *epoch > 1 && !is_best).expect("an epoch without a mark");
        let run = format!("run{validation}");
        succeed(place.train(&run, &format!("--epochs {} {validation}", pause - 1)));
        let mut resume = aloud(&place.gemmnist("--epochs 12"));
        resume.arg("--resume").arg(place.run(&run));
        assert_eq!(rows(resume), whole[pause - 1..], "{whole:?}");
    }
}
