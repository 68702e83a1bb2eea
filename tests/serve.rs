//! `gemmnist serve` as a browser meets it, and as those do who are up to something.

#![cfg(all(feature = "serve", unix))]

mod serve_support;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use gemmnist::data::{Dataset, Input, picture::Picture, prepare};
use gemmnist::nn::{Activation, Architecture, Init, Network, Output, Workspace, loss};
use gemmnist::seed::Seed;
use gemmnist::train::TrainSettings;
use gemmnist::train::model_file::{self, Description, Training};
use serde_json::{Value, json};
use serve_support::{Answer, Served, files};
use tempfile::TempDir;

const SIDE: usize = 112;
/// Connections that are open at once, and one more than that.
const TOO_MANY: usize = 257;

fn network() -> Network {
    let architecture = Architecture::perceptron(784, &[16], Activation::Relu, 10, Output::Softmax);
    Network::initialised(architecture, Init::He, Seed(3))
}

/// A run folder `runs/NAME` that holds an untrained network.
fn leave_run(folder: &Path, name: &str) {
    let run = folder.join("runs").join(name);
    fs::create_dir_all(&run).unwrap();
    let (network, data) = (network(), Dataset::new(vec![0; 784], vec![0], (28, 28), 10));
    let training = Training::new(&TrainSettings::default().check().unwrap(), None);
    let description = Description::new(&network, &data, Input::Gray, training);
    fs::write(run.join("config.toml"), "epochs = 3\n").unwrap();
    model_file::write(&run.join("model.safetensors"), &network, &description).unwrap();
}

fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    leave_run(folder.path(), "001");
    folder
}

/// A thick vertical line on white paper, as the page sends it.
fn drawing() -> Vec<u8> {
    let ink = |i: usize| (27..87).contains(&(i / SIDE)) && (47..55).contains(&(i % SIDE));
    (0..SIDE * SIDE).map(|i| if ink(i) { 0 } else { 255 }).collect()
}

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
fn no_request_of_another_site_or_of_a_rebound_name_is_accepted() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let port = served.host().split(':').nth(1).unwrap();
    let strangers = [
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: evil.example:{port}\r\nOrigin: http://evil.example:{port}\r\nSec-Fetch-Site: same-origin\r\n"),
        format!("Host: 127.0.0.1.evil.example:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        String::new(),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: http://localhost:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: null\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nSec-Fetch-Site: cross-site\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nSec-Fetch-Site: same-site\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"),
    ];
    let requests = [
        "GET /",
        "GET /main.js",
        "GET /network",
        "GET /run?after=0",
        "POST /predict",
        "POST /save?class=3",
        "OPTIONS /save?class=3",
    ];
    let kind = "Content-Type: application/octet-stream\r\n";
    let body = drawing();
    for headers in &strangers {
        for request in requests {
            let posted = if request.starts_with("POST") { &body[..] } else { &[] };
            let head = format!("{request} HTTP/1.1\r\n{headers}{kind}Content-Length: {}\r\n\r\n", posted.len());
            let answer = served.send(&[head.as_bytes(), posted].concat()).unwrap();
            assert_eq!(answer.status, 403, "{request}\n{headers}");
            assert!(!answer.head.contains("access-control"), "no other site may read anything");
        }
    }
    assert!(!folder.path().join("my-digits").exists(), "nothing was saved");
    let own = served.posting(
        "/save?class=3",
        &format!("Origin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n"),
        &body,
    );
    assert_eq!(served.send(&own).unwrap().status, 200, "the page itself may");
}

#[test]
fn requests_that_are_wrong_are_refused_by_saying_what_was_expected() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let host = served.host();
    let form = format!(
        "POST /save?class=3 HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
    );
    let delete = format!("DELETE /save HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let cases = [
        (served.post("/predict", b"short"), 400, "expected 112 x 112 bytes, a pixel each, found 5"),
        (served.post("/save?class=10", &drawing()), 400, "expected class=0 to 9"),
        (served.post("/save?class=../../etc", &drawing()), 400, "expected class=0 to 9"),
        (served.post("/save", &drawing()), 400, "expected class=0 to 9"),
        (served.post("/take-back?class=3&number=1", &[]), 409, "this server has saved no such drawing"),
        (served.get("/weights?units=16"), 400, "expected units=A,B,..."),
        (served.get("/run?after=x"), 404, "--watch"),
        (served.get("/predict"), 405, "only POST"),
        (served.post("/", &[]), 405, "only GET"),
        (served.send(delete.as_bytes()).unwrap(), 405, "only POST"),
        (served.send(form.as_bytes()).unwrap(), 415, "application/octet-stream"),
        (served.get("/nothing"), 404, "go to /"),
    ];
    for (answer, status, reason) in cases {
        assert_eq!((answer.status, answer.text().contains(reason)), (status, true), "{}", answer.text());
    }
    assert!(!folder.path().join("my-digits").exists(), "nothing was saved");
}

