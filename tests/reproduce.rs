//! `gemmnist reproduce` and `train --recipe`, as a user meets them.

use std::fs;
use std::path::{Path, PathBuf};

use gemmnist::cli::{Terminal, run};
use serde_json::Value;
use tempfile::TempDir;

/// Small real digits, 7 x 7: tests/golden/README.md.
const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/digits-7x7");

/// A folder with a recipe of one claim.
struct Place(TempDir);

impl Place {
    /// Whose test accuracy is to be at least `at_least`.
    fn new(at_least: f64) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        let recipe = format!(
            "title = 'Small digits'\nsource = 'a test'\npublished-seconds = 1000\n\
             settings = {{ data = '{DIGITS}', hidden = [16], epochs = 4, lr = 0.2 }}\n\
             claims = [{{ measure = 'test-accuracy', published = '61 %', at-least = {at_least}, because = 'so' }}]\n\
             [variants.wide]\ntitle = 'Wider'\nsettings = {{ hidden = [20] }}\n\
             claims = [{{ measure = 'parameters', at-least = 1, because = 'so' }}]\n"
        );
        fs::write(place.path("small.toml"), recipe).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Exit code, output and messages of a command, with `{}` for this folder.
    fn run(&self, command: &str) -> (u8, String, String) {
        let folder = self.0.path().to_str().unwrap();
        let args = command.split_whitespace().map(|arg| arg.replace("{}", folder).into());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(args, &mut out, &mut err, Terminal::NONE);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_recipe_of_ones_own_is_trained_with_every_seed_and_judged() {
    let place = Place::new(0.5);
    let (code, out, err) = place.run("gemmnist reproduce {}/small.toml --seeds 2 --seed 5 --out {}/runs --name it");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let table = json(&place.path("runs/it/table.json"));
    let recipe = &table["recipes"][0];
    assert_eq!((&table["met"], &recipe["recipe"]), (&Value::Bool(true), &Value::from("small")));
    let accuracies: Vec<f64> = [5, 6]
        .iter()
        .map(|seed| {
            let metrics = fs::read_to_string(place.path(&format!("runs/it/small-seed-{seed}/metrics.jsonl"))).unwrap();
            let last: Value = serde_json::from_str(metrics.lines().last().unwrap()).unwrap();
            last["test_accuracy"].as_f64().unwrap()
        })
        .collect();
    assert_ne!(accuracies[0], accuracies[1], "seeds of their own");
    let found = |i: usize| recipe["runs"][i]["test_accuracy"].as_f64().unwrap();
    assert_eq!(accuracies, [found(0), found(1)]);
    assert_eq!(recipe["claims"][0]["mean"], (accuracies[0] + accuracies[1]) / 2.0);
    let markdown = fs::read_to_string(place.path("runs/it/table.md")).unwrap();
    assert!(out.contains(markdown.trim_end()), "what was printed is what was written");
}

#[test]
fn a_figure_outside_its_range_ends_with_code_6_and_keeps_the_table() {
    let place = Place::new(1.0);
    let (code, out, err) = place.run("gemmnist reproduce {}/small.toml --out {}/runs");
    assert_eq!(code, 6, "{out}");
    assert!(err.starts_with("gemmnist: small: test accuracy: expected at least 100.00 %, found "), "{err}");
    assert!(out.contains("MISSED"), "{out}");
    assert_eq!(json(&place.path("runs/001/table.json"))["met"], false);
    assert!(place.path("runs/001/small-seed-0/model.safetensors").exists());
}

#[test]
fn a_training_that_diverges_is_a_missed_figure_and_the_others_go_on() {
    let place = Place::new(0.5);
    let recipe = fs::read_to_string(place.path("small.toml")).unwrap().replace("lr = 0.2", "lr = 1e6, l2 = 1e3");
    fs::write(place.path("wild.toml"), recipe).unwrap();
    let (code, out, err) = place.run("gemmnist reproduce {}/wild.toml {}/small.toml --out {}/runs");
    assert_eq!(code, 6, "{err}");
    assert!(out.contains("seed 0    diverged"), "{out}");
    let table = json(&place.path("runs/001/table.json"));
    assert_eq!(table["recipes"][0]["runs"][0]["diverged"], true);
    assert_eq!(table["recipes"][1]["claims"][0]["verdict"], "met");
}

#[test]
fn variants_are_trained_where_asked_and_none_twice() {
    let place = Place::new(0.5);
    let (code, out, err) = place.run("gemmnist reproduce {}/small.toml {}/small.toml --variants --json --out {}/runs");
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: &Value| (line["event"].as_str().unwrap().to_owned(), line["recipe"].as_str().map(str::to_owned));
    let expected = [("run", Some("small")), ("run", Some("small-wide")), ("end", None)];
    assert_eq!(
        lines.iter().map(of).collect::<Vec<_>>(),
        expected.map(|(event, recipe)| (event.into(), recipe.map(Into::into)))
    );
}

#[test]
fn every_wrong_name_is_told_before_anything_is_trained() {
    let place = Place::new(0.5);
    let (code, out, err) = place.run("gemmnist reproduce linear-tahn {}/none.toml {}/small.toml --out {}/runs");
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err.lines().count(), 2, "{err}");
    assert!(err.contains("did you mean linear-tanh?") && err.contains("none.toml: expected a TOML file"), "{err}");
    assert!(!place.path("runs").exists());
}

#[test]
fn the_list_has_every_recipe_with_what_was_published() {
    let (code, out, _) = Place::new(0.5).run("gemmnist reproduce --list");
    assert_eq!(code, 0);
    for needle in ["bp-relu-128 ", "97.64 %", "  course-sigmoid-192-30-l2 ", "13,002", "98.24 %", "linear-tanh-hidden"]
    {
        assert!(out.contains(needle), "{needle}: {out}");
    }
}

#[test]
fn a_config_file_wins_over_the_recipe_and_what_is_typed_over_both() {
    let place = Place::new(0.5);
    fs::write(place.path("config.toml"), "batch = 5\nlr = 0.3").unwrap();
    let (code, _, err) = place.run(
        "gemmnist train --recipe {}/small.toml --config {}/config.toml --lr 0.4 --epochs 1 --out {}/runs --name it",
    );
    assert_eq!((code, err.as_str()), (0, ""));
    let settings: toml::Table = fs::read_to_string(place.path("runs/it/config.toml")).unwrap().parse().unwrap();
    let number = |name: &str| settings[name].as_float().or(settings[name].as_integer().map(|whole| whole as f64));
    assert_eq!(
        (number("batch"), number("lr"), number("epochs"), &settings["hidden"]),
        (Some(5.0), Some(0.4), Some(1.0), &toml::Value::from(vec![16]))
    );
}

#[test]
fn a_recipe_by_name_trains_its_network() {
    let place = Place::new(0.5);
    let (code, out, err) =
        place.run(&format!("gemmnist train --recipe mlp-16-16-adam --data {DIGITS} --epochs 1 --json --out {{}}/runs"));
    assert_eq!((code, err.as_str()), (0, ""));
    let start: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((&start["network"], &start["settings"]["optimizer"]), (&"49-16-16-10".into(), &"adam".into()));
    let (code, _, err) = place.run("gemmnist train --recipe mlp-16-61 --epochs 0");
    assert_eq!((code, err.lines().count()), (2, 2), "both mistakes: {err}");
}

#[test]
fn the_running_score_is_told_every_so_many_batches() {
    let place = Place::new(0.5);
    let lines = |out: &str| -> Vec<Value> {
        let objects = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        objects.filter(|object| object["event"] != "start" && object["event"] != "end").collect()
    };
    let command = format!("gemmnist train --data {DIGITS} --batch 50 --epochs 2 --out {{}}/runs --json --log-every");
    let (code, out, err) = place.run(&format!("{command} 1"));
    assert_eq!((code, err.as_str()), (0, ""));
    let every = lines(&out);
    let epochs: Vec<_> = every.iter().filter(|object| object["event"] == "epoch").collect();
    let batches = every.len() / 2 - 1;
    assert!(batches > 4, "{batches} batches an epoch");
    for (epoch, of_epoch) in epochs.iter().zip(every.chunks(batches + 1)) {
        let last_batch = &of_epoch[batches - 1];
        assert_eq!((&last_batch["event"], &last_batch["batch"]), (&"batch".into(), &batches.into()));
        assert_eq!(last_batch["train_loss"], epoch["train_loss"], "after the last batch it is that of the epoch");
        assert_eq!(last_batch["train_accuracy"], epoch["train_accuracy"]);
        assert_ne!(of_epoch[0]["train_loss"], last_batch["train_loss"]);
    }
    let (_, out, _) = place.run(&format!("{command} 3"));
    let told: Vec<_> = lines(&out).iter().filter_map(|object| object["batch"].as_u64()).collect();
    let expected: Vec<_> = (1..=batches as u64).filter(|batch| batch % 3 == 0).collect();
    assert_eq!(told, [expected.clone(), expected].concat());
    let (code, ..) = place.run(&format!("{command} 0"));
    assert_eq!(code, 2);
}

#[test]
fn inspect_tells_of_a_recipe_what_it_builds_and_why() {
    let place = Place::new(0.5);
    let (code, out, err) = place.run("gemmnist inspect mlp-16-16");
    assert_eq!((code, err.as_str()), (0, ""));
    let last: Vec<_> = out.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(last, ["all", "13,002"]);
    for needle in ["784-16-16-10, sigmoid, softmax", "parameters: 13,002", "lr: not told", "16 x 784"] {
        assert!(out.contains(needle), "{needle}: {out}");
    }
    let (_, out, _) = place.run("gemmnist inspect {}/small.toml --json");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["parameters"], 49 * 16 + 16 + 16 * 10 + 10);
    assert_eq!(object["tensors"][0]["shape"], serde_json::json!([16, 49]));
    let (code, _, err) = place.run("gemmnist inspect mlp-16-61");
    assert_eq!(code, 2);
    assert!(err.contains("did you mean mlp-16-16?"), "{err}");
    let (code, _, err) = place.run("gemmnist inspect {}/none.safetensors");
    assert_eq!(code, 5, "a model that is not there: {err}");
}

