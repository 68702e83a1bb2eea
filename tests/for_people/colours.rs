//! Colours: where somebody watches and has not asked for none, and nowhere else.

use std::process::Command;

use crate::place::Place;

/// Begins every change of colour.
const ESCAPE: char = '\x1b';

/// What a command prints and says.
fn prints(command: &mut Command) -> [String; 2] {
    let output = command.output().unwrap();
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn a_pipe_has_no_colours_unless_they_are_asked_for() {
    let place = Place::new();
    let line = "gemmnist train --epochs 2 --name run --out $OUT; gemmnist eval run; gemmnist help eval; gemmnist predict x.png";
    let with = |variables: &[(&str, &str)], out: &str| {
        let mut command = place.command(line);
        prints(command.env("OUT", out).envs(variables.iter().copied()))
    };
    let plain = with(&[], "a");
    assert!(!plain.concat().contains(ESCAPE), "{plain:?}");
    assert!(plain[0].contains("Test accuracy") && plain[0].contains("Usage:"), "{plain:?}");
    let none = with(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], "b");
    assert!(!none.concat().contains(ESCAPE), "{none:?}");

    let [out, err] = with(&[("CLICOLOR_FORCE", "1")], "c");
    for part in ["\x1b[32m *\x1b[0m\n", "\x1b[1mTest accuracy ", "\x1b[1m\x1b[4mUsage:\x1b[0m"] {
        assert!(out.contains(part), "{part:?}\n{out:?}");
    }
    assert!(err.starts_with("\x1b[1m\x1b[31mgemmnist:\x1b[0m "), "{err:?}");
}

/// Runs a command on a terminal of its own, by `script` of util-linux: what the terminal gets. None where there is none.
fn on_a_terminal(place: &Place, line: &str, variables: &[(&str, &str)]) -> Option<String> {
    let mut command = place.command(&format!("script -qec '{line}' /dev/null < /dev/null"));
    let output = command.env("TERM", "xterm").envs(variables.iter().copied()).output().unwrap();
    if !output.status.success() {
        eprintln!("skipped: script is not installed: {}", String::from_utf8_lossy(&output.stderr));
        return None;
    }
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_terminal_has_colours_and_one_that_is_dumb_or_told_so_has_none() {
    let place = Place::new();
    let line = "gemmnist lr-find"; // has no bar
    let Some(seen) = on_a_terminal(&place, line, &[]) else { return };
    assert!(seen.contains("Suggested: \x1b[1m--lr "), "{seen:?}");
    for variable in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
        let seen = on_a_terminal(&place, line, &[variable]).unwrap();
        assert!(seen.contains("Suggested: --lr ") && !seen.contains(ESCAPE), "{variable:?}: {seen:?}");
    }
}
