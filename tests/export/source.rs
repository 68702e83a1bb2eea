//! Exported source text, compiled and run: C by `cc` where it is installed, Rust by the compiler that built this.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{CLASSES, Case, PIXELS, assert_same, cases};
use gemmnist::export::{Format, Takes};

/// Single precision and another order of sums; the networks are small.
const TOLERANCE: f64 = 1e-6;

/// `HEAD` and `USE` stand for what `export` prints to be pasted.
const C_PROGRAM: &str = r#"
HEAD
#include <stdio.h>
int main(void)
{
    unsigned char pixels[MY_NET_INPUTS];
    for (int k = 0; k < MY_NET_CLASSES; k++) {
        fprintf(stderr, "%s\n", my_net_class_names[k]);
    }
    while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {
        USE
        printf("%d", label);
        for (int k = 0; k < MY_NET_CLASSES; k++) {
            printf(" %.9g", (double)probabilities[k]);
        }
        printf("\n");
    }
    return 0;
}
"#;

const RUST_PROGRAM: &str = r#"
use std::io::Read;
HEAD
fn main() {
    my_net::CLASS_NAMES.iter().for_each(|name| eprintln!("{name}"));
    let mut pixels = [0; my_net::WIDTH * my_net::HEIGHT];
    while std::io::stdin().read_exact(&mut pixels).is_ok() {
        USE
        let p: Vec<_> = probabilities.iter().map(|p| format!("{p:e}")).collect();
        println!("{label} {}", p.join(" "));
    }
}
"#;

/// A program with what is printed for the file `name` pasted into it.
fn paste(program: &str, case: &Case, format: Format, name: &str) -> String {
    let usage = case.portable().usage(format, Takes::Bytes, name);
    let (head, lines) = usage.split_once("\n\n").unwrap();
    program.replace("HEAD", head).replace("USE", lines)
}

fn succeed(command: &mut Command) {
    let ran = command.output().unwrap();
    let said = [ran.stdout, ran.stderr].concat();
    assert!(ran.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// What the program makes of the images, one a line.
fn answers(case: &Case, program: &Path) -> (Vec<Vec<f64>>, Vec<usize>) {
    let mut command = Command::new(program);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&case.images.images()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().collect::<Vec<_>>(), case.description.class_names);
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let mut words = line.split(' ');
        let label = words.next().unwrap().parse::<usize>().unwrap();
        (words.map(|word| word.parse().unwrap()).collect::<Vec<f64>>(), label)
    };
    text.lines().map(line).unzip()
}

#[test]
fn a_c_compiler_takes_the_header_without_a_warning_and_its_answers_are_ours() {
    if Command::new("cc").arg("--version").output().is_err() {
        eprintln!("skipped: cc is not installed");
        return;
    }
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let header = case.portable().file(Format::C, Takes::Bytes, "my net.h");
        fs::write(folder.path().join("my net.h"), header).unwrap();
        fs::write(folder.path().join("main.c"), paste(C_PROGRAM, &case, Format::C, "my net.h")).unwrap();
        let strict = "-std=c99 -O1 -Wall -Wextra -pedantic -Wconversion -Werror main.c -o main -lm";
        succeed(Command::new("cc").args(strict.split(' ')).current_dir(folder.path()));
        assert_same(&case, answers(&case, &folder.path().join("main")), TOLERANCE);
    }
}

#[test]
fn a_rust_compiler_takes_the_module_without_std_or_a_warning_and_its_answers_are_ours() {
    for case in cases() {
        let folder = tempfile::tempdir().unwrap();
        let module = case.portable().file(Format::Rust, Takes::Bytes, "my net.rs");
        fs::write(folder.path().join("my net.rs"), module).unwrap();
        fs::write(folder.path().join("main.rs"), paste(RUST_PROGRAM, &case, Format::Rust, "my net.rs")).unwrap();
        fs::write(folder.path().join("bare.rs"), "#![no_std]\n#[path = \"my net.rs\"]\npub mod net;\n").unwrap();
        let rustc = |args: &str| {
            let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
            succeed(Command::new(rustc).args(args.split(' ')).current_dir(folder.path()));
        };
        rustc("--edition=2018 -Dwarnings --crate-type=lib --emit=metadata bare.rs");
        rustc("--edition=2024 -Dwarnings main.rs -o main");
        assert_same(&case, answers(&case, &folder.path().join("main")), TOLERANCE);
    }
}

#[test]
fn a_number_of_inputs_and_classes_is_written_beside_the_weights() {
    let case = &cases()[0];
    let c = String::from_utf8(case.portable().file(Format::C, Takes::Bytes, "net.h")).unwrap();
    let rust = String::from_utf8(case.portable().file(Format::Rust, Takes::Bytes, "net.rs")).unwrap();
    assert!(c.contains(&format!("#define NET_INPUTS {PIXELS}\n#define NET_CLASSES {CLASSES}\n")), "{c}");
    assert!(rust.contains(&format!("pub const INPUTS: usize = {PIXELS};")), "{rust}");
    let stack = 4 * (6 + 5); // bytes: the inputs and the hidden layer; the logits are 3 more floats
    assert!(c.contains(&format!("and {} bytes of stack", stack + 4 * 3)), "{c}");
}