#[test]
fn a_body_that_is_too_large_is_not_read_to_its_end() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let host = served.host();
    let announced = format!(
        "POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\nContent-Length: 99999999999\r\n\r\n"
    );
    assert_eq!(served.send(announced.as_bytes()).unwrap().status, 413, "before any of it has come");
    let chunked = format!(
        "POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = [b"10000\r\n".as_slice(), &[0; 0x10000], b"\r\n"].concat();
    let endless = [chunked.as_bytes(), &chunk.repeat(2)].concat();
    let answer = served.send(&endless); // lost where the system throws it away with what was not read
    assert!(answer.is_none_or(|answer| answer.status == 413));
    assert_eq!(served.get("/network").status, 200);
}

#[test]
fn malformed_requests_get_nothing_and_the_server_goes_on() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let host = format!("Host: {}\r\n", served.host());
    let with = |headers: &str| format!("GET / HTTP/1.1\r\n{host}{headers}\r\n").into_bytes();
    let long = "x".repeat(20_000);
    let many: String = (0..100).map(|i| format!("X-{i}: y\r\n")).collect();
    let malformed = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        format!("GET / HTTP/9.9\r\n{host}\r\n").into_bytes(),
        format!("GET /{long} HTTP/1.1\r\n{host}\r\n").into_bytes(),
        format!("GET http://evil.example/ HTTP/1.1\r\n{host}\r\n").into_bytes(),
        format!("CONNECT evil.example:80 HTTP/1.1\r\n{host}\r\n").into_bytes(),
        with(&format!("X: {long}\r\n")),
        with(&many),
        with("Content-Length: -1\r\n"),
        with("Content-Length: 5\r\nContent-Length: 6\r\n"),
        with("Content-Length: 18446744073709551617\r\n"),
        with("Name without colon\r\n"),
        with("X: a\0b\r\n"),
        with("Transfer-Encoding: gzip\r\n"),
        format!("GET /network HTTP/1.1\r\n{host}Origin: \u{e9}\r\n\r\n").into_bytes(),
    ];
    for request in malformed {
        let status = served.send(&request).map(|answer| answer.status);
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?} for {shown}");
    }
    // What came with a request after its end is no second request.
    let two = [with(""), with("")].concat();
    let answer = served.send(&two).unwrap();
    assert!(answer.status == 200 && answer.head.contains("connection: close") && !answer.text().contains("HTTP/1.1"));
    assert_eq!(served.get("/network").status, 200);
}

#[test]
fn no_path_leads_to_a_file() {
    let folder = place();
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    let served = Served::start(folder.path(), &[]);
    let paths = [
        "/secret.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//etc/passwd",
        "/etc/passwd",
        "/style.css/../secret.txt",
        "/./",
        "/index.html",
        "/style.css%00",
        "/runs/001/model.safetensors",
        "/page/main.js",
        "/C:/secret.txt",
        "/..\\secret.txt",
    ];
    for path in paths {
        let answer = served.get(path);
        assert!((400..500).contains(&answer.status) && !answer.text().contains("secret"), "{path}: {}", answer.status);
    }
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
fn silent_connections_make_room_for_those_that_ask() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let mut silent: Vec<_> = (0..2 * TOO_MANY).map(|_| served.connect()).collect();
    silent.iter_mut().for_each(|stream| stream.write_all(b"GET / HT").unwrap_or_default());
    assert_eq!(served.post("/predict", &drawing()).status, 200);
    let last = silent.last_mut().unwrap();
    last.set_nonblocking(true).unwrap();
    let state = last.read(&mut [0]).map_err(|error| error.kind());
    assert_eq!(state, Err(ErrorKind::WouldBlock), "the newest still have their time");
    let first = &mut silent[0];
    let end = first.read(&mut [0]);
    assert!(
        matches!(end, Ok(0)) || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset),
        "the oldest went"
    );
}

#[test]
fn whoever_is_too_slow_is_hung_up_on() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let mut heads = [served.connect(), served.connect()];
    heads[1].write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\nX: y", served.host()).as_bytes()).unwrap();
    let mut body = served.connect();
    body.write_all(&served.posting("/predict", "", &drawing())[..1000]).unwrap();
    for mut head in heads {
        assert!(Answer::read(&mut head).is_none_or(|answer| answer.status == 408));
    }
    assert_eq!(Answer::read(&mut body).unwrap().status, 408);
}

#[test]
fn many_who_ask_at_once_all_get_their_answer() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let expected = served.post("/predict", &drawing()).body;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| assert_eq!(served.post("/predict", &drawing()).body, expected)));
        }
    });
}

#[test]
fn others_on_the_network_need_the_token_in_the_address() {
    let folder = place();
    let served = Served::start(folder.path(), &["--host", "127.0.0.1"]);
    let path = served.url.strip_prefix("http://").unwrap().split_once('/').unwrap().1.to_owned();
    assert_eq!(path.len(), 33, "128 bits and a slash: {path}");
    assert_eq!(served.get(&format!("/{path}")).status, 200);
    assert_eq!(served.get(&format!("/{path}network")).status, 200);
    for without in ["/", "/network", &format!("/{}/network", "0".repeat(32))] {
        assert_eq!(served.get(without).status, 403, "{without}");
    }
    let again = Served::start(folder.path(), &["--host", "127.0.0.1"]);
    assert!(!again.url.ends_with(&path), "each time another");
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
