//! What the page asks for, and gets.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use gemmnist::data::{Dataset, Input, picture::Picture, prepare};
use gemmnist::nn::{Workspace, loss};
use serde_json::{Value, json};

use crate::support::{SIDE, Served, drawing, files, leave_run, network, place};

#[test]
fn the_page_loads_everything_from_its_own_server_and_nothing_from_elsewhere() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let mut seen = vec![String::from("")];
    let mut next = 0;
    while let Some(path) = seen.get(next).cloned() {
        next += 1;
        let answer = served.get(&format!("/{path}"));
        assert_eq!(answer.status, 200, "{path}");
        for header in [
            "default-src 'none'",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "frame-ancestors 'none'",
        ] {
            assert!(answer.head.contains(header), "{path}: {header}");
        }
        let text = answer.text();
        let outside = text
            .match_indices("://")
            .filter(|(at, _)| !text[..*at].ends_with("\"http") || !text[*at..].starts_with("://www.w3.org/2000/svg"));
        assert_eq!(outside.count(), 0, "{path} names an address outside");
        for (before, after) in [("href=\"", "\""), ("src=\"", "\""), ("from \"./", "\"")] {
            for piece in text.split(before).skip(1) {
                let named = piece.split(after).next().unwrap().to_owned();
                if !seen.contains(&named) {
                    seen.push(named);
                }
            }
        }
    }
    assert!(seen.len() > 7, "the page, its style, its picture and its scripts: {seen:?}");
}

#[test]
fn a_drawing_is_answered_with_what_the_network_sees_and_thinks_of_it() {
    let folder = place();
    let served = Served::start(folder.path(), &["runs/001"]);
    let answer = served.post("/predict", &drawing()).json();

    let image = prepare(&Picture { pixels: drawing(), size: (SIDE, SIDE) }, (28, 28)).unwrap();
    let network = network();
    let mut workspace = Workspace::new(&network, 1);
    workspace.load(&Dataset::new(image.clone(), vec![0], (28, 28), 10), Input::Gray, &[0]);
    network.score(&mut workspace, 1, &loss::SoftmaxCrossEntropy);
    let floats =
        |value: &Value| value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect::<Vec<_>>();
    assert_eq!(answer["image"], json!(image));
    assert_eq!(floats(&answer["probabilities"]), workspace.probabilities(1).row(0).to_vec());
    assert_eq!(floats(&answer["layers"][0]), workspace.output(0, 1).row(0).to_vec());

    let weights = served.get("/weights?units=3,0").body;
    let (_, first) = network.parameters().next().unwrap();
    let of_unit_3 = &first.file_values()[3 * 784..4 * 784];
    let largest = of_unit_3.iter().fold(0.0_f32, |largest, w| largest.max(w.abs()));
    let expected: Vec<u8> = of_unit_3.iter().map(|w| ((127.0 * w / largest).round() as i8).cast_unsigned()).collect();
    assert_eq!((weights.len(), &weights[..784]), (2 * 784, &expected[..]));
}

#[test]
fn an_empty_paper_is_answered_as_such() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    assert_eq!(served.post("/predict", &[255; SIDE * SIDE]).json(), json!({ "blank": true }));
}

