//! The examples that help opens with.

use std::ffi::OsString;
use std::process::Output;

use crate::place::{Place, square};
use gemmnist::cli::{Terminal, run};

fn help(args: &[&str]) -> String {
    let args = ["gemmnist"].iter().chain(args).chain(&["--help"]).map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    assert_eq!(run(args, &mut out, &mut err, Terminal::NONE), 0, "{}", String::from_utf8_lossy(&err));
    String::from_utf8(out).unwrap()
}

/// The commands in a help, by name.
fn commands(args: &[&str]) -> Vec<String> {
    let help = help(args);
    let Some((_, list)) = help.split_once("Commands:\n") else { return Vec::new() };
    let list = list.split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// What is in place of the program's name, its commands, and theirs.
fn all_commands() -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for command in commands(&[]) {
        let under = commands(&[&command]).into_iter().map(|name| vec![command.clone(), name]);
        all.extend(std::iter::once(vec![command.clone()]).chain(under));
    }
    all
}

#[test]
fn help_of_every_command_opens_with_examples_and_they_work() {
    let place = Place::new();
    place.put("digit.png", &square(255)); // known by its first bytes, as all pictures
    for class in 0..3 {
        for folder in ["my-digits", "my-data/train", "my-data/test"] {
            place.put(&format!("{folder}/{class}/a.pgm"), &square(255));
            place.put(&format!("{folder}/{class}/b.pgm"), &square(250));
        }
    }
    place.put("mine.toml", b"title = 'mine'\nsource = 'me'\n[settings]\nhidden = [4]\nepochs = 1\n");
    place.prints("gemmnist train --hidden 4");
    let mut run = 0;
    for command in all_commands() {
        let help = help(&command.iter().map(String::as_str).collect::<Vec<_>>());
        let command = command.join(" ");
        let (head, rest) = help.split_once("\nExamples:\n").unwrap_or_else(|| panic!("{command} has no examples"));
        assert!(head.lines().count() <= 4 && rest.contains("\nUsage: "), "examples come first: {help}");
        assert!(
            rest.lines().any(|line| line.contains(&format!("  gemmnist {command}"))),
            "of {command} itself: {rest}"
        );
        if command == "serve" {
            continue; // does not end; the guide's is asked for its page
        }
        for line in rest.lines().take_while(|line| line.starts_with("  ")) {
            let line = line.trim().split("   ").next().unwrap();
            // The published systems want thousands of images: here their names and options are looked at.
            let line = if command == "reproduce" { format!("{line} --list") } else { line.to_owned() };
            let line = line.replace("--list --list", "--list");
            let Output { status, stderr, .. } = place.shell(&line);
            assert!(status.success(), "{line}: {}", String::from_utf8_lossy(&stderr));
            run += 1;
        }
    }
    assert!(run > 40, "{run} examples");
}
