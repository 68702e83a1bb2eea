use std::fs;
use std::path::Path;

use super::draft::Given;
use super::fields::{LARGEST_WEIGHT, MOST_CLASSES, MOST_LAYERS};
use super::toml_file::LARGEST_CONFIG;
use super::*;

/// What comes of a TOML file with this content.
fn from_file(content: impl AsRef<[u8]>) -> std::result::Result<TrainConfig, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    fs::write(&path, content).unwrap();
    let mut draft = Draft::default();
    draft.overlay_file(&path);
    without_folder(draft.finish(), folder.path())
}

fn from_typed(options: &[(&str, &str)]) -> std::result::Result<TrainConfig, Vec<String>> {
    let mut draft = Draft::default();
    for (name, typed) in options {
        draft.overlay_typed(FIELDS.iter().find(|field| field.name == *name).unwrap(), typed);
    }
    without_folder(draft.finish(), Path::new("/"))
}

/// The problems as they are printed, a line each, without the part of a path that changes from run to run.
fn without_folder(settled: Result<TrainConfig>, folder: &Path) -> std::result::Result<TrainConfig, Vec<String>> {
    settled.map_err(|error| {
        assert!(matches!(error, Error::Settings(_)), "{error:?}");
        assert_eq!(error.exit_code(), 2);
        let folder = format!("{}/", folder.display());
        error.to_string().lines().map(|line| line.replacen(&folder, "", 1)).collect()
    })
}

fn problem_in(content: impl AsRef<[u8]>) -> String {
    let lines = from_file(content).unwrap_err();
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines[0].clone()
}

/// Values at the ends of the range, on both sides of each: (in, out).
fn ends(range: Range) -> (Vec<Value>, Vec<Value>) {
    let widths = |width: i64, layers: usize| Value::Array(vec![width.into(); layers]);
    let text = |text: &str| Value::String(text.to_owned());
    match range {
        Range::Whole { from, to } => {
            let above = to.checked_add(1).map_or_else(|| Value::Float(2f64.powi(63)), Value::Integer);
            (vec![from.into(), to.into()], vec![(from - 1).into(), above])
        }
        Range::Above { above, to } => {
            (vec![above.next_up().into(), to.into()], vec![above.into(), (-0.0).into(), to.next_up().into()])
        }
        Range::From { from, below } => {
            (vec![from.into(), below.next_down().into()], vec![from.next_down().into(), below.into()])
        }
        Range::OneOf(names) => {
            let wrong = ["", "nothing", "Softmax", "relu "].map(text).to_vec();
            (names.iter().map(|name| text(name)).collect(), wrong)
        }
        Range::Widths { to } => (
            vec![widths(1, 0), widths(1, 1), widths(to, 1), widths(1, MOST_LAYERS)],
            vec![
                widths(0, 1),
                widths(-1, 1),
                widths(to + 1, 1),
                widths(1, MOST_LAYERS + 1),
                Value::Array(vec![text("128")]),
            ],
        ),
        Range::ClassWeights => {
            let weights = |weights: &[f64]| Value::Array(weights.iter().copied().map(Value::Float).collect());
            let inside = [&[0.0, 1.0, 0.5], &[LARGEST_WEIGHT; MOST_CLASSES][..], &[0.0_f64.next_up()]].map(weights);
            let beyond =
                [&[1.0, (-0.0_f64).next_down()][..], &[LARGEST_WEIGHT.next_up()], &[0.0; 3], &[], &[f64::NAN, 1.0]];
            let too_many = weights(&[1.0; MOST_CLASSES + 1]);
            let wrong = [text(""), text("None"), text("1,2"), Value::Array(vec![text("1")]), too_many];
            let names = ["none", "balanced"].map(text);
            (names.into_iter().chain(inside).collect(), beyond.map(weights).into_iter().chain(wrong).collect())
        }
        Range::Switch => (vec![true.into(), false.into()], vec![text("true"), 1.into()]),
        Range::Text(_) => (vec![text("a"), text("../a b/ü")], vec![text("")]),
    }
}

/// A value of every kind that TOML has.
fn every_kind() -> Vec<Value> {
    let table = "a = '10'\nb = 10\nc = 0.5\nd = true\ne = 1979-05-27\nf = [10]\ng = ['relu']\nh = {}";
    table.parse::<Table>().unwrap().into_iter().map(|(_, value)| value).collect()
}

fn kinds_of(range: Range) -> &'static [&'static str] {
    match range {
        Range::Whole { .. } => &["integer"],
        Range::Above { .. } | Range::From { .. } => &["integer", "float"],
        Range::OneOf(_) | Range::Text(_) => &["string"],
        Range::Widths { .. } => &["array"],
        Range::ClassWeights => &["string", "array"],
        Range::Switch => &["boolean"],
    }
}