#[cfg(feature = "report")]
#[test]
fn the_network_of_a_recipe_is_drawn() {
    let place = Place::new(0.5);
    let (code, _, err) = place.run("gemmnist inspect mlp-16-16 --svg {}/network.svg");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(fs::read_to_string(place.path("network.svg")).unwrap().contains("13,002"));
}

#[test]
fn two_recipes_of_one_name_are_not_taken_for_one() {
    let place = Place::new(0.5);
    fs::create_dir(place.path("other")).unwrap();
    let other = fs::read_to_string(place.path("small.toml")).unwrap().replace("hidden = [16]", "hidden = [7]");
    fs::write(place.path("other/small.toml"), other).unwrap();
    let (code, _, err) = place.run("gemmnist reproduce {}/small.toml {}/other/small.toml --out {}/runs");
    assert_eq!(code, 2);
    assert!(err.contains("expected recipes of different names, found two called small (rename one"), "{err}");
}

#[test]
fn what_the_last_recipe_cannot_do_is_told_before_the_first_is_trained() {
    let place = Place::new(0.5);
    for (setting, message) in [("class-weights = [1, 2, 3]", "class-weights"), ("warmup = 1000000", "warmup")] {
        let late = fs::read_to_string(place.path("small.toml")).unwrap().replace("hidden = [16]", setting);
        fs::write(place.path("late.toml"), late).unwrap();
        let (code, out, err) = place.run("gemmnist reproduce {}/small.toml {}/late.toml --out {}/runs");
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains(message), "{err}");
        assert!(!place.path("runs").exists());
    }
}

