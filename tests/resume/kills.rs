//! Trainings that are killed, at any moment, and again while they go on.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use gemmnist::seed::{Purpose, Seed};

use crate::support::{Place, succeed};

const SGD: &str = "--schedule cosine --warmup 100 --l2 1e-4";
const ADAM: &str = "--optimizer adam --dropout 0.3 --input-dropout 0.1 --validation 60 --patience 4 --schedule plateau \
                    --schedule-every 1";
/// Some thousand short steps.
const SHORT: &str = "--epochs 12 --checkpoint-every 150";
/// Steps that two threads share.
const SHARED: &str = "--hidden 256 --batch 40 --threads 2 --epochs 24 --checkpoint-every 15";
/// Steps that are taken four at once, of which checkpoints fall into the middle.
const AT_ONCE: &str = "--hidden 128 --batch 7 --threads 2 --epochs 24 --checkpoint-every 15";

/// Kills trainings at moments drawn from a seed, each again and again until it is over, until there were 50 kills, or as many as
/// `GEMMNIST_KILLS` says.
///
/// The moments are spread over the time that an undisturbed run takes on this machine; whatever moment it really was, the
/// outcome has to be the same.
fn kill_again_and_again(settings: &str) {
    let kills = std::env::var("GEMMNIST_KILLS").map_or(50, |kills| kills.parse().expect("GEMMNIST_KILLS: a number"));
    let place = Place::new();
    let started = Instant::now();
    succeed(place.train("whole", settings));
    let longest = started.elapsed().as_micros() as u32;
    let mut moments = Seed(1).stream(Purpose::Shuffle, 1);
    let (mut killed, mut run) = (0, 0);
    while killed < kills {
        run += 1;
        let name = format!("cut-{run}");
        loop {
            let has_begun = place.run(&name).join("config.toml").exists();
            if !has_begun && place.run(&name).exists() {
                fs::remove_dir_all(place.run(&name)).unwrap(); // nothing was learnt, and so a new run says
            }
            let mut command = if has_begun { place.resume(&name, "") } else { place.train(&name, settings) };
            let mut child = command.spawn().unwrap();
            sleep(Duration::from_micros(moments.below(longest).into()));
            child.kill().unwrap();
            let Output { status, stderr, .. } = child.wait_with_output().unwrap();
            if status.success() {
                break;
            }
            let stderr = String::from_utf8(stderr).unwrap();
            assert_eq!(status.signal(), Some(9), "kill {killed} of run {run}: {stderr}");
            killed += 1;
        }
        place.assert_same(&name, "whole", &format!("run {run}, after {killed} kills"));
    }
}

#[test]
fn sgd_that_is_killed_again_and_again_learns_the_same() {
    kill_again_and_again(&format!("{SGD} {SHORT}"));
}

#[test]
fn sgd_on_two_threads_that_is_killed_again_and_again_learns_the_same() {
    kill_again_and_again(&format!("{SGD} {SHARED}"));
}

#[test]
fn sgd_that_takes_several_steps_at_once_and_is_killed_again_and_again_learns_the_same() {
    kill_again_and_again(&format!("{SGD} {AT_ONCE}"));
}

#[test]
fn adam_with_dropout_that_is_killed_again_and_again_learns_the_same() {
    kill_again_and_again(&format!("{ADAM} {SHORT}"));
}

#[test]
fn adam_with_dropout_on_two_threads_that_is_killed_again_and_again_learns_the_same() {
    kill_again_and_again(&format!("{ADAM} {SHARED}"));
}
