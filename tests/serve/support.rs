//! A page that is served, by the command itself, to requests written by hand.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use gemmnist::data::{Dataset, Input};
use gemmnist::nn::{Activation, Architecture, Init, Network, Output};
use gemmnist::seed::Seed;
use gemmnist::train::TrainSettings;
use gemmnist::train::model_file::{self, Description, Training};
use tempfile::TempDir;

/// Pixels to a side of a drawing.
pub const SIDE: usize = 112;

/// A running `gemmnist serve`; ended with the test.
pub struct Served {
    pub child: Child,
    pub url: String,
    out: BufReader<ChildStdout>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Served {
    /// `gemmnist serve` in `folder`, on a port that is free.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
        command.arg("serve").args(args).args(["--port", &port.to_string()]).current_dir(folder);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("page ") {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended before it told its address");
        }
        let url = line.split_whitespace().last().unwrap().to_owned();
        Self { child, url, out }
    }

    /// What it goes on to print, to the end.
    pub fn rest(&mut self) -> String {
        let mut text = String::new();
        self.out.read_to_string(&mut text).unwrap();
        text
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> &str {
        self.url.strip_prefix("http://").unwrap().split('/').next().unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.host()).unwrap()
    }

    /// What is answered to these bytes; `None` if the connection is closed instead.
    pub fn send(&self, request: &[u8]) -> Option<Answer> {
        let mut stream = self.connect();
        let _ = stream.write_all(request); // may be refused half way
        Answer::read(&mut stream)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.host()).as_bytes()).unwrap()
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.send(&self.posting(path, "", body)).unwrap()
    }

    /// The bytes of a request as the page sends it, with more `headers`.
    pub fn posting(&self, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
        let (host, length) = (self.host(), body.len());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub fn read(stream: &mut TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes); // a reset after the answer is an end, too
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Self { status, head: head.to_lowercase(), body: bytes[end + 4..].to_vec() })
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, 200, "{}", self.text());
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Every file in `folder` and below, by its path from there.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => {
                found.extend(files(&path).into_iter().map(|file| Path::new(&entry.file_name()).join(file)))
            }
            _ => found.push(entry.file_name().into()),
        }
    }
    found.sort();
    found
}

/// An untrained network.
pub fn network() -> Network {
    let architecture = Architecture::perceptron(784, &[16], Activation::Relu, 10, Output::Softmax);
    Network::initialised(architecture, Init::He, Seed(3))
}

/// A run folder `runs/NAME` that holds an untrained network.
pub fn leave_run(folder: &Path, name: &str) {
    let run = folder.join("runs").join(name);
    fs::create_dir_all(&run).unwrap();
    let (network, data) = (network(), Dataset::new(vec![0; 784], vec![0], (28, 28), 10));
    let training = Training::new(&TrainSettings::default().check().unwrap(), None);
    let description = Description::new(&network, &data, Input::Gray, training);
    fs::write(run.join("config.toml"), "epochs = 3\n").unwrap();
    model_file::write(&run.join("model.safetensors"), &network, &description).unwrap();
}

/// A folder with a run folder.
pub fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    leave_run(folder.path(), "001");
    folder
}

/// A thick vertical line on white paper, as the page sends it.
pub fn drawing() -> Vec<u8> {
    let ink = |i: usize| (27..87).contains(&(i / SIDE)) && (47..55).contains(&(i % SIDE));
    (0..SIDE * SIDE).map(|i| if ink(i) { 0 } else { 255 }).collect()
}
