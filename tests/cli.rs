//! The command line as a user meets it: what goes where, exit codes, the files of a run, what is said about mistakes.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use gemmnist::cli::{Output, Terminal, run};
use serde_json::Value;
use tempfile::TempDir;

/// A folder with a small data set, to train in.
struct Place {
    folder: TempDir,
}

/// What a command came to.
#[derive(Debug)]
struct Ran {
    code: u8,
    out: String,
    err: String,
}

/// One command line, to be completed and run.
struct Line {
    args: Vec<OsString>,
}

fn gemmnist() -> Line {
    Line { args: vec!["gemmnist".into()] }
}

impl Line {
    fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    fn args(self, args: &str) -> Self {
        args.split_whitespace().fold(self, Self::arg)
    }

    /// With another value for an option it has.
    fn with(mut self, option: &str, value: &str) -> Self {
        let place = self.args.iter().position(|arg| arg == option).unwrap();
        self.args[place + 1] = value.into();
        self
    }

    fn run(self) -> Ran {
        let mut out = Vec::new();
        let (code, err) = self.run_into(&mut out);
        Ran { code, out: String::from_utf8(out).unwrap(), err }
    }

    /// The exit code and the messages.
    fn run_into(self, out: &mut Output) -> (u8, String) {
        let mut err = Vec::new();
        let code = run(self.args, out, &mut err, Terminal::NONE);
        (code, String::from_utf8(err).unwrap())
    }
}

impl Ran {
    fn succeeds(self) -> Self {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self
    }

    /// Fails with this exit code, prints no result, and says these lines, each begun with the name of the command.
    fn fails(self, code: u8, lines: &[&str]) {
        let lines: String = lines.iter().map(|line| format!("gemmnist: {line}\n")).collect();
        assert_eq!((self.code, self.out.as_str(), self.err), (code, "", lines));
    }

    fn wrong_usage(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (2, ""));
        self.err
    }

    fn json_lines(&self) -> Vec<Value> {
        json_lines(&self.out)
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'), "whole lines");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The files of a run, less the pictures if this build draws none.
fn built<'a>(files: &[&'a str]) -> Vec<&'a str> {
    files
        .iter()
        .copied()
        .filter(|file| cfg!(feature = "report") || !file.ends_with(".svg") && !file.ends_with(".html"))
        .collect()
}

fn idx(dims: &[u32], elements: &[u8]) -> Vec<u8> {
    let sizes = dims.iter().flat_map(|size| size.to_be_bytes());
    [0, 0, 8, dims.len() as u8].into_iter().chain(sizes).chain(elements.iter().copied()).collect()
}

