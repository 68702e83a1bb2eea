//! `gemmnist compare` as a user meets it: the table, the picture's file, what is said of folders that are no runs.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use gemmnist::cli::{Terminal, run};
use tempfile::TempDir;

/// A folder with runs written by hand.
struct Runs(TempDir);

impl Runs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A run with these settings beside the defaults, and one epoch for each test accuracy.
    fn put(&self, name: &str, settings: &str, accuracies: &[f64]) -> PathBuf {
        let lines = accuracies.iter().zip(1..).map(|(accuracy, epoch)| line(epoch, *accuracy));
        self.put_files(name, settings, &lines.collect::<String>())
    }

    fn put_files(&self, name: &str, config: &str, metrics: &str) -> PathBuf {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), config).unwrap();
        fs::write(folder.join("metrics.jsonl"), metrics).unwrap();
        folder
    }

    /// `gemmnist compare` with the picture in `out.svg` of this folder: exit code, output, messages.
    fn compare(&self, runs: &[&PathBuf], more: &[&str]) -> (u8, String, String) {
        let picture = self.path("out.svg");
        let fixed = ["gemmnist".into(), "compare".into(), "--out".into(), picture.into_os_string()];
        let runs = runs.iter().map(|run| run.as_os_str().to_owned());
        gemmnist(fixed.into_iter().chain(runs).chain(more.iter().map(OsString::from)))
    }

    /// The table, without the picture's place.
    #[cfg(feature = "report")]
    fn table(&self, runs: &[&PathBuf]) -> String {
        let (code, out, err) = self.compare(runs, &[]);
        assert_eq!((code, err.as_str()), (0, ""));
        out.split("\nThe curves").next().unwrap().to_owned()
    }
}

fn gemmnist(args: impl Iterator<Item = OsString>) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(args, &mut out, &mut err, Terminal::NONE);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn line(epoch: usize, test_accuracy: f64) -> String {
    format!(
        r#"{{"epoch":{epoch},"step":{epoch},"learning_rate":0.1,"train_loss":0.25,"train_accuracy":0.75,"validation_loss":null,"validation_accuracy":null,"test_loss":0.5,"test_accuracy":{test_accuracy},"train_seconds":1.5,"eval_seconds":0.1,"samples_per_second":10.0}}"#
    ) + "\n"
}

#[cfg(feature = "report")]
#[test]
fn the_table_is_sorted_by_accuracy_and_shows_only_what_differs() {
    let runs = Runs::new();
    let plain = runs.put("plain", "epochs = 3\n", &[0.9, 0.97, 0.96]);
    let decay = runs.put("decay", "epochs = 3\nl2 = 0.001\n", &[0.9, 0.98]);
    let expected = "\
run       l2   trained  test acc.  best (epoch)  test loss  train loss  s/epoch   time
decay  0.001  2 epochs    98.00 %   98.00 % (2)     0.5000      0.2500     1.50  3.0 s
plain      0  3 epochs    96.00 %   97.00 % (2)     0.5000      0.2500     1.50  4.5 s
";
    assert_eq!(runs.table(&[&plain, &decay]), expected);
    let svg = fs::read_to_string(runs.path("out.svg")).unwrap();
    assert!(svg.contains("l2 0.001: 98.00 %") && svg.contains("l2 0: 96.00 %"), "{svg}");
}

#[cfg(feature = "report")]
#[test]
fn runs_that_differ_in_their_seed_alone_come_with_mean_and_deviation() {
    let runs = Runs::new();
    let seeds = [("a", 0.96), ("b", 0.97), ("c", 0.98)]
        .map(|(name, accuracy)| runs.put(name, &format!("seed = {}\n", name.as_bytes()[0]), &[accuracy]));
    let table = runs.table(&seeds.each_ref());
    assert!(table.ends_with("\nTest accuracy: mean 97.00 %, standard deviation 1.00 %"), "{table}");
    let other = runs.put("d", "seed = 4\nbatch = 20\n", &[0.5]);
    assert!(!runs.table(&[&seeds[0], &other]).contains("mean"));
    // Neither has the same run twice, nor one that was stopped, a spread by chance.
    let longer = runs.put("e", "seed = 5\n", &[0.5, 0.6]);
    let again = runs.put("f", &format!("seed = {}\n", b'a'), &[0.96]);
    assert!(!runs.table(&[&seeds[0], &longer]).contains("mean"));
    assert!(!runs.table(&[&seeds[0], &seeds[1], &again]).contains("mean"));
}

