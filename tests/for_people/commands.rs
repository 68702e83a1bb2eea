//! The report of a run, the page of several, predictions, a sweep of learning rates.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::place::{Place, square};
use gemmnist::data::{self, Splits};
use gemmnist::eval::{evaluate_each, judge};
use gemmnist::nn::loss;
use gemmnist::report::{Outcome, RunReport, compare_page, run_page};
use gemmnist::train::{RunRecord, TrainConfig, TrainSettings, Trainer};
use serde_json::Value;

/// What an attacker, or an honest user with a strange folder, might call things.
const ODD: &str = "a < b & \"c\" </p><script>alert(1)</script>";

/// That a page is whole and stands alone: every element closed, nothing fetched, nothing run, said in which language.
fn check_page(page: &str) {
    const VOID: [&str; 3] = ["meta", "img", "!DOCTYPE"];
    let mut open = Vec::new();
    let style = page.find("<style>").unwrap()..page.find("</style>").unwrap();
    let without_style = page[..style.start].to_owned() + "<style>" + &page[style.end..];
    for tag in without_style.split('<').skip(1).filter(|tag| !tag.starts_with("!--")) {
        let (tag, _) = tag.split_once('>').unwrap_or_else(|| panic!("not closed: {tag}"));
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{tag}"),
            None if tag.ends_with('/') => {}
            None => open.extend(tag.split_whitespace().next().filter(|name| !VOID.contains(name))),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert!(page.starts_with("<!DOCTYPE html>\n<!-- drawn by gemmnist -->\n<html lang=\"en\">"));
    let fetched = page.replace("http://www.w3.org/2000/svg", "");
    for foreign in ["http:", "https:", "//www", "<script", "<link", "@import", "url("] {
        assert!(!fetched.contains(foreign), "{foreign}");
    }
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    assert!(!page.replace("infinity or NaN", "").contains("NaN"), "a number that is none");
}

/// A small network after an epoch, with what became of it.
fn with_report(settings: TrainSettings, check: impl FnOnce(&Trainer<'_>, &TrainConfig, Outcome<'_>, &Splits)) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/digits-7x7");
    let splits = data::load_folder(&path).unwrap();
    let config = settings.check().unwrap();
    let objective = loss::objective(config.output, config.loss).unwrap();
    let mut trainer = Trainer::new(config.clone(), &splits.train).unwrap();
    trainer.run(&judge(objective, config.input(), None, &splits.test), &mut ()).unwrap();
    let (evaluation, predictions) = evaluate_each(trainer.network(), objective, config.input(), &splits.test);
    let names: Vec<_> = (0..10).map(|class| format!("digit {class}")).collect();
    let outcome =
        Outcome { test: &splits.test, evaluation: &evaluation, predictions: &predictions, class_names: &names };
    check(&trainer, &config, outcome, &splits);
}

fn small() -> TrainSettings {
    TrainSettings { hidden: vec![8], epochs: 2, threads: Some(1), ..TrainSettings::default() }
}

fn page_of(trainer: &Trainer<'_>, config: &TrainConfig, outcome: Option<Outcome<'_>>, splits: &Splits) -> String {
    run_page(&RunReport {
        folder: Path::new("runs/001"),
        config,
        network: trainer.network(),
        history: trainer.history(),
        train: &splits.train,
        machine: "one of these",
        outcome,
        trouble: outcome.is_none().then_some("it went wrong"),
    })
}

#[test]
fn a_report_shows_the_mistakes_that_there_are_with_label_and_prediction() {
    with_report(small(), |trainer, config, outcome, splits| {
        let page = page_of(trainer, config, Some(outcome), splits);
        check_page(&page);
        let wrong: Vec<_> =
            (0..splits.test.len()).filter(|&i| outcome.predictions[i].class != splits.test.labels()[i]).collect();
        assert!(wrong.len() > 3, "some are wrong after two epochs");
        let shown: Vec<usize> = page
            .split("alt=\"test image ")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(shown.len(), wrong.len().min(30));
        for i in &shown {
            assert!(wrong.contains(i), "{i} is right");
            let (label, taken) = (splits.test.labels()[*i], outcome.predictions[*i].class);
            let said = format!("<b>digit {label}</b> taken for <b>digit {taken}</b>");
            let entry = page.split(&format!("alt=\"test image {i}\"")).nth(1).unwrap();
            assert!(entry[..200].contains(&said), "{said}: {}", &entry[..200]);
        }
        let accuracy = format!("<dt>Test accuracy</dt><dd>{:.2} %</dd>", 100.0 * outcome.evaluation.scores.accuracy);
        assert!(page.contains(&accuracy), "{accuracy}");
        assert!(page.contains("<code>gemmnist train --config runs/001/config.toml</code>"));
        assert!(page.contains("<code>gemmnist train --hidden 8 --epochs 2"), "and without that file");
        assert!(page.contains("The weights of all 8 units of the first layer"));
        assert!(
            page.contains("65.15 s") && page.contains("not to be divided"),
            "the published time, of another network"
        );
    });
}

