//! Nothing but `gemmnist serve` asks the system for a socket.
#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/digits-7x7");

/// Runs `gemmnist` with `args` in `folder`. Returns what came out, and whether it asked for a socket.
fn gemmnist(folder: &Path, args: &str) -> (Output, bool) {
    let note = folder.join("note");
    let mut command = Command::new(env!("CARGO_BIN_EXE_gemmnist"));
    command.args(args.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    command.env("LD_PRELOAD", folder.join("socket.so")).env("SOCKET_NOTE", &note);
    let output = command.output().unwrap();
    (output, std::fs::remove_file(note).is_ok())
}

#[test]
fn no_command_but_serve_asks_for_a_socket() {
    let place = tempfile::tempdir().unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/no_network/socket.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(place.path().join("socket.so")).arg(source);
    let Ok(made) = compiler.output() else {
        return eprintln!("skipped: without a C compiler nobody can stand between a process and its sockets");
    };
    assert!(made.status.success(), "{made:?}");
    std::fs::write(
        place.path().join("small.toml"),
        format!(
            "title = 'Small'\nsource = 'a test'\nsettings = {{ data = '{DIGITS}', epochs = 1 }}\n\
             claims = [{{ measure = 'parameters', at-least = 1, because = 'so' }}]\n"
        ),
    )
    .unwrap();
    for args in [
        &format!("train --data {DIGITS} --epochs 1 --tensorboard --name run"),
        "train --resume run --epochs 2",
        "reproduce small.toml",
        "compare runs/run runs/run",
        "inspect runs/run",
        "export runs/run",
        &format!("eval runs/run --data {DIGITS}"),
        &format!("data verify {DIGITS}"),
        &format!("data convert {DIGITS} --to npz --out digits.npz"),
        "data list",
        &format!("lr-find --data {DIGITS}"),
    ] {
        let (output, asked) = gemmnist(place.path(), args);
        assert!(output.status.success(), "{args}: {output:?}");
        assert!(!asked, "{args} asked for a socket");
    }
    if cfg!(feature = "serve") {
        let (output, asked) = gemmnist(place.path(), "serve runs/run");
        assert!(!output.status.success() && asked, "or nobody stood between: {output:?}");
    }
}
