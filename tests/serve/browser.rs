//! A person at a real browser: `tests/browser/draw.mjs` has the hand at the page, `read.mjs` the eye on reports; here is what
//! stays on disk.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Served, files};

/// Where a tool of this machine is, by the first of its names that is there.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places: Vec<_> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| places.iter().map(move |place| place.join(name))).find(|path| path.is_file())
}

/// Node with a script of `tests/browser`, whose first argument is the browser; none where one of them is not installed.
fn node(script: &str) -> Option<Command> {
    let browser = find(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(node), Some(browser)) = (find(&["node"]), browser) else {
        eprintln!("skipped: the page was not tried in a browser, for that takes node and chromium");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser").join(script);
    let mut command = Command::new(node);
    command.arg(script).arg(browser);
    Some(command)
}

/// What it tells; it succeeds.
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let told = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert!(output.status.success(), "{command:?}\n{told}");
    println!("{told}");
    output
}

/// `gemmnist` with these arguments.
fn gemmnist(folder: &Path, args: &str) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_gemmnist")).args(args.split(' ')).current_dir(folder))
}

#[test]
fn a_report_and_a_comparison_are_whole_on_a_desk_and_no_wider_than_a_phone() {
    let Some(mut read) = node("read.mjs") else { return };
    let folder = tempfile::tempdir().unwrap();
    for args in
        ["train --epochs 1 --quiet", "train --epochs 1 --l2 1e-4 --quiet", "compare runs/001 runs/002 --out all.html"]
    {
        gemmnist(folder.path(), args);
    }
    run(read.args(["runs/001/report.html", "all.html"]).current_dir(folder.path()));
}

#[test]
fn digits_drawn_in_a_browser_are_recognised_and_what_is_collected_is_what_eval_reads() {
    let Some(mut draw) = node("draw.mjs") else { return };
    let folder = tempfile::tempdir().unwrap();
    // The main job's network, after few epochs: it has learnt enough to tell digits.
    gemmnist(folder.path(), "train --epochs 5 --quiet");
    let served = Served::start(folder.path(), &[]);
    run(draw.arg(&served.url));

    let three_each: Vec<PathBuf> =
        (0..10).flat_map(|digit| (1..=3).map(move |n| format!("{digit}/{n:04}.png").into())).collect();
    assert_eq!(files(&folder.path().join("my-digits")), three_each);
    let judged: Value =
        serde_json::from_slice(&gemmnist(folder.path(), "eval runs/001 --data my-digits --json").stdout).unwrap();
    assert_eq!((&judged["prepared"], judged["blank"].as_array().map(Vec::len)), (&30.into(), Some(0)));
    assert!(judged["accuracy"].as_f64().unwrap() >= 0.9, "as on the page: {judged}");
}