#[test]
fn a_recipe_of_a_network_too_large_to_be_meant_is_not_built_to_be_inspected() {
    let place = Place::new(0.5);
    let huge = fs::read_to_string(place.path("small.toml")).unwrap().replace("[16]", "[65536, 65536, 65536]");
    fs::write(place.path("huge.toml"), huge).unwrap();
    let (code, _, err) = place.run("gemmnist inspect {}/huge.toml");
    assert_eq!(code, 2);
    assert!(err.contains("a network of at most 500000000 parameters"), "{err}");
}

#[test]
fn a_variant_is_called_as_a_folder_can_be() {
    let place = Place::new(0.5);
    let recipe = fs::read_to_string(place.path("small.toml")).unwrap().replace("variants.wide", "variants.'../x'");
    fs::write(place.path("small.toml"), recipe).unwrap();
    let (code, _, err) = place.run("gemmnist reproduce {}/small.toml --variants --out {}/runs");
    assert_eq!(code, 2);
    assert!(err.contains("expected a name that a folder can have, found small-../x"), "{err}");
}

#[test]
fn a_recipe_has_no_seed_of_its_own() {
    let place = Place::new(0.5);
    let recipe = fs::read_to_string(place.path("small.toml")).unwrap().replace("epochs = 4", "epochs = 4, seed = 5");
    fs::write(place.path("small.toml"), recipe).unwrap();
    let (code, _, err) = place.run("gemmnist reproduce {}/small.toml --out {}/runs");
    assert_eq!(code, 2);
    assert!(err.contains("small: seed: expected no seed in a recipe"), "{err}");
}
