//! Event files, read as TensorBoard reads them: frames of TFRecord, checksums, protobuf.

use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::protobuf::Message;
use gemmnist::cli::Terminal;
use gemmnist::tensorboard::EventFile;
use gemmnist::train::{Checkpoint, EpochRecord, Observer};

fn record(epoch: usize, validation: Option<f64>) -> EpochRecord {
    EpochRecord {
        epoch,
        step: 600 * epoch as u64,
        learning_rate: 0.1,
        train_loss: 0.5 / epoch as f64,
        train_accuracy: 0.75,
        validation_loss: validation,
        validation_accuracy: validation.map(|loss| 1.0 - loss),
        test_loss: Some(0.0625),
        test_accuracy: Some(0.9375),
        train_seconds: 1.5,
        eval_seconds: 0.5,
        samples_per_second: 40_000.0,
    }
}

/// The file of a training of these epochs.
fn file(records: &[EpochRecord]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut events = EventFile::create(folder.path()).unwrap();
    records.iter().for_each(|record| events.epoch(record).unwrap());
    let entries: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [path] = &entries[..] else { panic!("{entries:?}") };
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("events.out.tfevents."), "TensorBoard looks for it: {name}");
    fs::read(path).unwrap()
}

/// CRC-32C bit by bit, then masked as `tensorflow/core/lib/hash/crc32c.h` has it.
fn masked_crc(data: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
    let crc = !data.iter().fold(!0, |crc: u32, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)));
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn frames(mut file: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((length, rest)) = file.split_first_chunk::<8>() {
        let (length_crc, rest) = rest.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_le_bytes(*length_crc), masked_crc(length));
        let (data, rest) = rest.split_at(u64::from_le_bytes(*length) as usize);
        let (crc, rest) = rest.split_first_chunk::<4>().unwrap();
        assert_eq!(u32::from_le_bytes(*crc), masked_crc(data));
        frames.push(data);
        file = rest;
    }
    assert!(file.is_empty(), "{} bytes more", file.len());
    frames
}

fn scalars<'b>(event: &Message<'b>) -> Vec<(&'b str, f32)> {
    event.message(5).messages(1).iter().map(|value| (value.text(1), value.float(2).unwrap())).collect()
}

#[test]
fn the_checksum_is_the_one_of_the_published_example() {
    // RFC 3720, B.4: 32 bytes of zeros have the CRC-32C 0x8a9136aa.
    let crc = 0x8a91_36aa_u32;
    assert_eq!(masked_crc(&[0; 32]), crc.rotate_right(15).wrapping_add(0xa282_ead8));
}

#[test]
fn a_file_begins_with_its_version_and_has_a_record_an_epoch() {
    let file = file(&[record(1, Some(0.25)), record(2, Some(0.125))]);
    let events: Vec<_> = frames(&file).into_iter().map(Message::new).collect();
    assert_eq!(events.len(), 3);
    assert_eq!((events[0].text(3), events[0].messages(5).len()), ("brain.Event:2", 0));
    let steps: Vec<_> = events[1..].iter().map(|event| event.whole_number(2)).collect();
    assert_eq!(steps, [Some(1), Some(2)]);
    let times: Vec<_> = events.iter().map(|event| event.double(1).unwrap()).collect();
    assert!(times.is_sorted() && times[0] > 1.7e9, "seconds since 1970: {times:?}");
}

#[test]
fn every_figure_of_an_epoch_is_a_scalar_and_what_there_is_not_is_none() {
    let file = file(&[record(1, Some(0.25)), record(2, None)]);
    let events: Vec<_> = frames(&file).into_iter().map(Message::new).collect();
    let first = [
        ("loss/train", 0.5),
        ("loss/validation", 0.25),
        ("loss/test", 0.0625),
        ("accuracy/train", 0.75),
        ("accuracy/validation", 0.75),
        ("accuracy/test", 0.9375),
        ("learning_rate", 0.1),
        ("samples_per_second", 40_000.0),
    ];
    assert_eq!(scalars(&events[1]), first);
    let tags: Vec<_> = scalars(&events[2]).into_iter().map(|(tag, _)| tag).collect();
    let expected = first.iter().map(|(tag, _)| *tag).filter(|tag| !tag.ends_with("validation"));
    assert_eq!(tags, expected.collect::<Vec<_>>());
}

/// The epochs that TensorBoard shows of the run in `folder`: it reads files in the order of their names, and where a session
/// begins (`SessionLog.START`) it forgets what it has of that step and later ones.
fn shown(folder: &Path) -> Vec<u64> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_ours = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("events.out.tfevents.");
    let mut files: Vec<_> = entries.filter(is_ours).collect();
    files.sort();
    let mut steps = Vec::new();
    for file in files {
        let file = fs::read(file).unwrap();
        for event in frames(&file).into_iter().map(Message::new) {
            let step = event.whole_number(2).unwrap_or(0);
            match (event.messages(7).first(), event.messages(5).first()) {
                (Some(session), _) if session.whole_number(1) == Some(1) => steps.retain(|shown| *shown < step),
                (None, Some(_)) => steps.push(step),
                _ => {}
            }
        }
    }
    steps
}

/// Made within one second, and by one process.
#[test]
fn epochs_that_are_learnt_again_are_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = |mut events: EventFile, epochs: RangeInclusive<usize>| {
        epochs.for_each(|epoch| events.epoch(&record(epoch, None)).unwrap());
    };
    log(EventFile::create(folder.path()).unwrap(), 1..=6);
    log(EventFile::go_on(folder.path(), 5).unwrap(), 5..=12);
    log(EventFile::go_on(folder.path(), 11).unwrap(), 11..=13);
    assert_eq!(shown(folder.path()), (1..=13).collect::<Vec<_>>());
}

#[test]
fn a_file_is_named_after_those_that_are_there_whatever_the_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let of_the_future = "events.out.tfevents.9999999998.another.1";
    fs::write(folder.path().join(of_the_future), "").unwrap();
    EventFile::create(folder.path()).unwrap();
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.starts_with("events.out.tfevents.9999999999.gemmnist.")));
}

#[test]
fn a_training_that_goes_on_from_an_earlier_checkpoint_shows_each_epoch_once() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().display().to_string();
    let gemmnist = |args: &str| {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let line = format!("gemmnist train --quiet --tensorboard --out {runs} {args}");
        let code = gemmnist::cli::run(line.split_whitespace().map(Into::into), &mut out, &mut err, Terminal::NONE);
        assert_eq!(code, 0, "{}", String::from_utf8_lossy(&err));
    };
    let digits = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/digits-7x7");
    gemmnist(&format!("--data {digits} --name run --batch 100 --epochs 5 --checkpoint-every 7"));
    let run = folder.path().join("run");
    fs::remove_file(run.join("checkpoint.safetensors")).unwrap(); // on from the one before: some epochs come again
    let again = Checkpoint::read(&run.join("checkpoint.previous.safetensors")).unwrap().position().epoch;
    assert!(again <= 5, "or none comes again");
    gemmnist("--resume run --epochs 7");
    assert_eq!(shown(&run), (1..=7).collect::<Vec<_>>());
}