#[test]
fn every_field_takes_its_default_and_both_ends_of_its_range_and_nothing_beyond() {
    let set = |field: &Field, value: &Value| {
        let mut draft = Draft::default();
        draft.set(field, value, field.name.to_owned(), Given::InToml(value));
        draft.finish()
    };
    for field in FIELDS {
        let default = (field.get)(&TrainSettings::default());
        assert!(default.is_none_or(|default| field.range.contains(&default)), "{}", field.name);
        let (inside, outside) = ends(field.range);
        for value in inside {
            let config = set(field, &value).unwrap_or_else(|error| panic!("{value}: {error}"));
            assert_eq!((field.get)(&config), Some(value), "{} keeps what it was given", field.name);
        }
        let infinite = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(Value::Float);
        let other_kinds = every_kind().into_iter().filter(|v| !kinds_of(field.range).contains(&v.type_str()));
        for value in outside.into_iter().chain(infinite).chain(other_kinds) {
            let message = set(field, &value).expect_err(field.name).to_string();
            assert!(message.starts_with(field.name), "{message}");
            assert!(message.contains(&field.range.describe_in_toml()), "{message}");
        }
    }
}

#[test]
fn settings_made_in_a_program_are_checked_alike() {
    assert_eq!(TrainSettings::default().check().unwrap(), from_file("").unwrap());
    let settings = TrainSettings {
        hidden: vec![0],
        learning_rate: Some(f64::NAN),
        batch_size: 0,
        epochs: usize::MAX,
        seed: u64::MAX,
        threads: Some(0),
        init_from: Some(PathBuf::new()),
        ..TrainSettings::default()
    };
    let message = settings.check().unwrap_err().to_string();
    let names: Vec<_> = message.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["hidden", "lr", "batch", "epochs", "seed", "threads", "init-from"]);
}

#[test]
fn the_written_settings_read_back_are_the_same() {
    let unusual = TrainSettings {
        data: "a \"quoted\"\nname".to_owned(),
        hidden: Vec::new(),
        activation: Activation::Tanh,
        learning_rate: Some(0.1 + 0.2),
        batch_size: 7,
        epochs: 3,
        init: Some(InitName::LeCun),
        schedule: ScheduleName::OneCycle,
        class_weights: ClassWeights::Given(vec![0.5, 2.0]),
        seed: i64::MAX as u64,
        threads: Some(3),
        no_shuffle: true,
        init_from: Some("some where/model.safetensors".into()),
        ..TrainSettings::default()
    };
    let deep = TrainSettings { hidden: vec![3, 2, 1], learning_rate: Some(1.0), ..TrainSettings::default() };
    for settings in [TrainSettings::default(), unusual, deep] {
        let config = settings.check().unwrap();
        let written = toml::to_string(&config.to_table()).unwrap();
        assert_eq!(from_file(&written).as_ref(), Ok(&config), "{written}");
    }
}

#[test]
fn the_settled_settings_are_complete() {
    let table = TrainSettings::default().check().unwrap().to_table();
    let left_out: Vec<_> = FIELDS.iter().map(|field| field.name).filter(|name| !table.contains_key(*name)).collect();
    assert_eq!(left_out, ["init-from"], "the only one that may be absent");
}

#[test]
fn what_is_typed_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    fs::write(&path, "batch = 20\nepochs = 5\nlr = 1").unwrap();
    let mut draft = Draft::default();
    draft.overlay_file(&path);
    draft.overlay_typed(FIELDS.iter().find(|field| field.name == "batch").unwrap(), "30");
    let config = draft.finish().unwrap();
    assert_eq!((config.batch_size, config.epochs, config.learning_rate()), (30, 5, 1.0));
}

#[test]
fn every_mistake_is_reported_in_one_go_a_line_each() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.toml");
    fs::write(&path, "batch = 0\nepohcs = 3\nlr = nan").unwrap();
    let mut draft = Draft::default();
    draft.overlay_file(&path);
    draft.overlay_file(&folder.path().join("none.toml"));
    draft.overlay_typed(FIELDS.iter().find(|field| field.name == "seed").unwrap(), "-1");
    let lines = without_folder(draft.finish(), folder.path()).unwrap_err();
    assert_eq!(
        lines,
        [
            "run.toml: batch: expected a whole number from 1 to 1000000, found 0",
            "run.toml: epohcs: expected the name of a setting, found an unknown key (did you mean epochs?)",
            "run.toml: lr: expected a number above 0, up to 1000000, found nan",
            "none.toml: expected a TOML file that you may read, found nothing there",
            "--seed: expected a whole number from 0 to 2^63 - 1, found -1",
        ]
    );
}

