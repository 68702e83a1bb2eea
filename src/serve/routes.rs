//! What can be asked: a fixed list. Everything a page needs is in the binary, and no path leads to a file.

use std::sync::OnceLock;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::collection::Collection;
use super::gate::Gate;
use super::recogniser::Recogniser;
use super::{Subject, onlooker};
use crate::data::picture::Picture;
use crate::error::{Error, OneLine, Result};

/// Pixels to a side of a drawing: four to each of MNIST's. More would cost time and show the network nothing new.
const DRAWING_SIDE: usize = 112;
/// Units whose weights are asked for at once.
const MOST_UNITS: usize = 64;
/// Drawings of each class that make a test set: 600 of digits, as many as the authors of dnn-adam-100-100 drew.
const WANTED_EACH: usize = 60;

/// A file of the page.
struct Asset {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ( $( $path:literal: $kind:literal, $file:literal; )+ ) => {
        &[ $( Asset { path: $path, kind: $kind, text: include_str!(concat!("page/", $file)) }, )+ ]
    };
}

const ASSETS: &[Asset] = assets! {
    "/": "text/html; charset=utf-8", "index.html";
    "/style.css": "text/css; charset=utf-8", "style.css";
    "/icon.svg": "image/svg+xml", "icon.svg";
    "/main.js": "text/javascript; charset=utf-8", "main.js";
    "/server.js": "text/javascript; charset=utf-8", "server.js";
    "/pad.js": "text/javascript; charset=utf-8", "pad.js";
    "/mind.js": "text/javascript; charset=utf-8", "mind.js";
    "/collect.js": "text/javascript; charset=utf-8", "collect.js";
    "/curves.js": "text/javascript; charset=utf-8", "curves.js";
};

/// Every answer has these: nothing from outside is loaded, nothing is shown in a frame, guessed at, kept, or told to others.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

type Answer = Response<Full<Bytes>>;
/// What a route asks for, or why it is not to be had.
type Outcome<T = Answer> = std::result::Result<T, Refusal>;

/// Why there is no answer: a sentence, and the status that says the same to machines.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: String,
    /// The method that would have been answered.
    allowed: Option<Method>,
}

impl Refusal {
    pub fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), allowed: None }
    }

    pub fn answer(self) -> Answer {
        let mut refused = answer("text/plain; charset=utf-8", self.reason + "\n");
        *refused.status_mut() = self.status;
        let allowed = self.allowed.and_then(|method| HeaderValue::from_str(method.as_str()).ok());
        refused.headers_mut().extend(allowed.map(|method| (ALLOW, method)));
        refused
    }
}

/// The system did not let us.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

/// The page, and what it is about.
#[derive(Debug)]
pub(super) struct Site {
    gate: Gate,
    subject: Subject,
    recogniser: OnceLock<Recogniser>,
    collection: Collection,
}

impl Site {
    pub fn new(subject: Subject, gate: Gate) -> Self {
        let collection = Collection::new(subject.collection.clone());
        Self { gate, subject, recogniser: OnceLock::new(), collection }
    }

    /// The network, once its file is there.
    ///
    /// # Errors
    /// [`Error::Model`] if the file cannot be used.
    pub fn recogniser(&self) -> Result<Option<&Recogniser>> {
        if self.recogniser.get().is_none() && self.subject.model.exists() {
            let read = Recogniser::read(&self.subject.model)?;
            return Ok(Some(self.recogniser.get_or_init(|| read)));
        }
        Ok(self.recogniser.get())
    }

    /// The answer to a request that has arrived whole.
    pub fn answer(&self, head: &Parts, body: &[u8]) -> Answer {
        self.outcome(head, body).unwrap_or_else(Refusal::answer)
    }

    fn outcome(&self, head: &Parts, body: &[u8]) -> Outcome {
        let path = self.gate.admit(head).map_err(|reason| Refusal::new(StatusCode::FORBIDDEN, reason))?;
        if let Some(asset) = ASSETS.iter().find(|asset| asset.path == path) {
            return only(&Method::GET, head).map(|()| answer(asset.kind, asset.text));
        }
        let query = head.uri.query().unwrap_or_default();
        match path {
            "/network" => only(&Method::GET, head).and_then(|()| self.network()),
            "/weights" => only(&Method::GET, head).and_then(|()| self.weights(query)),
            "/predict" => posted(head).and_then(|()| self.predict(body)),
            "/collection" => only(&Method::GET, head).and_then(|()| self.collected()),
            "/save" => posted(head).and_then(|()| self.save(query, body)),
            "/take-back" => posted(head).and_then(|()| self.take_back(query)),
            "/run" => only(&Method::GET, head).and_then(|()| self.run(query)),
            _ => Err(Refusal::new(StatusCode::NOT_FOUND, "there is no such page: go to /")),
        }
    }

    fn require_recogniser(&self) -> Outcome<&Recogniser> {
        let waiting = || Refusal::new(StatusCode::CONFLICT, "the network is not there yet: its training has not ended");
        self.recogniser()?.ok_or_else(waiting)
    }

