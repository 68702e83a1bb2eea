//! A training as TensorBoard reads it: an event file that grows by one record an epoch.
//!
//! The format: <https://github.com/tensorflow/tensorboard> (`event.proto`, `summary.proto`), in the frames of TFRecord. A
//! file that was cut off is readable up to its last whole record.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crc::{CRC_32_ISCSI, Crc};
use prost::Message;

use crate::error::{Error, Result};
use crate::train::{EpochRecord, Observer};

/// CRC-32C.
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// The version that begins every file of today.
const VERSION: &str = "brain.Event:2";
/// How the names of event files begin; the seconds since 1970 follow.
const PREFIX: &str = "events.out.tfevents.";

/// An event file of one training. The steps of its curves are epochs.
#[derive(Debug)]
pub struct EventFile {
    path: PathBuf,
    file: File,
}

impl EventFile {
    /// A new one in `folder`, which is then a run to TensorBoard.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(folder: &Path) -> Result<Self> {
        let (seconds, process) = (seconds_after_others(folder), std::process::id());
        let path = folder.join(format!("{PREFIX}{seconds}.gemmnist.{process}"));
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(|source| cannot_write(&path, source))?;
        let mut events = Self { path, file };
        let version = Some(VERSION.to_owned());
        events.append(Event { wall_time: seconds_now(), file_version: version, ..Event::default() })?;
        Ok(events)
    }

    /// One more in the `folder` of a training that goes on in `epoch`. TensorBoard puts the files together, and forgets what
    /// those before have of this epoch and of later ones: it comes again.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn go_on(folder: &Path, epoch: usize) -> Result<Self> {
        let mut events = Self::create(folder)?;
        let session_log = Some(SessionLog { status: START });
        events.append(Event { wall_time: seconds_now(), step: epoch as i64, session_log, ..Event::default() })?;
        Ok(events)
    }

    /// In one write: a reader sees whole records.
    fn append(&mut self, event: Event) -> Result<()> {
        let written = self.file.write_all(&frame(&event.encode_to_vec()));
        written.map_err(|source| cannot_write(&self.path, source))
    }
}

impl Observer for EventFile {
    fn epoch(&mut self, record: &EpochRecord) -> Result<()> {
        let value = |(tag, value): (&str, f64)| Value { tag: tag.to_owned(), simple_value: Some(value as f32) };
        let summary = Summary { value: scalars(record).into_iter().map(value).collect() };
        let step = record.epoch as i64;
        self.append(Event { wall_time: seconds_now(), step, summary: Some(summary), ..Event::default() })
    }
}

/// The curves and their values; those before a slash share a chart group.
fn scalars(record: &EpochRecord) -> Vec<(&'static str, f64)> {
    let all = [
        ("loss/train", Some(record.train_loss)),
        ("loss/validation", record.validation_loss),
        ("loss/test", record.test_loss),
        ("accuracy/train", Some(record.train_accuracy)),
        ("accuracy/validation", record.validation_accuracy),
        ("accuracy/test", record.test_accuracy),
        ("learning_rate", Some(record.learning_rate)),
        ("samples_per_second", Some(record.samples_per_second)),
    ];
    all.into_iter().filter_map(|(tag, value)| Some((tag, value?))).collect()
}

fn cannot_write(path: &Path, source: io::Error) -> Error {
    let remedy = "choose another place with --out, or leave --tensorboard out";
    Error::Io { action: "write", path: path.to_owned(), source, remedy }
}

/// Those of now, or later than those in the name of any event file in `folder`, whatever the clock says: TensorBoard reads
/// files in the order of their names.
fn seconds_after_others(folder: &Path) -> u64 {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let seconds = names.filter_map(|name| name.to_str()?.strip_prefix(PREFIX)?.split('.').next()?.parse::<u64>().ok());
    seconds.max().map_or(0, |last| last.saturating_add(1)).max(seconds_now() as u64)
}

fn seconds_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// `data` as a TFRecord: its length, the checksum of that, `data`, its checksum.
fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length, &masked_checksum(&length).to_le_bytes()[..], data, &masked_checksum(data).to_le_bytes()].concat()
}

/// The CRC, turned and shifted: files that hold checksums of their own parts would else have weak ones.
fn masked_checksum(data: &[u8]) -> u32 {
    CRC.checksum(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// `tensorboard.Event`.
#[derive(Clone, PartialEq, prost::Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

/// `tensorboard.SessionLog`. With `START`, events of earlier files from its event's step on are void.
#[derive(Clone, PartialEq, prost::Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SessionLog.START`.
const START: i32 = 1;

/// `tensorboard.Summary`.
#[derive(Clone, PartialEq, prost::Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// `tensorboard.Summary.Value`.
#[derive(Clone, PartialEq, prost::Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}
