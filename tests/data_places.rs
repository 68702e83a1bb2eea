//! Where data sets are looked for, by the command itself, as its environment has it.

mod data_support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use data_support::*;

/// The command in an empty folder, with no places but the project's own data folder.
struct Shell {
    here: Folder,
    own: Folder,
    user: Folder,
}

impl Shell {
    fn new() -> Self {
        Self { here: Folder::empty(), own: Folder::empty(), user: Folder::empty() }
    }

    fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_gemmnist"))
            .args(args)
            .current_dir(self.here.path())
            .env("GEMMNIST_DATA", self.own.path())
            .env("XDG_DATA_HOME", self.user.path())
            .env("HOME", self.user.path())
            .output()
            .unwrap()
    }

    /// The class counts of a data set's training images, after `data verify`.
    fn verify(&self, name: &str) -> serde_json::Value {
        let output = self.run(&["data", "verify", "--json", name]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let last = text(&output.stdout).lines().last().map(str::to_owned).unwrap();
        serde_json::from_str::<serde_json::Value>(&last).unwrap()["train"].clone()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Puts a data set with `count` training images of class 0, and one of class 1, into `folder`.
fn put_set(folder: &Path, count: u8) {
    fs::create_dir_all(folder).unwrap();
    let train = [vec![0; count.into()], vec![1]].concat();
    fs::write(folder.join("a"), images(u32::from(count) + 1)).unwrap();
    fs::write(folder.join("b"), labels(&train)).unwrap();
    fs::write(folder.join("c"), images(1)).unwrap();
    fs::write(folder.join("d"), labels(&[0])).unwrap();
}

#[test]
fn a_name_is_looked_for_in_the_documented_order() {
    let shell = Shell::new();
    assert_eq!(shell.verify("mnist")[0], 5923, "the project's own");
    put_set(&shell.user.file("gemmnist/data/small"), 1);
    assert_eq!(shell.verify("small")[0], 1, "the user's");
    put_set(&shell.here.file("data/small"), 2);
    assert_eq!(shell.verify("small")[0], 2, "./data before the user's");
    put_set(&shell.own.file("small"), 3);
    assert_eq!(shell.verify("small")[0], 3, "$GEMMNIST_DATA before ./data");
    put_set(&shell.here.file("small"), 4);
    assert_eq!(shell.verify("small")[0], 4, "a folder of that path before all");
}

#[test]
fn a_folder_of_the_same_name_without_data_hides_nothing() {
    let shell = Shell::new();
    fs::create_dir_all(shell.here.file("mnist/src")).unwrap();
    fs::create_dir_all(shell.own.file("mnist")).unwrap();
    assert_eq!(shell.verify("mnist")[0], 5923);
    fs::create_dir_all(shell.here.file("only")).unwrap();
    let output = shell.run(&["data", "verify", "only"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).starts_with("gemmnist: only: data set: expected"), "{}", text(&output.stderr));
}

#[test]
fn a_damaged_data_set_does_not_give_way_to_another_of_its_name() {
    let shell = Shell::new();
    put_set(&shell.own.file("mnist"), 3);
    fs::write(shell.own.file("mnist/b"), labels(&[0])).unwrap();
    let output = shell.run(&["data", "verify", "mnist"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
}

#[test]
fn a_typing_mistake_gets_the_nearest_name() {
    let shell = Shell::new();
    put_set(&shell.own.file("fashion-mnist"), 3);
    for typed in ["fashion-mnits", "Fashion-MNIST", "fashionmnist"] {
        let output = shell.run(&["data", "verify", typed]);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{err}");
        assert!(err.starts_with(&format!("gemmnist: {typed}: no such data set")), "{err}");
        assert!(err.contains("did you mean fashion-mnist?") && err.lines().count() == 1, "{err}");
    }
    let err = text(&shell.run(&["data", "verify", "xyzzy"]).stderr);
    assert!(!err.contains("did you mean"), "{err}");
}

#[test]
fn a_list_tells_usable_hidden_and_unusable_sets_apart() {
    let shell = Shell::new();
    put_set(&shell.own.file("small"), 3);
    put_set(&shell.here.file("data/small"), 2);
    put_set(&shell.here.file("data/torn"), 2);
    fs::write(shell.here.file("data/torn/b"), labels(&[0, 1])).unwrap();
    fs::create_dir_all(shell.here.file("data/empty")).unwrap();
    let output = shell.run(&["data", "list", "--json"]);
    assert!(output.status.success());
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["small", "small", "torn", "mnist"]);
    assert_eq!((&lines[0]["train"], &lines[0]["classes"]), (&4.into(), &2.into()));
    assert!(lines[0]["hidden_by"].is_null());
    assert_eq!(lines[1]["hidden_by"], shell.own.file("small").to_str().unwrap());
    assert!(lines[2]["error"].as_str().unwrap().contains("number of labels"));
    assert_eq!(lines[3]["train"], 60000);
    let table = text(&shell.run(&["data", "list"]).stdout);
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.contains("60,000") && table.contains("unusable"), "{table}");
}

#[test]
fn odd_names_are_refused_without_harm() {
    let shell = Shell::new();
    for name in ["", ".", "..", "/", "a/b", "mnist/../nowhere", "\n", "\u{1b}[31m"] {
        let output = shell.run(&["data", "verify", name]);
        let err = text(&output.stderr);
        assert_eq!((output.status.code(), err.lines().count()), (Some(3), 1), "{name:?}: {err}");
    }
}

#[cfg(unix)]
#[test]
fn a_name_that_is_not_text_is_refused_without_harm() {
    use std::os::unix::ffi::OsStrExt;
    let output = Command::new(env!("CARGO_BIN_EXE_gemmnist"))
        .args(["data".as_ref(), "verify".as_ref(), std::ffi::OsStr::from_bytes(b"\xff\xfe")])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
}