    fn network(&self) -> Outcome {
        let recogniser = self.recogniser()?;
        Ok(json_answer(&json!({
            "side": DRAWING_SIDE,
            "file": OneLine(&self.subject.model).to_string(),
            "model": recogniser.map(Recogniser::describe),
            "run": self.subject.run.as_ref().map(|run| OneLine(run).to_string()),
        })))
    }

    fn weights(&self, query: &str) -> Outcome {
        let recogniser = self.require_recogniser()?;
        let units = parameter(query, "units").and_then(numbers).filter(|units| units.len() <= MOST_UNITS);
        let pictures = units.and_then(|units| recogniser.pictures_of_weights(&units));
        let pictures = pictures
            .ok_or_else(|| wrong(&format!("expected units=A,B,... of the first layer, at most {MOST_UNITS}")))?;
        Ok(answer(OCTETS, pictures.into_iter().map(i8::cast_unsigned).collect::<Vec<u8>>()))
    }

    fn predict(&self, body: &[u8]) -> Outcome {
        let recogniser = self.require_recogniser()?;
        Ok(json_answer(&match recogniser.look_at(&drawing(body)?) {
            None => json!({ "blank": true }),
            Some(seen) => json!({
                "blank": false, "image": seen.image, "probabilities": seen.probabilities, "layers": seen.layers,
            }),
        }))
    }

    fn collected(&self) -> Outcome {
        let names = self.require_recogniser()?.class_names();
        let counts = self.collection.counts(names)?;
        let folder = OneLine(self.collection.folder()).to_string();
        Ok(json_answer(&json!({ "folder": folder, "wanted": WANTED_EACH, "counts": counts })))
    }

    fn save(&self, query: &str, body: &[u8]) -> Outcome {
        let names = self.require_recogniser()?.class_names();
        let (class, drawing) = (class(query, names)?, drawing(body)?);
        let saved = self.collection.save(names, class, &drawing)?;
        let full = || Refusal::new(StatusCode::CONFLICT, "there are too many drawings of this class already");
        Ok(json_answer(&json!({ "number": saved.ok_or_else(full)? })))
    }

    fn take_back(&self, query: &str) -> Outcome {
        let names = self.require_recogniser()?.class_names();
        let class = class(query, names)?;
        let number = number(query, "number").ok_or_else(|| wrong("expected number=N"))?;
        match self.collection.take_back(names, class, number)? {
            true => Ok(json_answer(&json!({}))),
            false => Err(Refusal::new(StatusCode::CONFLICT, "this server has saved no such drawing")),
        }
    }

    fn run(&self, query: &str) -> Outcome {
        let none = || Refusal::new(StatusCode::NOT_FOUND, "there is no run to watch: name one with --watch");
        let folder = self.subject.run.as_ref().ok_or_else(none)?;
        let after = number(query, "after").ok_or_else(|| wrong("expected after=EPOCH"))?;
        Ok(json_answer(&onlooker::look_at(folder, after)))
    }
}

/// The value of a parameter in `a=1&b=2`.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn number<N: std::str::FromStr>(query: &str, name: &str) -> Option<N> {
    parameter(query, name)?.parse().ok()
}

/// `1,2,3`.
fn numbers(list: &str) -> Option<Vec<usize>> {
    list.split(',').map(|number| number.parse().ok()).collect()
}

fn class(query: &str, names: &[String]) -> Outcome<usize> {
    let class = number(query, "class").filter(|&class: &usize| class < names.len());
    class.ok_or_else(|| wrong(&format!("expected class=0 to {}", names.len() - 1)))
}

fn drawing(body: &[u8]) -> Outcome<Picture> {
    if body.len() != DRAWING_SIDE * DRAWING_SIDE {
        let expected = format!("expected {DRAWING_SIDE} x {DRAWING_SIDE} bytes, a pixel each, found {}", body.len());
        return Err(wrong(&expected));
    }
    Ok(Picture { pixels: body.to_vec(), size: (DRAWING_SIDE, DRAWING_SIDE) })
}

fn only(method: &Method, head: &Parts) -> Outcome<()> {
    if head.method == *method {
        return Ok(());
    }
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, format!("only {method} is answered here"));
    Err(Refusal { allowed: Some(method.clone()), ..refusal })
}

/// What changes or computes something is posted, as a type that no form of another site can send.
fn posted(head: &Parts) -> Outcome<()> {
    only(&Method::POST, head)?;
    match head.headers.get(CONTENT_TYPE) {
        Some(kind) if kind == OCTETS => Ok(()),
        _ => Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("expected a body of type {OCTETS}"))),
    }
}

const OCTETS: &str = "application/octet-stream";

fn answer(kind: &'static str, content: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(content.into()));
    let headers = HEADERS.into_iter().chain([("content-type", kind)]);
    answer
        .headers_mut()
        .extend(headers.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))));
    answer
}

fn json_answer(value: &Value) -> Answer {
    answer("application/json", value.to_string())
}

fn wrong(expected: &str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, expected)
}