#[test]
fn collected_drawings_are_what_eval_reads_and_the_last_can_be_taken_back() {
    let folder = place();
    let served = Served::start(folder.path(), &["--collect", "mine"]);
    for class in [7, 7, 1] {
        served.post(&format!("/save?class={class}"), &drawing()).json();
    }
    assert_eq!(served.get("/collection").json()["counts"], json!([0, 1, 0, 0, 0, 0, 0, 2, 0, 0]));
    served.post("/take-back?class=7&number=2", &[]).json();
    assert_eq!(files(&folder.path().join("mine")), ["1/0001.png", "7/0001.png"].map(Path::new));
    let eval = Command::new(env!("CARGO_BIN_EXE_gemmnist"))
        .args(["eval", "runs/001", "--data", "mine", "--json"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let judged: Value = serde_json::from_slice(&eval.stdout).unwrap();
    assert_eq!(judged["prepared"], 2, "{judged}");
}

#[test]
fn a_training_is_watched_while_it_goes_on_and_its_network_appears_when_it_ends() {
    let folder = place();
    let run = folder.path().join("runs/002");
    fs::create_dir_all(&run).unwrap();
    fs::write(run.join("config.toml"), "epochs = 3\n").unwrap();
    fs::write(run.join("metrics.jsonl"), "").unwrap();
    let served = Served::start(folder.path(), &["runs/002"]);
    assert_eq!(served.get("/network").json()["model"], Value::Null);
    assert_eq!(served.post("/predict", &drawing()).status, 409);
    assert!(served.get("/run?after=0").json()["message"].as_str().unwrap().contains("still in its first"));

    let line = |epoch: usize| {
        format!(
            "{{\"epoch\":{epoch},\"step\":{epoch},\"learning_rate\":0.1,\"train_loss\":0.5,\"train_accuracy\":0.5,\
             \"validation_loss\":null,\"validation_accuracy\":null,\"test_loss\":0.4,\"test_accuracy\":0.6,\
             \"train_seconds\":1.0,\"eval_seconds\":1.0,\"samples_per_second\":1.0}}\n"
        )
    };
    fs::write(run.join("metrics.jsonl"), [line(1), line(2)].concat() + &line(3)[..20]).unwrap();
    let news = served.get("/run?after=1").json();
    assert_eq!((news["epochs"].as_array().unwrap().len(), &news["epochs"][0]["epoch"]), (1, &json!(2)));
    assert_eq!((&news["ended"], &news["settings"]["epochs"]), (&json!(false), &json!(3)));

    leave_run(folder.path(), "002");
    assert_eq!(served.get("/run?after=2").json()["ended"], true);
    assert_eq!(served.post("/predict", &drawing()).status, 200);
}

#[test]
fn without_arguments_the_newest_run_with_a_network_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let serve = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
        command.arg("serve").current_dir(folder.path());
        command
    };
    let none = serve().output().unwrap();
    let message =
        "gemmnist: runs: model: expected a run with a network, found none (train one first: gemmnist train)\n";
    assert_eq!((none.status.code(), String::from_utf8(none.stderr).unwrap().as_str()), (Some(5), message));

    for (name, age) in [("old", 200), ("new", 100)] {
        leave_run(folder.path(), name);
        let config =
            fs::File::options().write(true).open(folder.path().join("runs").join(name).join("config.toml")).unwrap();
        config.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(age)).unwrap();
    }
    fs::create_dir_all(folder.path().join("runs/begun")).unwrap();
    fs::write(folder.path().join("runs/begun/config.toml"), "").unwrap();
    let served = Served::start(folder.path(), &[]);
    assert_eq!(served.get("/network").json()["model"]["file"], "runs/new/model.safetensors");
}

#[test]
fn a_port_that_was_asked_for_and_is_taken_is_an_error() {
    let folder = place();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let serve = Command::new(env!("CARGO_BIN_EXE_gemmnist"))
        .args(["serve", "--port", &port])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let message = String::from_utf8(serve.stderr).unwrap();
    assert_eq!(serve.status.code(), Some(2), "{message}");
    assert!(
        message.starts_with("gemmnist: --port: expected a free port of this machine, found 127.0.0.1:"),
        "{message}"
    );
}

#[test]
fn an_interrupt_ends_it_cleanly_while_connections_are_open() {
    let folder = place();
    for signal in ["-INT", "-TERM"] {
        let mut served = Served::start(folder.path(), &[]);
        let mut waiting = served.connect();
        waiting.write_all(b"GET /").unwrap();
        served.post("/save?class=2", &drawing()).json();
        let id = served.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).stderr(Stdio::null()).status().unwrap().success());
        assert_eq!(served.child.wait().unwrap().code(), Some(0), "{signal}");
        assert_eq!(served.rest(), "\nCtrl-C ends it.\n");
    }
    let saved = files(&folder.path().join("my-digits"));
    assert_eq!(saved, ["2/0001.png", "2/0002.png"].map(Path::new), "whole files, and no others");
}