#[test]
fn a_typed_mistake_is_shown_as_it_was_typed() {
    for (name, typed, line) in [
        ("batch", "ten", "--batch: expected a whole number from 1 to 1000000, found ten"),
        ("batch", "1e3", "--batch: expected a whole number from 1 to 1000000, found 1e3"),
        ("batch", "", "--batch: expected a whole number from 1 to 1000000, found nothing"),
        (
            "seed",
            "18446744073709551616",
            "--seed: expected a whole number from 0 to 2^63 - 1, found 18446744073709551616",
        ),
        ("lr", "NaN", "--lr: expected a number above 0, up to 1000000, found NaN"),
        ("lr", "1e-400", "--lr: expected a number above 0, up to 1000000, found 1e-400"),
        ("lr", "0,1", "--lr: expected a number above 0, up to 1000000, found 0,1"),
        (
            "hidden",
            "128,",
            "--hidden: expected up to 64 whole numbers from 1 to 65536, separated by commas, or none, found 128,",
        ),
        ("activation", "rellu", "--activation: expected one of relu, sigmoid, tanh, found rellu (did you mean relu?)"),
        ("activation", "x\ny\u{1b}[2J", "--activation: expected one of relu, sigmoid, tanh, found x\\ny\\u{1b}[2J"),
        ("data", "", "--data: expected a name or path, found nothing"),
    ] {
        assert_eq!(from_typed(&[(name, typed)]).unwrap_err(), [line]);
    }
    let weights = "none, balanced, or up to 256 numbers from 0 to 1000000, not all 0, separated by commas";
    for typed in ["1,2,", "ballanced", "-1,1", "0,0", "1 2", "nan,1"] {
        let line = format!("--class-weights: expected {weights}, found {typed}");
        assert_eq!(from_typed(&[("class-weights", typed)]).unwrap_err(), [line]);
    }
    let class_weights = |typed| from_typed(&[("class-weights", typed)]).unwrap().class_weights.clone();
    assert_eq!(class_weights("0, 1,2.5"), ClassWeights::Given(vec![0.0, 1.0, 2.5]));
    assert_eq!([class_weights("none"), class_weights("balanced")], [ClassWeights::None, ClassWeights::Balanced]);
    assert!(from_typed(&[("hidden", "none")]).unwrap().hidden.is_empty());
    assert_eq!(from_typed(&[("hidden", "128, 64")]).unwrap().hidden, [128, 64]);
}

#[test]
fn a_number_in_quotes_is_text_and_refused() {
    let expected = "run.toml: batch: expected a whole number from 1 to 1000000, found \"10\"";
    assert_eq!(problem_in("batch = '10'"), expected);
    let expected = "run.toml: hidden: expected an array of up to 64 whole numbers from 1 to 65536, found \"none\"";
    assert_eq!(problem_in("hidden = 'none'"), expected);
    let expected = "run.toml: no-shuffle: expected true or false, found \"true\"";
    assert_eq!(problem_in("no-shuffle = 'true'"), expected);
    let expected = "run.toml: loss: expected one of cross-entropy, mse, squared-error, found \"cross_entropy\" (did you mean cross-entropy?)";
    assert_eq!(problem_in("loss = 'cross_entropy'"), expected);
}

#[test]
fn an_unknown_key_finds_the_nearest_name_in_other_spellings_too() {
    for (key, name) in [
        ("epohcs", "epochs"),
        ("learning_rate", "lr"),
        ("batch_size", "batch"),
        ("no_shuffle", "no-shuffle"),
        ("Hidden", "hidden"),
        ("LR", "lr"),
    ] {
        let line = problem_in(format!("{key} = 1"));
        assert!(line.ends_with(&format!("found an unknown key (did you mean {name}?)")), "{line}");
    }
    let line = problem_in("xyzzy = 1");
    assert!(line.starts_with("run.toml: xyzzy: expected one of data, hidden, activation"), "{line}");
    let line = problem_in("\"bat\\nch\\u001b\" = 1");
    assert!(line.starts_with("run.toml: bat\\nch\\u{1b}: "), "{line}");
    let line = problem_in("[train]\nbatch = 1");
    assert!(line.contains("found an unknown key"), "{line}");
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    for (content, line) in [
        ("batch = 10\nlr 0.1\n", 2),
        ("batch = 10\n\nbatch = 20\n", 3),
        ("batch = \n", 1),
        ("batch = [[\n", 1),
        ("\n\n<html>", 3),
    ] {
        let problem = problem_in(content);
        let start = format!("run.toml: expected TOML: name = value, a line each, found line {line}: ");
        assert!(problem.starts_with(&start), "{problem}");
    }
    assert_eq!(problem_in(b"batch = 1\n\xff"), "run.toml: expected a TOML file in UTF-8, found other bytes in line 2");
}

