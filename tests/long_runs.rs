//! A process that trains again and again, as a search over settings does, grows in nothing.
#![cfg(target_os = "linux")]

use std::fs;

use gemmnist::cli::{Terminal, run};

/// Of the trainings, the part before the first look: by then whatever is made once is made, and the allocator has what it keeps.
const FIRST_PART: usize = 5;
/// In bytes, however many trainings there are: the allocator keeps some pages that it may need again.
const MOST_MEMORY: usize = 2 << 20;
/// A pool of threads ends a moment after the training that had it.
const MOST_THREADS: usize = 4;

/// What a process has of the system.
#[derive(Debug)]
struct Usage {
    memory: usize,
    threads: usize,
    descriptors: usize,
}

impl Usage {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let number = |key: &str| -> usize {
            let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
        Self { memory: number("RssAnon:") << 10, threads: number("Threads:"), descriptors }
    }
}

/// A run folder with all that `gemmnist train` leaves, made and removed. Settings take turns.
fn train(number: usize) {
    // In memory, where the system has a place for it: it is not the disk that is measured.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let settings =
        ["--optimizer sgd", "--optimizer adam --dropout 0.2 --validation 20", "--hidden 16,16 --schedule cosine"];
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/digits-7x7");
    let threads = 1 + number / settings.len() % 2;
    let line = format!(
        "gemmnist train --data {data} --epochs 1 --batch 50 --threads {threads} --tensorboard {} --out {}",
        settings[number % settings.len()],
        folder.path().display()
    );
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(line.split_whitespace().map(Into::into), &mut out, &mut err, Terminal::NONE);
    assert_eq!((code, String::from_utf8(err).unwrap()), (0, String::new()), "training {number}");
}

/// 300 trainings, or as many as `GEMMNIST_TRAININGS` says.
#[test]
fn trainings_in_one_process_leave_no_memory_descriptor_or_thread_behind() {
    let trainings =
        std::env::var("GEMMNIST_TRAININGS").map_or(300, |n| n.parse().expect("GEMMNIST_TRAININGS: a number"));
    let first = trainings / FIRST_PART;
    (0..first).for_each(train);
    let before = Usage::now();
    (first..trainings).for_each(train);
    let after = Usage::now();
    println!("after {first} trainings {before:?}, after {trainings} {after:?}");
    assert_eq!(after.descriptors, before.descriptors);
    assert!(after.threads <= before.threads + MOST_THREADS, "{before:?} {after:?}");
    assert!(after.memory <= before.memory + MOST_MEMORY, "{before:?} {after:?}");
}
