//! The guide, as a person follows it: every command in it is run, in order, on smaller images; the files that it tells of
//! are there after the commands above them, and what it shows as printed is printed, other numbers aside.

use std::fs;
use std::path::Path;
#[cfg(feature = "serve")]
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::Stdio,
};

use crate::place::{Place, square};

const GUIDE: &str = include_str!("../../docs/guide.md");
const README: &str = include_str!("../../README.md");
/// The commands that bring `gemmnist` onto a machine: the test has it already.
const SET_UP: [&str; 2] = ["scripts/setup.sh", "cargo install --locked --path ."];
/// The pictures whose bytes are the same on every machine, by the commands above them.
const SAME_EVERYWHERE: [&str; 2] = ["samples.svg", "network.svg"];

/// A piece of the guide, in order.
#[derive(Debug, PartialEq)]
enum Piece<'g> {
    Commands(Vec<&'g str>),
    Printed(Vec<&'g str>),
    Prose(&'g str),
}

/// Text between fences by what is said after them, and paragraphs between those.
fn pieces(guide: &str) -> Vec<Piece<'_>> {
    let parts = guide.split("\n```").enumerate();
    let piece = |(i, part)| match (i % 2, part) {
        (0, prose) => Piece::Prose(prose),
        (_, block) => match block.split_once('\n').expect("a line after a fence") {
            ("sh", lines) => Piece::Commands(lines.lines().collect()),
            ("text", lines) => Piece::Printed(lines.lines().collect()),
            _ => Piece::Prose(""), // shown, and neither typed nor printed
        },
    };
    parts.map(piece).collect()
}

/// What is said to be a file or a folder: code that ends as one does.
fn files(prose: &str) -> impl Iterator<Item = &str> {
    const ENDINGS: [&str; 8] = [".svg", ".html", ".safetensors", ".toml", ".jsonl", ".onnx", ".h", ".csv"];
    let code = prose.split('`').skip(1).step_by(2);
    let is_whole = |code: &&str| !code.starts_with('.') && !code.contains(' ');
    code.filter(is_whole).filter(|code| code.ends_with('/') || ENDINGS.iter().any(|ending| code.ends_with(ending)))
}

/// A line with every number as `#`, its columns one space apart, and no mark of the best.
fn without_numbers(line: &str) -> String {
    let mut text = String::new();
    for c in line.chars() {
        match c {
            '0'..='9' if text.ends_with('#') => {}
            ',' | '.' if text.ends_with('#') => {}
            '0'..='9' => text.push('#'),
            c => text.push(c),
        }
    }
    let words: Vec<_> = text.trim_end_matches(" *").split_whitespace().collect();
    words.join(" ")
}

/// What a person who follows the guide brings along.
fn put_own_pictures(place: &Place) {
    place.put("digit.png", &square(255)); // known by its first bytes, as all pictures
    place.put("leaf.png", &square(255));
    for class in 0..10 {
        place.put(&format!("my-digits/{class}/1.png"), &square(255));
    }
    for (class, ink) in [("oak", 255), ("birch", 99)] {
        for split in ["train", "test"] {
            (1..4).for_each(|i| place.put(&format!("leaves/{split}/{class}/{i}.png"), &square(ink - i)));
        }
    }
}

#[test]
fn every_command_of_the_guide_works_and_leaves_and_prints_what_the_guide_says() {
    let place = Place::with_digits();
    put_own_pictures(&place);
    let (mut run, mut found, mut shown) = (0, 0, 0);
    let mut printed = Vec::new();
    for piece in pieces(GUIDE) {
        match piece {
            Piece::Commands(lines) => {
                let lines = lines.into_iter().filter(|line| !SET_UP.contains(line));
                printed = lines.map(|line| follow(&place, line)).inspect(|_| run += 1).collect();
            }
            Piece::Printed(lines) => {
                let printed: Vec<_> = printed.iter().flat_map(|text| text.lines()).map(without_numbers).collect();
                for line in lines.into_iter().filter(|line| !line.is_empty() && line.trim() != "...") {
                    let line = without_numbers(line);
                    assert!(printed.contains(&line), "{line}\n{printed:#?}");
                    shown += 1;
                }
            }
            Piece::Prose(prose) => {
                for file in files(prose) {
                    assert!(place.path(file).exists(), "{file}");
                    found += 1;
                }
            }
        }
    }
    assert!(run >= 28 && found >= 20 && shown >= 8, "{run} commands, {found} files, {shown} lines");
}

/// What a command prints; it succeeds, and asks for nothing.
fn follow(place: &Place, line: &str) -> String {
    if line.starts_with("gemmnist serve") {
        return visit(place, line);
    }
    let output = place.command(line).stdin(std::process::Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Opens the page whose address is printed, then ends the command.
#[cfg(feature = "serve")]
fn visit(place: &Place, line: &str) -> String {
    let mut child = place.command(&format!("exec {line}")).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let page = lines.into_iter().find(|line| line.starts_with("page ")).expect("the address of the page");
    let (host, path) = page.split_once("http://").unwrap().1.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("<canvas"), "{line}: {answer}");
    page
}

#[cfg(not(feature = "serve"))]
fn visit(_: &Place, _: &str) -> String {
    String::new() // not in this build
}

#[test]
fn the_guide_sets_up_as_the_readme_does() {
    let Some(Piece::Commands(first)) = pieces(GUIDE).into_iter().find(|piece| matches!(piece, Piece::Commands(_)))
    else {
        panic!("no command")
    };
    assert_eq!(first, SET_UP);
    for line in SET_UP {
        assert!(README.lines().any(|other| other.split("  ").next() == Some(line)), "{line}");
    }
}

#[test]
fn the_pictures_of_the_guide_and_the_readme_are_there_and_those_that_do_not_depend_on_the_machine_are_what_is_drawn() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let linked = |page: &str, folder: &Path| -> Vec<_> {
        page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).map(|link| folder.join(link)).collect()
    };
    let links = [linked(GUIDE, &docs), linked(README, docs.parent().unwrap())].concat();
    let kept: Vec<_> = fs::read_dir(docs.join("pictures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(kept.len() >= SAME_EVERYWHERE.len());
    for picture in &kept {
        assert!(links.contains(picture), "{}: nobody links to it", picture.display());
        assert!(fs::metadata(picture).unwrap().len() < 200_000, "{}: too large", picture.display());
    }
    for link in links.iter().filter(|link| link.extension().is_some_and(|ending| ending == "svg")) {
        assert!(kept.contains(link), "{}: it is not there", link.display());
    }

    let place = Place::new();
    let data = docs.parent().unwrap().join("data");
    for line in
        ["gemmnist data samples --per-class 5 --out samples.svg", "gemmnist inspect bp-relu-128 --svg network.svg"]
    {
        let output = place.command(line).env("GEMMNIST_DATA", &data).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for name in SAME_EVERYWHERE {
        let drawn = fs::read_to_string(docs.join("pictures").join(name)).unwrap();
        assert!(place.read(name) == drawn, "{name}: draw it again, by the command of the guide");
    }
}