#[test]
fn a_file_too_large_or_too_deep_is_refused() {
    let spaces = |length: u64| vec![b' '; length as usize];
    assert!(from_file(spaces(LARGEST_CONFIG)).is_ok());
    let problem = problem_in(spaces(LARGEST_CONFIG + 1));
    assert_eq!(problem, "run.toml: expected a TOML file of at most 1 MiB, found a larger one");
    for deep in ["[".repeat(500_000), "{a=".repeat(300_000), "a.".repeat(400_000)] {
        let lines = from_file(format!("hidden = {deep}")).unwrap_err();
        assert!(lines[0].starts_with("run.toml: expected TOML"), "{lines:?}");
    }
    let problem = problem_in(format!("{}hidden = 1", "a.".repeat(400_000)));
    assert!(problem.len() < 400, "{} characters", problem.len());
    let problem = problem_in(format!("hidden = {}1{}", "[".repeat(60), "]".repeat(60)));
    assert!(problem.starts_with("run.toml: hidden: expected an array"), "{problem}");
}

#[test]
fn a_folder_is_no_file_of_settings() {
    let folder = tempfile::tempdir().unwrap();
    let mut draft = Draft::default();
    draft.overlay_file(folder.path());
    let message = draft.finish().unwrap_err().to_string();
    assert!(message.contains("expected a TOML file that you may read, found Is a directory"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_without_end_is_read_no_further_than_a_file_may_go() {
    let mut draft = Draft::default();
    draft.overlay_file(Path::new("/dev/zero"));
    let message = draft.finish().unwrap_err().to_string();
    assert_eq!(message, "/dev/zero: expected a TOML file of at most 1 MiB, found a larger one");
}

#[test]
fn a_network_too_large_to_be_meant_is_refused_before_it_is_built() {
    let settings = TrainSettings { hidden: vec![65_536; 64], ..TrainSettings::default() };
    let config = settings.check().unwrap();
    let message = config.check_size(&config.architecture(784, 10), 100).unwrap_err().to_string();
    assert!(message.starts_with("--hidden: expected a network of at most 500000000 parameters, found"), "{message}");
    assert!(config.check_size(&config.architecture(usize::MAX, 256), 100).is_err());
    let wide = TrainSettings { hidden: vec![65_536], batch_size: 60_000, ..TrainSettings::default() }.check().unwrap();
    let message = wide.check_size(&wide.architecture(784, 10), 60_000).unwrap_err().to_string();
    assert!(
        message.starts_with("--batch: expected a step of at most 1000000000 numbers, found 60000 images"),
        "{message}"
    );
    assert!(wide.check_size(&wide.architecture(784, 10), 100).is_ok(), "no step is larger than the data set");
}

/// By hand: 8 images, 4 of class 0, 3 of class 1, 1 of class 3; scikit-learn's `compute_class_weight("balanced")` gives
/// 8 / (3 * 4), 8 / (3 * 3) and 8 / (3 * 1) for the three that are there.
#[test]
fn balanced_weights_make_every_class_that_is_there_count_alike() {
    let labels = [0, 1, 0, 3, 0, 1, 1, 0];
    let weights_of = |class_weights| TrainSettings { class_weights, ..TrainSettings::default() }.check().unwrap();
    let balanced = weights_of(ClassWeights::Balanced).class_weights(&labels, 5).unwrap().unwrap();
    assert_eq!(balanced, [2.0 / 3.0, 8.0 / 9.0, 0.0, 8.0 / 3.0, 0.0]);
    let given = weights_of(ClassWeights::Given(vec![0.25, 4.0]));
    assert_eq!(given.class_weights(&[0, 1], 2).unwrap().unwrap(), [0.25, 4.0]);
    let message = given.class_weights(&labels, 5).unwrap_err().to_string();
    assert_eq!(message, "--class-weights: expected 5 numbers, one a class, found 2");
    assert_eq!(weights_of(ClassWeights::None).class_weights(&labels, 5).unwrap(), None);
}

#[test]
fn a_warm_up_ends_before_the_training_does() {
    let with_warmup = |warmup| TrainSettings { warmup, batch_size: 4, epochs: 2, ..TrainSettings::default() };
    let schedule = |warmup| with_warmup(warmup).check().unwrap().schedule(9);
    assert_eq!(schedule(5).unwrap().steps, 6, "two epochs of two batches and a short one");
    let message = schedule(6).unwrap_err().to_string();
    assert_eq!(message, "--warmup: expected fewer than the 6 steps of the training, found 6");
}

#[test]
fn uniform_initial_values_have_the_range_that_was_given() {
    let init = |typed: &[(&str, &str)]| from_typed(typed).unwrap().init();
    assert_eq!(init(&[("init", "uniform"), ("init-range", "0.25")]), Init::Uniform { range: 0.25 });
    assert_eq!(init(&[("init", "uniform")]), Init::Uniform { range: 0.05 });
    assert_eq!(init(&[("init-range", "0.25")]), Init::He, "the range alone changes nothing");
}