/// Images of `side` x `side`: class 0 is dark, 1 grey, 2 bright; nearly.
fn write_data(folder: &Path, side: u32) {
    fs::create_dir_all(folder).unwrap();
    for (split, n) in [("train", 12_u32), ("t10k", 6)] {
        let labels: Vec<u8> = (0..n).map(|i| (i % 3) as u8).collect();
        let images: Vec<u8> = (0..n)
            .flat_map(|i| (0..side * side).map(move |pixel| (100 * (i % 3) + (7 * i + pixel) % 50) as u8))
            .collect();
        fs::write(folder.join(format!("{split}-images-idx3-ubyte")), idx(&[n, side, side], &images)).unwrap();
        fs::write(folder.join(format!("{split}-labels-idx1-ubyte")), idx(&[n], &labels)).unwrap();
    }
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        write_data(&place.path("data"), 3);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `gemmnist train` on the small data set, with a small network, into `runs`.
    fn train(&self, args: &str) -> Line {
        let line = gemmnist().arg("train").arg("--data").arg(self.path("data")).arg("--out").arg(self.path("runs"));
        line.args("--hidden 4 --batch 5 --epochs 3 --threads 1").args(args)
    }

    /// The model of a training that has been.
    fn model(&self) -> PathBuf {
        self.train("--name model").run().succeeds();
        self.path("runs/model")
    }

    /// Names of what lies in the folder, in order, hidden files too.
    fn list(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn at(&self, path: &str) -> String {
        self.path(path).display().to_string()
    }
}

/// An output that fails with an error of one kind once it has taken some lines.
struct Failing {
    kind: io::ErrorKind,
    lines: usize,
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.lines == 0 {
            return Err(self.kind.into());
        }
        self.lines = self.lines.saturating_sub(bytes.iter().filter(|byte| **byte == b'\n').count());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_command_alone_prints_help_and_is_wrong_usage() {
    let help = gemmnist().run().wrong_usage();
    assert!(help.contains("Usage: gemmnist <COMMAND>"), "{help}");
    for command in ["train", "eval", "compare", "inspect", "data", "doctor"] {
        assert!(help.contains(&format!("\n  {command}  ")), "{help}");
    }
}

#[test]
fn help_and_version_are_answers() {
    for line in [
        "--help",
        "help",
        "help train",
        "train --help",
        "help eval",
        "help compare",
        "help inspect",
        "help doctor",
        "--version",
    ] {
        let ran = gemmnist().args(line).run().succeeds();
        assert!(!ran.out.is_empty());
        let widest = ran.out.lines().map(|line| line.chars().count()).max();
        assert!(widest <= Some(100), "{line}: {widest:?} columns");
    }
}

#[test]
fn help_of_train_names_every_setting_with_its_default() {
    let help = gemmnist().args("help train").run().succeeds().out;
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for field in gemmnist::train::FIELDS {
        assert!(words.contains(&format!("--{}", field.name)), "{}", field.name);
        assert!(words.contains(&field.meaning[1..]), "{}", field.name);
    }
    for default in
        ["[default: mnist]", "[default: 128]", "[default: 0.1 for sgd", "[default: 10] [alias: --batch-size]"]
    {
        assert!(words.contains(default), "{default}: {help}");
    }
}

#[test]
fn an_unknown_option_or_command_finds_the_nearest() {
    let message = gemmnist().args("train --epohcs 3").run().wrong_usage();
    assert!(message.contains("'--epohcs'") && message.contains("'--epochs'"), "{message}");
    let message = gemmnist().args("trian").run().wrong_usage();
    assert!(message.contains("'trian'") && message.contains("'train'"), "{message}");
    gemmnist().args("train --quiet --json").run().wrong_usage();
    gemmnist().args("train --batch").run().wrong_usage();
    gemmnist().args("eval").run().wrong_usage();
}

#[test]
fn settings_out_of_range_are_wrong_usage_and_leave_nothing_behind() {
    let place = Place::new();
    let rate = "--lr: expected a number above 0, up to 1000000, found";
    let whole = "expected a whole number from 1 to 1000000, found";
    for (options, line) in [
        ("--batch 0", format!("--batch: {whole} 0")),
        ("--batch-size 0", format!("--batch: {whole} 0")),
        ("--batch -3", format!("--batch: {whole} -3")),
        ("--batch 1000001", format!("--batch: {whole} 1000001")),
        ("--batch ten", format!("--batch: {whole} ten")),
        ("--epochs 0", format!("--epochs: {whole} 0")),
        ("--lr nan", format!("{rate} nan")),
        ("--lr inf", format!("{rate} inf")),
        ("--lr=-inf ", format!("{rate} -inf")),
        ("--lr -0.5", format!("{rate} -0.5")),
        ("--lr 0", format!("{rate} 0")),
        ("--threads 0", "--threads: expected a whole number from 1 to 1024, found 0".to_owned()),
        (
            "--activation rellu",
            "--activation: expected one of relu, sigmoid, tanh, found rellu (did you mean relu?)".to_owned(),
        ),
    ] {
        let small = gemmnist().arg("train").arg("--data").arg(place.path("data")).arg("--out").arg(place.path("runs"));
        small.args(options).run().fails(2, &[&line]);
    }
    assert!(place.list("runs").is_empty(), "not even the folder");
}

#[test]
fn every_mistake_is_reported_at_once_each_on_a_line_of_its_own() {
    let place = Place::new();
    fs::write(place.path("run.toml"), "epohcs = 3\nseed = '1'\n").unwrap();
    let line = gemmnist().args("train --batch 0 --lr nan --init hee --name a/b --config").arg(place.path("run.toml"));
    let file = place.at("run.toml");
    line.arg("--out").arg(place.path("runs")).run().fails(
        2,
        &[
            &format!("{file}: epohcs: expected the name of a setting, found an unknown key (did you mean epochs?)"),
            &format!("{file}: seed: expected a whole number from 0 to 2^63 - 1, found \"1\""),
            "--lr: expected a number above 0, up to 1000000, found nan",
            "--batch: expected a whole number from 1 to 1000000, found 0",
            "--init: expected one of he, xavier, lecun, normal, uniform, found hee (did you mean he?)",
            "--name: expected the name of one folder, found a/b (where it stands is for --out to say)",
        ],
    );
    assert!(place.list("runs").is_empty());
}

#[test]
fn a_missing_config_file_is_reported_with_the_other_mistakes() {
    let ran = Place::new().train("--config none.toml").with("--batch", "0").run();
    let missing = "none.toml: expected a TOML file that you may read, found nothing there";
    ran.fails(2, &[missing, "--batch: expected a whole number from 1 to 1000000, found 0"]);
}

#[test]
fn a_training_leaves_its_settings_its_metrics_and_its_network() {
    let place = Place::new();
    let ran = place.train("").run().succeeds();
    assert!(ran.out.contains("Test accuracy "), "{}", ran.out);
    assert!(ran.out.contains(&format!("run       {}\n", place.at("runs/001"))), "{}", ran.out);
    let files = [
        ".lock",
        "checkpoint.safetensors",
        "config.toml",
        "confusion.svg",
        "curves.svg",
        "metrics.jsonl",
        "model.safetensors",
        "report.html",
    ];
    assert_eq!(place.list("runs/001"), built(&files));

    let config: toml::Table = place.read("runs/001/config.toml").parse().unwrap();
    let expected = "data hidden activation output loss optimizer lr schedule warmup schedule-every schedule-factor \
                    class-weights l2 batch epochs patience dropout input-dropout input-bias input threshold \
                    validation validation-from init init-range seed threads no-shuffle \
                    checkpoint-every";
    assert_eq!(config.keys().cloned().collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn a_line_of_the_metrics_has_the_documented_keys() {
    let place = Place::new();
    place.train("").run().succeeds();
    let lines = json_lines(&place.read("runs/001/metrics.jsonl"));
    assert_eq!(lines.len(), 3);
    for (line, epoch) in lines.iter().zip(1..) {
        let object = line.as_object().unwrap();
        let keys: Vec<_> = object.keys().map(String::as_str).collect();
        let documented = "epoch step learning_rate train_loss train_accuracy validation_loss validation_accuracy \
                          test_loss test_accuracy train_seconds eval_seconds samples_per_second";
        assert_eq!(keys.join(" "), documented);
        assert_eq!((line["epoch"].as_u64(), line["step"].as_u64()), (Some(epoch), Some(3 * epoch)));
        assert!(line["validation_loss"].is_null() && line["validation_accuracy"].is_null(), "there is no such split");
        for key in ["learning_rate", "train_loss", "test_loss", "train_seconds", "eval_seconds", "samples_per_second"] {
            assert!(line[key].is_f64() && line[key].as_f64() > Some(0.0), "{key}: {line}");
        }
        for key in ["train_accuracy", "test_accuracy"] {
            assert!(line[key].as_f64().is_some_and(|share| (0.0..=1.0).contains(&share)), "{key}: {line}");
        }
    }
}

#[test]
fn the_settings_of_a_run_repeat_it_whatever_is_printed() {
    let place = Place::new();
    place.train("--seed 7 --activation tanh").run().succeeds();
    let model = |run: &str| fs::read(place.path(run).join("model.safetensors")).unwrap();
    for (name, extra) in [("002", ""), ("003", "--json"), ("004", "--quiet")] {
        let line = gemmnist().arg("train").arg("--config").arg(place.path("runs/001/config.toml"));
        line.arg("--out").arg(place.path("runs")).args(extra).run().succeeds();
        assert!(model(&format!("runs/{name}")) == model("runs/001"), "{name} {extra}");
        let settings = |run: &str| place.read(&format!("runs/{run}/config.toml")).parse::<toml::Table>().unwrap();
        assert_eq!(settings(name), settings("001"));
    }
}

#[test]
fn json_is_one_object_a_line_and_nothing_else() {
    let place = Place::new();
    let ran = place.train("--json").run().succeeds();
    let lines = ran.json_lines();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["start", "epoch", "epoch", "epoch", "end"]);
    assert_eq!(lines[0]["parameters"], 4 * 10 + 3 * 5);
    let memory = lines[0]["memory_bytes"].as_u64().unwrap();
    assert!((13_000_000..15_000_000).contains(&memory), "the program, and next to nothing beside it: {memory}");
    assert_eq!(lines[4]["model"], place.at("runs/001/model.safetensors"));

    let eval = gemmnist().arg("eval").arg(place.path("runs/001")).arg("--json").run().succeeds();
    let [object] = &eval.json_lines()[..] else { panic!("{}", eval.out) };
    assert_eq!(object["images"], 6);
    assert_eq!(object["accuracy"], lines[4]["test_accuracy"]);
    let inspect = gemmnist().arg("inspect").arg(place.path("runs/001")).arg("--json").run().succeeds();
    let [object] = &inspect.json_lines()[..] else { panic!("{}", inspect.out) };
    assert_eq!(object["tensors"][0]["shape"], serde_json::json!([4, 9]));
}

#[test]
fn verbose_tells_who_computes_the_products_of_each_layer() {
    let place = Place::new();
    let told = place.train("--verbose").run().succeeds().out;
    let products: Vec<_> = told.lines().skip_while(|line| !line.starts_with("products")).take(2).collect();
    let [first, second] = products[..] else { panic!("{told}") };
    assert!(first.starts_with("products  9-4: 360 operations, "), "{told}");
    assert!(first.ends_with(" kernels, 1 thread, without most pixels that are zero"), "{told}");
    assert!(second.starts_with("          4-") && second.ends_with(" kernels, 1 thread"), "{told}");
    assert!(!place.train("--name again").run().succeeds().out.contains("products"), "nobody asked");
}

#[test]
fn quiet_prints_nothing_but_errors() {
    let place = Place::new();
    assert_eq!(place.train("--quiet").run().succeeds().out, "");
    let again = place.train("--quiet --name 001").run();
    let found = format!("{}, which is there already", place.at("runs/001"));
    let remedy = "choose another, or leave --name out to get the next number";
    again.fails(2, &[&format!("--name: expected a name that is free, found {found} ({remedy})")]);
}

#[test]
fn folders_without_a_name_are_numbered_after_the_largest_number() {
    let place = Place::new();
    for expected in [&["001"][..], &["001", "002"]] {
        place.train("--quiet").run().succeeds();
        assert_eq!(place.list("runs"), expected);
    }
    fs::create_dir(place.path("runs/0041")).unwrap();
    fs::create_dir(place.path("runs/my 99")).unwrap();
    place.train("--quiet").run().succeeds();
    assert!(place.path("runs/042/model.safetensors").is_file());
    fs::create_dir(place.path(&format!("runs/{}", u32::MAX))).unwrap();
    for next in [4_294_967_296_u64, 4_294_967_297] {
        place.train("--quiet").run().succeeds();
        assert!(place.path(&format!("runs/{next}/model.safetensors")).is_file());
    }
}

#[test]
fn a_name_is_that_of_one_folder() {
    let place = Place::new();
    for name in ["", ".", "..", "a/b", "a/", "/tmp", "../up"] {
        let found = if name.is_empty() { "nothing" } else { name };
        let line =
            format!("--name: expected the name of one folder, found {found} (where it stands is for --out to say)");
        place.train("--name").arg(name).run().fails(2, &[&line]);
    }
    assert!(place.list("runs").is_empty());
    place.train("--quiet --name").arg("with blank ü").run().succeeds();
    assert_eq!(place.list("runs"), ["with blank ü"]);
}

#[test]
fn a_folder_that_cannot_be_made_is_a_failure_before_training() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    let mut impossible = vec![place.at("file/runs"), place.at("file")];
    if cfg!(target_os = "linux") {
        impossible.push("/proc/runs".to_owned());
    }
    for out in impossible {
        let ran = place.train("").args("--name a").with("--out", &out).run();
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
        assert!(ran.err.starts_with(&format!("gemmnist: {out}: cannot create the folder: ")), "{}", ran.err);
        assert!(ran.err.ends_with(" (choose another place with --out)\n"), "{}", ran.err);
    }
}

#[test]
fn a_name_with_a_line_break_does_not_spoil_the_settings() {
    let place = Place::new();
    let ran = place.train("--name").arg("a\nb = 1").run().succeeds();
    assert!(ran.out.contains("runs/a\\nb = 1\n"), "{}", ran.out);
    let config = place.path("runs/a\nb = 1/config.toml");
    gemmnist().args("train --quiet --config").arg(&config).arg("--out").arg(place.path("runs")).run().succeeds();
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_no_text_is_a_path_nevertheless() {
    use std::os::unix::ffi::OsStringExt;
    let place = Place::new();
    let odd = place.path("").join(OsString::from_vec(b"odd\xff".to_vec()));
    let line = gemmnist().arg("train").arg("--data").arg(place.path("data")).arg("--out").arg(&odd);
    let ran = line.args("--epochs 1 --json").run().succeeds();
    assert_eq!(ran.json_lines().len(), 3);
    gemmnist().arg("inspect").arg(odd.join("001")).arg("--json").run().succeeds();
}

#[test]
fn a_training_that_diverges_names_epoch_and_step_and_keeps_the_epochs_before() {
    let place = Place::new();
    let steep = place.train("--lr 1e6 --json").with("--hidden", "8,8").with("--batch", "12"); // one step an epoch
    let ran = steep.with("--epochs", "50").run();
    let metrics = json_lines(&place.read("runs/001/metrics.jsonl"));
    let before = metrics.len();
    assert!((1..49).contains(&before), "some epochs went well: {before}");
    let numbers: Vec<_> = metrics.iter().map(|line| line["epoch"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(1..=before as u64), "{numbers:?}");
    let events: Vec<_> = ran.json_lines().iter().map(|line| line["event"].to_string()).collect();
    assert_eq!(events.len(), 1 + before, "start, and the epochs that went well");
    let place_of = format!("epoch {0}, step {0}", before + 1);
    let found = "expected a finite loss, found infinity or NaN in layers.0.weight at learning rate 1000000";
    let remedy = "(lower it with --lr; the run folder keeps the epochs before)";
    assert_eq!(ran.code, 4);
    assert_eq!(ran.err, format!("gemmnist: {place_of}: training diverged: {found} {remedy}\n"));
    let files = built(&[".lock", "config.toml", "curves.svg", "metrics.jsonl", "report.html"]);
    assert_eq!(place.list("runs/001"), files, "no model, and nothing temporary");
}

#[test]
fn data_that_are_not_there_or_spoilt_are_bad_data() {
    let place = Place::new();
    let ran = gemmnist().args("train --data").arg(place.path("none")).arg("--out").arg(place.path("runs")).run();
    assert_eq!(ran.code, 3, "{}", ran.err);
    let labels = place.path("data/t10k-labels-idx1-ubyte");
    fs::write(&labels, &fs::read(&labels).unwrap()[..10]).unwrap();
    let ran = place.train("").run();
    assert_eq!((ran.code, ran.err.lines().count()), (3, 1), "{}", ran.err);
    assert!(ran.err.contains("t10k-labels-idx1-ubyte: "), "{}", ran.err);
    assert!(place.list("runs").is_empty());
}

#[test]
fn a_model_of_another_shape_is_refused() {
    let place = Place::new();
    let model = place.model();
    let file = model.join("model.safetensors");
    let remedy = "(give a model.safetensors that gemmnist train has written)";
    let runs_before = place.list("runs");

    let ran = place.train("--init-from").arg(&file).args("--name b").with("--hidden", "5").run();
    let found = "parameters: expected layers.0.weight F32 [5, 9], found F32 [4, 9]";
    ran.fails(5, &[&format!("{}: {found} {remedy}", file.display())]);
    let ran = place.train("--init-from").arg(&model).run();
    ran.fails(5, &[&format!("{}: model: expected a file, found a folder {remedy}", model.display())]);
    assert_eq!(place.list("runs"), runs_before, "no run was begun");

    write_data(&place.path("larger"), 4);
    let name = place.at("larger");
    let ran = gemmnist().arg("eval").arg(&model).arg("--data").arg(&name).run();
    let found = format!("image size: expected 4 x 4 pixels for {name}, found a network for 3 x 3");
    let remedy = "(choose other data with --data, or a model trained on these)";
    ran.fails(5, &[&format!("{}: {found} {remedy}", file.display())]);
}

#[test]
fn a_training_goes_on_from_given_parameters() {
    let place = Place::new();
    let start = place.model().join("model.safetensors");
    place.train("--quiet --lr 1e-30 --init-from").arg(&start).run().succeeds();
    let config: toml::Table = place.read("runs/001/config.toml").parse().unwrap();
    assert_eq!(config["init-from"].as_str(), start.to_str());
    let tensors = |path: PathBuf| {
        let bytes = fs::read(path).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        bytes[8 + header..].to_vec()
    };
    assert!(tensors(place.path("runs/001/model.safetensors")) == tensors(start));
}

#[test]
fn eval_and_inspect_refuse_what_is_no_model() {
    let place = Place::new();
    fs::write(place.path("empty"), "").unwrap();
    for command in ["eval", "inspect"] {
        for (file, expected) in [
            ("none", "model: expected a run folder or a model.safetensors, found nothing there"),
            ("data/train-images-idx3-ubyte", "model: expected a safetensors file, found another kind of file"),
            ("empty", "length: expected 8 to 4294967296 bytes, found 0 bytes"),
        ] {
            let ran = gemmnist().arg(command).arg(place.path(file)).run();
            assert_eq!((ran.code, ran.out.as_str()), (5, ""), "{}", ran.err);
            assert!(ran.err.starts_with(&format!("gemmnist: {}: {expected}", place.at(file))), "{}", ran.err);
        }
        let ran = gemmnist().arg(command).arg(place.folder.path()).run();
        assert!(ran.err.contains("model.safetensors: model: expected a file that you may read"), "{}", ran.err);
        let stopped = place.path("stopped");
        fs::create_dir_all(&stopped).unwrap();
        fs::write(stopped.join("config.toml"), "").unwrap();
        let ran = gemmnist().arg(command).arg(&stopped).run();
        let remedy = "(let it end, or go on with it: gemmnist train --resume RUN)";
        let expected = format!(
            "{}: model: expected a run that has come to its end, found one that has not {remedy}",
            stopped.display()
        );
        ran.fails(5, &[&expected]);
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure_and_does_not_end_a_training() {
    let place = Place::new();
    let model = place.model();
    let lines = [
        gemmnist().arg("help"),
        gemmnist().args("help train"),
        gemmnist().arg("eval").arg(&model),
        gemmnist().arg("inspect").arg(&model).arg("--json"),
    ];
    for line in lines {
        let gone = line.run_into(&mut Failing { kind: io::ErrorKind::BrokenPipe, lines: 0 });
        assert_eq!(gone, (0, String::new()));
    }
    let undisturbed = fs::read(model.join("model.safetensors")).unwrap();
    // At once, in the middle of the epochs, before the summary.
    for (name, extra, lines) in [("a", "", 0), ("b", "", 8), ("c", "", 10), ("d", "--json", 0), ("e", "--json", 2)] {
        let mut reader = Failing { kind: io::ErrorKind::BrokenPipe, lines };
        let gone = place.train(extra).args("--name").arg(name).run_into(&mut reader);
        assert_eq!((gone, reader.lines), ((0, String::new()), 0), "{name}");
        assert!(fs::read(place.path(&format!("runs/{name}/model.safetensors"))).unwrap() == undisturbed, "{name}");
        assert_eq!(json_lines(&place.read(&format!("runs/{name}/metrics.jsonl"))).len(), 3);
    }
}

#[test]
fn an_output_that_is_full_is_a_failure_that_says_so() {
    let place = Place::new();
    let model = place.model();
    let full = |line: Line, lines: usize| line.run_into(&mut Failing { kind: io::ErrorKind::StorageFull, lines });
    let lines = [
        gemmnist().arg("help"),
        gemmnist().arg("eval").arg(&model),
        gemmnist().arg("inspect").arg(&model),
        place.train("--name a"),
    ];
    for line in lines {
        let (code, err) = full(line, 0);
        assert_eq!(code, 1);
        assert_eq!(
            err,
            "gemmnist: standard output: cannot write: no storage space (make room, or send it elsewhere)\n"
        );
    }
    let (code, err) = full(place.train("--json --name b"), 2);
    assert_eq!(code, 1);
    let remedy = "the run ends here; its folder keeps the epochs so far";
    assert_eq!(err, format!("gemmnist: standard output: cannot write: no storage space ({remedy})\n"));
    assert_eq!(place.list("runs/b"), built(&[".lock", "config.toml", "curves.svg", "metrics.jsonl", "report.html"]));
    assert_eq!(json_lines(&place.read("runs/b/metrics.jsonl")).len(), 2, "the epoch that could not be shown is there");
}

/// Through the real process: its standard output, its exit code.
#[cfg(target_os = "linux")]
#[test]
fn the_process_behaves_as_its_command_line() {
    use std::process::{Command, Stdio};
    let command = || Command::new(env!("CARGO_BIN_EXE_gemmnist"));
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for args in [&["help"][..], &["--version"], &["data", "list"]] {
        let output = command().args(args).stdout(full()).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {err}");
        assert!(err.starts_with("gemmnist: standard output: cannot write: No space left on device"), "{err}");
    }
    let place = Place::new();
    let Line { args } = place.train("");
    let mut training = command().args(&args[1..]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(training.stdout.take());
    let output = training.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    assert!(place.path("runs/001/model.safetensors").is_file());
    let Line { args } = place.train("").with("--batch", "0");
    let output = command().args(&args[1..]).output().unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(2), Vec::new()));
}

#[test]
fn patience_without_a_validation_split_is_refused_and_so_is_a_split_of_all_images() {
    let place = Place::new();
    for (options, expected) in [
        ("--patience 2", "gemmnist: --patience: expected a validation split to wait for, found none (hold some images"),
        ("--validation 1000000", "gemmnist: --validation: expected fewer than the "),
    ] {
        let ran = place.train(options).run();
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        assert!(ran.err.starts_with(expected), "{}", ran.err);
    }
}

#[test]
fn a_validation_split_has_its_columns_and_leaves_the_best_network() {
    let place = Place::new();
    let ran = place.train("--validation 3").run().succeeds();
    assert!(ran.out.contains("valid. loss  valid. acc."), "{}", ran.out);
    assert!(place.list("runs/001").contains(&"best.safetensors".to_owned()));
    let line = place.read("runs/001/metrics.jsonl");
    let record: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert!(record["validation_loss"].is_f64() && record["validation_accuracy"].is_f64(), "{record}");
}

#[test]
fn a_switch_in_a_file_is_undone_by_what_is_typed() {
    let place = Place::new();
    fs::write(place.path("run.toml"), "no-shuffle = true\n").unwrap();
    place.train(&format!("--config {} --no-shuffle=false", place.at("run.toml"))).run().succeeds();
    assert!(place.read("runs/001/config.toml").contains("no-shuffle = false"));
}

#[cfg(feature = "report")]
#[test]
fn eval_and_inspect_draw_what_they_tell() {
    let place = Place::new();
    let model = place.model();
    for (command, shown) in [("eval", "of 6 images recognised"), ("inspect", "9 × 4 + 4")] {
        let line = || gemmnist().arg(command).arg(&model).arg("--svg");
        line().arg(place.path("picture.svg")).run().succeeds();
        let svg = place.read("picture.svg");
        assert!(svg.starts_with("<svg ") && svg.contains(shown), "{svg}");
        let ran = line().arg(place.path("picture.png")).run();
        let expected = "--svg: expected the name of a file that ends in .svg, found";
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.starts_with(&format!("gemmnist: {expected} {} (", place.at("picture.png"))), "{}", ran.err);
    }
}

/// The same evaluation, drawn by another command.
#[cfg(feature = "report")]
#[test]
fn the_confusion_matrix_of_a_run_is_that_of_its_network() {
    let place = Place::new();
    let model = place.model();
    gemmnist().arg("eval").arg(&model).arg("--svg").arg(place.path("again.svg")).run().succeeds();
    assert_eq!(place.read("runs/model/confusion.svg"), place.read("again.svg"));
}