#[cfg(feature = "report")]
#[test]
fn json_gives_a_line_for_each_run_and_one_for_the_picture() {
    let runs = Runs::new();
    let [a, b] = [("a", 1, 0.5), ("b", 2, 0.75)]
        .map(|(name, seed, accuracy)| runs.put(name, &format!("seed = {seed}\n"), &[accuracy, accuracy / 2.0]));
    let (code, out, _) = runs.compare(&[&a, &b], &["--json"]);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((code, lines.len()), (0, 3));
    assert_eq!((&lines[0]["run"], &lines[0]["differs"]), (&"b".into(), &serde_json::json!({ "seed": 2 })));
    assert_eq!(
        (lines[0]["test_accuracy"].as_f64(), lines[0]["best_test_accuracy"].as_f64()),
        (Some(0.375), Some(0.75))
    );
    assert_eq!((&lines[1]["run"], lines[1]["epochs"].as_u64()), (&"a".into(), Some(2)));
    assert_eq!(lines[2]["path"], runs.path("out.svg").to_str().unwrap());
}

#[cfg(feature = "report")]
#[test]
fn a_last_line_that_was_cut_off_is_left_out() {
    let runs = Runs::new();
    let whole = line(1, 0.9) + &line(2, 0.8);
    let third = line(3, 0.7);
    for cut in (1..third.trim_end().len()).step_by(9) {
        let run = runs.put_files("run", "", &format!("{whole}{}", &third[..cut]));
        assert!(runs.table(&[&run]).contains("2 epochs"), "{cut} bytes of the third");
    }
    let run = runs.put_files("run", "", &format!("{whole}{}", third.trim_end()));
    assert!(runs.table(&[&run]).contains("3 epochs"), "only its line break is missing");
}

#[cfg(feature = "report")]
#[test]
fn namesakes_go_by_their_paths() {
    let runs = Runs::new();
    let [a, b] = ["x/001", "y/001"].map(|name| runs.put(name, "", &[0.5]));
    let table = runs.table(&[&a, &b]);
    assert!(
        table.contains(&format!("\n{} ", a.display())) && table.contains(&format!("\n{} ", b.display())),
        "{table}"
    );
}

#[cfg(feature = "report")]
#[test]
fn folders_that_are_no_runs_are_bad_data_that_say_where_and_what() {
    let runs = Runs::new();
    let good = runs.put("good", "", &[0.5]);
    let one = line(1, 0.5);
    let metrics = |name: &str, content: &str| runs.put_files(name, "", content);
    let json = "epochs of a run: expected one JSON object an epoch, found line";
    let cases = [
        (runs.path("none"), "", "run: expected a run folder, found nothing there".to_owned()),
        (runs.put_files("d", "l2", &one), "config.toml: ", "settings of a run: expected TOML: name = value".to_owned()),
        (metrics("f", &one[..50]), "metrics.jsonl: ", format!("{json} 1: EOF while parsing")),
        (metrics("g", &format!("{one}{{}}\n")), "metrics.jsonl: ", format!("{json} 2: missing field `epoch`")),
        (metrics("h", &format!("{one}\u{0}\n{one}")), "metrics.jsonl: ", format!("{json} 2: expected value")),
        (
            metrics("i", &format!("{}{one}", line(2, 0.5))),
            "metrics.jsonl: ",
            "epochs of a run: expected the epochs in order, found epoch 1 after 2 in line 2".to_owned(),
        ),
        (metrics("j", &line(1, 50.0)), "metrics.jsonl: ", format!("{json} 1: an accuracy of 50, beyond 0 and 1")),
    ];
    for (run, file, message) in cases {
        let (code, out, err) = runs.compare(&[&good, &run], &[]);
        assert_eq!((code, out.as_str()), (3, ""), "{err}");
        let place = if file.is_empty() { format!("{}: ", run.display()) } else { format!("{}/{file}", run.display()) };
        assert!(err.starts_with(&format!("gemmnist: {place}{message}")), "{place}{message}\n{err}");
        assert!(err.ends_with(" (give the folder of a run that gemmnist train has made)\n"), "{err}");
        assert!(!runs.path("out.svg").exists());
    }
}

