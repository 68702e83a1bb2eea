//! A person at the page, in a real browser: `tests/browser/draw.mjs` has the hand, here is what stays on disk.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Served, files};

/// Where a tool of this machine is, by the first of its names that is there.
fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places: Vec<_> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| places.iter().map(move |place| place.join(name))).find(|path| path.is_file())
}

#[test]
fn digits_drawn_in_a_browser_are_recognised_and_what_is_collected_is_what_eval_reads() {
    let browser = find(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(node), Some(browser)) = (find(&["node"]), browser) else {
        eprintln!("skipped: the page was not tried in a browser, for that takes node and chromium");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let gemmnist = |args: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
        command.args(args.split(' ')).current_dir(folder.path()).output().unwrap()
    };
    // The main job's network, after few epochs: it has learnt enough to tell digits.
    let train = gemmnist("train --epochs 5 --quiet");
    assert!(train.status.success(), "{}", String::from_utf8_lossy(&train.stderr));
    let served = Served::start(folder.path(), &[]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/draw.mjs");
    let drawn = Command::new(node).arg(script).arg(browser).arg(&served.url).output().unwrap();
    let told = [drawn.stdout, drawn.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    println!("{told}");
    assert!(drawn.status.success(), "{told}");

    let three_each: Vec<PathBuf> =
        (0..10).flat_map(|digit| (1..=3).map(move |n| format!("{digit}/{n:04}.png").into())).collect();
    assert_eq!(files(&folder.path().join("my-digits")), three_each);
    let judged: Value = serde_json::from_slice(&gemmnist("eval runs/001 --data my-digits --json").stdout).unwrap();
    assert_eq!((&judged["prepared"], judged["blank"].as_array().map(Vec::len)), (&30.into(), Some(0)));
    assert!(judged["accuracy"].as_f64().unwrap() >= 0.9, "as on the page: {judged}");
}