#[test]
fn a_run_that_ended_early_has_a_report_that_begins_with_why() {
    with_report(small(), |trainer, config, _, splits| {
        let page = page_of(trainer, config, None, splits);
        check_page(&page);
        let main = page.split("<main>").nth(1).unwrap();
        assert!(main.trim_start().starts_with("<p class=\"notice\"><strong>it went wrong</strong></p>"), "{main}");
        assert!(main.contains("id=\"curves\"") && !main.contains("id=\"mistakes\""));
    });
}

#[test]
fn no_name_from_outside_becomes_markup() {
    let odd = TrainSettings { data: ODD.to_owned(), ..small() };
    with_report(odd, |trainer, config, outcome, splits| {
        let names: Vec<_> = (0..10).map(|class| format!("{ODD} {class}")).collect();
        check_page(&page_of(trainer, config, Some(Outcome { class_names: &names, ..outcome }), splits));
        let settings = config.to_table();
        let run = RunRecord { name: ODD.to_owned(), settings, history: trainer.history().clone() };
        let texts = |count: usize| vec![ODD.to_owned(); count];
        check_page(&compare_page(&[run.clone(), run], &texts(3), &[texts(3), texts(3)], &texts(1)));
    });
}

#[test]
fn a_training_leaves_a_report_also_when_it_diverges() {
    let place = Place::new();
    let out = place.prints("gemmnist train --hidden 4 --epochs 3");
    assert!(out.contains("The report is in  runs/001/report.html"), "{out}");
    check_page(&place.read("runs/001/report.html"));
    let diverged = place.shell("gemmnist train --hidden 8,8 --lr 1e6 --batch 60 --epochs 50");
    assert_eq!(diverged.status.code(), Some(4));
    let page = place.read("runs/002/report.html");
    check_page(&page);
    assert!(page.contains("training diverged: expected a finite loss"));
}

#[test]
fn a_run_that_goes_on_tells_its_whole_training_and_one_that_has_ended_that_it_has() {
    let place = Place::new();
    assert!(place.prints("gemmnist train --epochs 2 --name run").contains(" after 2 epochs in 0."));
    let on = place.prints("gemmnist train --resume run --epochs 3");
    assert!(on.contains("run       runs/run, from epoch 3, step 13 on\n"), "{on}");
    assert!(on.contains(" after 3 epochs and 0.") && on.contains(" s of training in all.\n"), "{on}");
    let ended = place.prints("gemmnist train --resume run");
    assert!(
        ended.contains("runs/run, which has ended (a larger --epochs goes on with it)\n\nTest accuracy "),
        "{ended}"
    );
    // Also where the patience was over in the last epoch, with which more epochs would not go on.
    for (epochs, said) in [(9, "Ended early: no lower validation loss since epoch "), (2, "Test accuracy ")] {
        let options = format!("--epochs {epochs} --validation 4 --patience 1 --lr 1e-9 --name patient-{epochs}");
        place.prints(&format!("gemmnist train {options}"));
        let ended = place.prints(&format!("gemmnist train --resume patient-{epochs}"));
        let expected = format!("runs/patient-{epochs}, which has ended: its patience is over\n\n{said}");
        assert!(ended.contains(&expected), "{ended}");
    }
}

#[test]
fn a_run_that_learnt_nothing_is_told_so() {
    let place = Place::new();
    let remark = "No better than a guess: of each class 33.33 % are right on average, as many as by always saying the same. Another";
    let told = place.prints("gemmnist train --epochs 1 --lr 1e-9 --init uniform --init-range 1e-30"); // all outputs are equal
    assert!(told.contains(remark), "{told}");
    assert!(place.prints("cat runs/001/report.html").contains(remark), "nor is it hidden in the report");
    let told = place.prints("gemmnist train --epochs 9");
    assert!(!told.contains("guess"), "{told}");
    assert!(!place.prints("cat runs/002/report.html").contains("No better"));
}