#[cfg(feature = "report")]
#[test]
fn what_is_no_run_yet_is_left_out_with_a_word_unless_nothing_remains() {
    let runs = Runs::new();
    let good = runs.put("good", "", &[0.5]);
    let no_metrics = runs.put("a", "", &[0.5]);
    fs::remove_file(no_metrics.join("metrics.jsonl")).unwrap();
    let no_config = runs.put("b", "", &[0.5]);
    fs::remove_file(no_config.join("config.toml")).unwrap();
    let no_folder = runs.path("c");
    fs::write(&no_folder, "").unwrap();
    let first_epoch = runs.put_files("d", "", "");
    let reproduced = runs.put_files("e", "", "");
    fs::write(reproduced.join("table.json"), "{}").unwrap();
    for (run, why) in [
        (no_metrics, "no run folder"),
        (no_config, "no run folder"),
        (no_folder, "another kind of file"),
        (first_epoch, "a run without an epoch: it is still in its first, or ended there"),
        (reproduced, "a folder of runs that gemmnist reproduce has made: name those in it"),
    ] {
        let table = runs.table(&[&run, &good]);
        assert!(table.contains("\ngood") && table.ends_with(&format!("Left out: {}: {why}", run.display())), "{table}");
        let (code, out, err) = runs.compare(&[&run], &[]);
        assert_eq!((code, out.as_str()), (3, ""));
        assert!(
            err.starts_with(&format!("gemmnist: {}: run: expected a run folder, found {why} (", run.display())),
            "{err}"
        );
    }
}

#[cfg(feature = "report")]
#[test]
fn a_picture_replaces_an_earlier_one_and_nothing_else() {
    let runs = Runs::new();
    let run = runs.put("run", "", &[0.5]);
    runs.table(&[&run]);
    runs.table(&[&run]); // over the first
    for content in ["<svg>my own</svg>", ""] {
        fs::write(runs.path("out.svg"), content).unwrap();
        let (code, out, err) = runs.compare(&[&run], &[]);
        assert_eq!((code, out.as_str()), (2, ""));
        let found = format!("found {}, which gemmnist has not drawn", runs.path("out.svg").display());
        let expected = "gemmnist: --out: expected a free place, or an earlier picture";
        assert!(err.starts_with(&format!("{expected}, {found} (")), "{err}");
        assert_eq!(fs::read_to_string(runs.path("out.svg")).unwrap(), content);
    }
}

#[test]
fn no_run_at_all_is_wrong_use() {
    let (code, out, err) = gemmnist(["gemmnist", "compare"].map(OsString::from).into_iter());
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("<RUN>..."), "{err}");
}

/// Through the real process, for it has a current folder of its own.
#[cfg(feature = "report")]
#[test]
fn the_picture_goes_to_the_current_folder_and_says_so() {
    let runs = Runs::new();
    runs.put("001", "", &[0.5]);
    let command =
        Command::new(env!("CARGO_BIN_EXE_gemmnist")).args(["compare", "001"]).current_dir(runs.0.path()).output();
    let out = String::from_utf8(command.unwrap().stdout).unwrap();
    assert!(out.ends_with("\nThe curves are in compare.svg\n"), "{out}");
    assert!(fs::read_to_string(runs.path("compare.svg")).unwrap().starts_with("<svg "));
}

/// Without pictures the table is still there.
#[cfg(not(feature = "report"))]
#[test]
fn a_build_without_pictures_prints_the_table_and_refuses_to_draw() {
    let runs = Runs::new();
    let run = runs.put("001", "", &[0.5]);
    let (code, out, err) = runs.compare(&[&run], &[]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("is not in this build (build with --features report)"), "{err}");
    let command =
        Command::new(env!("CARGO_BIN_EXE_gemmnist")).args(["compare", "001"]).current_dir(runs.0.path()).output();
    let out = String::from_utf8(command.unwrap().stdout).unwrap();
    assert!(out.starts_with("run ") && out.contains("\n001 "), "{out}");
    assert!(!runs.path("compare.svg").exists());
}