#[test]
fn a_page_compares_runs_in_the_order_asked_for_and_says_what_it_left_out() {
    let place = Place::new();
    place.prints("gemmnist train --epochs 3 --name long && gemmnist train --epochs 1 --lr 1e-6 --name short");
    // A millisecond more or less is the machine's: here an epoch takes half a second.
    place.prints(r#"sed -i -E 's/"train_seconds":[^,]+/"train_seconds":0.5/' runs/*/metrics.jsonl"#);
    place.put("runs/notes.txt", b"mine");
    place.put("runs/empty/config.toml", b"");
    let said = place.prints("gemmnist compare runs/* --out all.html --sort time");
    let page = place.read("all.html");
    check_page(&page);
    let order = |text: &str| (text.find("short").unwrap(), text.find("long").unwrap());
    let rows = page.split("<tbody>").nth(1).unwrap();
    assert!(order(rows).0 < order(rows).1 && order(&said).0 < order(&said).1, "{said}");
    assert!(said.contains("  0.50  1.5 s\n") && said.contains("  0.50  0.5 s\n"), "{said}");
    for left_out in ["Left out: runs/empty: no run folder", "Left out: runs/notes.txt: another kind of file"] {
        assert!(said.contains(left_out) && page.contains(left_out), "{said}");
    }
    let by_accuracy = place.prints("gemmnist compare runs/long runs/short --out all.html");
    assert!(order(&by_accuracy).0 > order(&by_accuracy).1, "{by_accuracy}");
    // A run of one epoch has a point of its own for the training images, in each panel.
    place.prints("gemmnist compare runs/short");
    assert_eq!(place.read("compare.svg").matches("<circle").count(), 2 * 2 + 1, "training, test; the legend");
}

#[test]
fn predict_tells_label_and_runner_up_and_goes_on_after_what_is_no_picture() {
    let place = Place::new();
    place.prints("gemmnist train --name old && sleep 0.02 && gemmnist train --name new --hidden 5");
    for (name, ink) in [("a/digit.pgm", 255), ("a/b/blank.pgm", 0)] {
        place.put(name, &square(ink));
    }
    place.put("a/notes.txt", b"pens: blue");
    place.put("a/cut.png", b"\x89PNG\r\n\x1a\n");
    let Output { status, stdout, stderr } = place.shell("gemmnist predict a");
    let (out, err) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!((status.code(), err.lines().count()), (Some(3), 1), "{err}");
    assert!(err.starts_with("gemmnist: a/cut.png: picture: expected a whole PNG, JPEG or PGM"), "{err}");
    assert!(out.starts_with("runs/new/model.safetensors: 9-5-3") && out.contains("the newest run"), "{out}");
    assert!(out.contains("a/b/blank.pgm") && out.contains("nothing is drawn on it"), "{out}");
    assert!(out.contains("left out, no picture: a/notes.txt\n"), "{out}");

    let json = place.prints("gemmnist predict --json --model runs/old --svg seen.svg - < a/digit.pgm");
    let object: Value = serde_json::from_str(&json).unwrap();
    let all: Vec<_> = object["probabilities"].as_object().unwrap().iter().map(|(_, p)| p.as_f64().unwrap()).collect();
    assert_eq!((all.len(), &object["model"]), (3, &"runs/old/model.safetensors".into()));
    assert!((all.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{json}");
    let mut sorted = all.clone();
    sorted.sort_by(|a, b| b.total_cmp(a));
    assert_eq!([&object["probability"], &object["runner_up_probability"]].map(|p| p.as_f64().unwrap()), sorted[..2]);
    assert_eq!(object["probabilities"][object["label"].as_str().unwrap()], object["probability"]);
    assert!(place.read("seen.svg").contains("data:image/png;base64,"));

    let drawn = place.prints("gemmnist predict a/digit.pgm --explain");
    assert!(drawn.is_ascii() && drawn.contains("==") && drawn.contains("####"), "{drawn}");
    let drawn = place.prints("LC_ALL=C.UTF-8 gemmnist predict a/digit.pgm --explain");
    assert!(drawn.contains('▄') && drawn.lines().all(|line| !line.contains('\x1b')), "{drawn}");
}

#[test]
fn predict_without_a_model_or_a_picture_says_what_to_do() {
    let place = Place::new();
    place.put("a.pgm", &square(255));
    let fails = |line: &str, code: i32, part: &str| {
        let Output { status, stderr, .. } = place.shell(line);
        let err = String::from_utf8(stderr).unwrap();
        assert!(status.code() == Some(code) && err.contains(part), "{line}: {err}");
    };
    fails("gemmnist predict a.pgm", 5, "runs: model: expected a run folder with a model.safetensors, found none");
    place.prints("gemmnist train");
    fails("gemmnist predict b.pgm", 3, "b.pgm: picture: expected a PNG, JPEG or PGM file, found nothing there");
    fails("mkdir empty; gemmnist predict empty", 3, "empty: pictures: expected PNG, JPEG or PGM files, found none");
}

#[test]
fn a_sweep_suggests_a_rate_and_writes_nothing_but_its_picture() {
    let place = Place::new();
    place.prints("gemmnist train --name start");
    let before = place.files();
    let model = fs::read(place.path("runs/start/model.safetensors")).unwrap();
    let line = "gemmnist lr-find --init-from runs/start/model.safetensors --json --out found.svg --batch 7 --lr 0.5";
    let object: Value = serde_json::from_str(&place.prints(line)).unwrap();
    let rates: Vec<_> = object["learning_rate"].as_array().unwrap().iter().map(|rate| rate.as_f64().unwrap()).collect();
    assert!(rates.windows(2).all(|pair| pair[0] < pair[1]) && (rates[0] - 1e-6).abs() < 1e-12, "{rates:?}");
    let mut after = place.files();
    after.retain(|path| !before.contains(path));
    assert_eq!(after, [place.path("found.svg")]);
    assert_eq!(fs::read(place.path("runs/start/model.safetensors")).unwrap(), model);
    assert!(roxmltree::Document::parse(&place.read("found.svg")).is_ok());

    let object: Value = serde_json::from_str(&place.prints("gemmnist lr-find --json")).unwrap();
    let (suggestion, lowest) = (object["suggestion"].as_f64().unwrap(), object["lowest_loss_at"].as_f64().unwrap());
    assert!(suggestion < lowest && suggestion > lowest / 10.0, "{suggestion} {lowest}");
    let text = place.prints("gemmnist lr-find");
    assert!(text.contains(&format!("\nSuggested: --lr {suggestion}\n")) && text.contains("Why: "), "{text}");
    assert_eq!(place.prints("gemmnist lr-find"), text, "the same again");
    let wrong = place.shell("gemmnist lr-find --from 1 --to 0.1 --batch 5");
    assert_eq!(wrong.status.code(), Some(2));
}

/// What a row of the table of epochs ends with.
#[test]
fn the_best_epoch_so_far_is_marked_and_the_learning_rate_shown_where_it_changes() {
    let place = Place::new();
    let out = place.prints("gemmnist train --epochs 6 --schedule step --schedule-every 2 --validation 12");
    let mut lines = out.lines().skip_while(|line| !line.starts_with("epoch"));
    assert!(lines.next().unwrap().contains("learn. rate"));
    let rows: Vec<_> = lines.take(6).collect();
    let metrics: Vec<Value> =
        place.read("runs/001/metrics.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut lowest = f64::INFINITY;
    for (row, epoch) in rows.iter().zip(&metrics) {
        let loss = epoch["validation_loss"].as_f64().unwrap();
        assert_eq!(row.ends_with(" *"), loss < lowest, "{row}");
        lowest = lowest.min(loss);
        let rate: f64 = row.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!((rate - epoch["learning_rate"].as_f64().unwrap()).abs() < 1e-5, "{row}");
    }
    assert!(out.contains("\n* the lowest validation loss so far\n"), "{out}");
    assert!(!place.prints("gemmnist train --epochs 1").contains("learn. rate"), "it does not change");
}

#[test]
fn a_recipe_for_settings_and_settings_for_a_recipe_are_told_from_each_other() {
    let place = Place::new();
    place.put("recipe.toml", b"title = 'mine'\nsource = 'me'\n[settings]\nepochs = 1\n");
    place.put("settings.toml", b"epochs = 1\n");
    for (line, remedy) in [
        ("gemmnist train --config recipe.toml", "found a recipe (give it with --recipe)"),
        ("gemmnist train --recipe settings.toml", "(these are settings: give them with --config)"),
    ] {
        let Output { status, stderr, .. } = place.shell(line);
        let err = String::from_utf8(stderr).unwrap();
        assert!(status.code() == Some(2) && err.lines().count() == 1 && err.contains(remedy), "{line}: {err}");
    }
}
