//! `scripts/fetch-data.sh` against a server on loopback, with each of the programs it may download with.
#![cfg(unix)]

#[allow(dead_code)] // shared with tests/setup.rs
mod common;

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use common::{Machine, Outcome};
use sha2::{Digest, Sha256};

/// What a URL answers.
#[derive(Clone)]
enum Answer {
    /// The bytes, from wherever the request asks.
    Ranges(Vec<u8>),
    /// The bytes, always from the first: the request's range is ignored.
    Whole(Vec<u8>),
    /// This many of the bytes at the first request, then a closed connection; afterwards as `Ranges`.
    CutOnce(Vec<u8>, usize),
}

/// One request: its path, the first byte it asked for where it asked for a range, and how many bytes it got.
#[derive(Clone, Debug, PartialEq)]
struct Request {
    path: String,
    from: Option<usize>,
    sent: usize,
}

/// An HTTP server on loopback. Unknown paths are 404.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    fn start(answers: &[(&str, Answer)]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut answers: HashMap<_, _> =
            answers.iter().map(|(path, answer)| (path.to_string(), answer.clone())).collect();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that hangs up early is none of the server's business.
                let _ = answer(&stream.unwrap(), &mut answers, &seen);
            }
        });
        Server { address, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(mut stream: &TcpStream, answers: &mut HashMap<String, Answer>, seen: &Mutex<Vec<Request>>) -> io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut from = None;
    for line in lines {
        let line = line?.to_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
        if line.is_empty() {
            break;
        }
    }
    let (bytes, start, limit) = match answers.get(&path) {
        None => (None, None, 0),
        Some(Answer::Whole(bytes)) => (Some(bytes.clone()), None, bytes.len()),
        Some(Answer::Ranges(bytes)) => (Some(bytes.clone()), from, bytes.len()),
        Some(Answer::CutOnce(bytes, limit)) => (Some(bytes.clone()), from, *limit),
    };
    if let Some(Answer::CutOnce(bytes, _)) = answers.get(&path) {
        let bytes = bytes.clone();
        answers.insert(path.clone(), Answer::Ranges(bytes));
    }
    let (head, body) = match (&bytes, start) {
        (None, _) => ("404 Not Found\r\nContent-Length: 0".to_owned(), &[][..]),
        (Some(bytes), Some(start)) if start >= bytes.len() => (
            format!("416 Range Not Satisfiable\r\nContent-Range: bytes */{}\r\nContent-Length: 0", bytes.len()),
            &[][..],
        ),
        (Some(bytes), start) => {
            let rest = start.unwrap_or(0);
            let status = match start {
                Some(start) => {
                    format!("206 Partial Content\r\nContent-Range: bytes {start}-{}/{}", bytes.len() - 1, bytes.len())
                }
                None => "200 OK".to_owned(),
            };
            let body = &bytes[rest..];
            (format!("{status}\r\nContent-Length: {}", body.len()), &body[..body.len().min(limit)])
        }
    };
    seen.lock().unwrap().push(Request { path, from, sent: body.len() });
    write!(stream, "HTTP/1.1 {head}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(body)
}

fn get(path: &str, from: Option<usize>, sent: usize) -> Request {
    Request { path: path.to_owned(), from, sent }
}

/// A machine with one downloader, a list of sources and an empty data folder.
struct Place {
    machine: Machine,
    downloader: &'static str,
}

impl Place {
    /// `sources`: data set, file name, its right bytes, its URLs.
    fn new(downloader: &'static str, sources: &[(&str, &str, &[u8], Vec<String>)]) -> Place {
        let mut tools = vec!["bash", "dirname", "basename", "wc", "tr", "mkdir", "mv", "rm", "cat", "sync"];
        tools.extend(["sha256sum", "shasum"].into_iter().find(|tool| common::find(tool).is_some())); // macOS has the latter
        let machine = Machine::with_tools(&tools);
        machine.link(downloader, &common::find(downloader).unwrap());
        let lines = sources.iter().map(|(name, file, bytes, urls)| {
            format!("{name}\t{file}\tsha256:{}\t{}\t{}\n", sha256(bytes), bytes.len(), urls.join(" "))
        });
        fs::write(machine.path("sources.tsv"), format!("# a comment\n{}", lines.collect::<String>())).unwrap();
        Place { machine, downloader }
    }

    fn fetch(&self, names: &[&str]) -> Outcome {
        let [sources, data] = ["sources.tsv", "data"].map(|name| self.machine.path(name).display().to_string());
        self.machine.run("fetch-data.sh", &[&["--sources", &sources, "--to", &data], names].concat())
    }

    fn data(&self, name: &str) -> PathBuf {
        self.machine.path("data").join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.data(name).parent().unwrap()).unwrap();
        fs::write(self.data(name), bytes).unwrap();
    }
}

/// Runs a test with curl and with wget, and says so where one is not installed.
fn with_each_downloader(test: impl Fn(&'static str)) {
    for downloader in ["curl", "wget"] {
        if common::find(downloader).is_some() {
            test(downloader);
        } else {
            let _ = writeln!(io::stderr(), "skipped: {downloader} is not installed"); // shown without --nocapture
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that no compression or accident of position leaves equal.
fn content(length: usize) -> Vec<u8> {
    (0..length as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    let mut names: Vec<_> = files.iter().map(|file| file.strip_prefix(folder).unwrap().display().to_string()).collect();
    names.sort();
    names
}

#[test]
fn files_of_every_named_set_arrive_under_their_names() {
    with_each_downloader(|downloader| {
        let (a, b) = (content(70_000), content(300));
        let server = Server::start(&[("/a", Answer::Ranges(a.clone())), ("/b", Answer::Whole(b.clone()))]);
        let sources = [("one", "a.gz", &a[..], vec![server.url("/a")]), ("two", "b.gz", &b, vec![server.url("/b")])];
        let place = Place::new(downloader, &sources);
        let Outcome { code, stderr, .. } = place.fetch(&["all"]);
        assert_eq!(code, 0, "{downloader}: {stderr}");
        assert_eq!(files_below(&place.data("")), ["one/a.gz", "two/b.gz"]);
        assert_eq!(fs::read(place.data("one/a.gz")).unwrap(), a);
        assert_eq!(fs::read(place.data("two/b.gz")).unwrap(), b);
    });
}

#[test]
fn what_is_there_and_whole_is_not_fetched_again() {
    with_each_downloader(|downloader| {
        let a = content(1000);
        let server = Server::start(&[]);
        let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url("/a")])]);
        place.write("one/a.gz", &a);
        let Outcome { code, stdout, .. } = place.fetch(&["one"]);
        assert_eq!(code, 0);
        assert!(stdout.ends_with("one/a.gz: already there and whole\n"), "{stdout}");
        assert_eq!(server.requests(), []);
    });
}

#[test]
fn a_part_is_continued_and_only_the_rest_is_sent() {
    with_each_downloader(|downloader| {
        let a = content(50_000);
        let server = Server::start(&[("/a", Answer::Ranges(a.clone()))]);
        let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url("/a")])]);
        place.write("one/a.gz.part", &a[..20_000]);
        let Outcome { code, stderr, .. } = place.fetch(&["one"]);
        assert_eq!(code, 0, "{downloader}: {stderr}");
        assert_eq!(server.requests(), [get("/a", Some(20_000), 30_000)]);
        assert_eq!(fs::read(place.data("one/a.gz")).unwrap(), a);
        assert_eq!(files_below(&place.data("")), ["one/a.gz"]);
    });
}

#[test]
fn a_part_is_started_over_where_the_server_cannot_continue_it() {
    with_each_downloader(|downloader| {
        let a = content(50_000);
        let server = Server::start(&[("/a", Answer::Whole(a.clone()))]);
        let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url("/a")])]);
        place.write("one/a.gz.part", &a[..20_000]);
        let Outcome { code, stderr, .. } = place.fetch(&["one"]);
        assert_eq!(code, 0, "{downloader}: {stderr}");
        assert_eq!(fs::read(place.data("one/a.gz")).unwrap(), a);
    });
}

#[test]
fn a_bad_part_is_started_over() {
    with_each_downloader(|downloader| {
        let a = content(50_000);
        for bad in [vec![7; 20_000], vec![7; 50_000], vec![7; 60_000]] {
            let server = Server::start(&[("/a", Answer::Ranges(a.clone()))]);
            let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url("/a")])]);
            place.write("one/a.gz.part", &bad);
            let Outcome { code, stderr, .. } = place.fetch(&["one"]);
            assert_eq!(code, 0, "{downloader}: {stderr}");
            assert_eq!(server.requests().last(), Some(&get("/a", None, 50_000)));
            assert_eq!(fs::read(place.data("one/a.gz")).unwrap(), a);
        }
    });
}

#[test]
fn a_part_that_lacks_only_its_name_gets_it() {
    with_each_downloader(|downloader| {
        let a = content(5000);
        let server = Server::start(&[]);
        let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url("/a")])]);
        place.write("one/a.gz.part", &a);
        assert_eq!(place.fetch(&["one"]).code, 0);
        assert_eq!(server.requests(), []);
        assert_eq!(files_below(&place.data("")), ["one/a.gz"]);
    });
}

#[test]
fn an_interrupted_transfer_leaves_a_part_and_the_next_run_goes_on() {
    with_each_downloader(|downloader| {
        let a = content(50_000);
        let server = Server::start(&[("/a", Answer::CutOnce(a.clone(), 30_000))]);
        let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url("/a")])]);
        let Outcome { code, stderr, .. } = place.fetch(&["one"]);
        assert_eq!(code, 1);
        let last = stderr.lines().last().unwrap();
        assert!(last.contains("one/a.gz: no mirror delivered it: expected 50000 bytes, found 30000"), "{last}");
        assert!(last.ends_with("check the connection and run this again"), "{last}");
        assert_eq!(files_below(&place.data("")), ["one/a.gz.part"]);

        assert_eq!(place.fetch(&["one"]).code, 0);
        assert_eq!(server.requests(), [get("/a", None, 30_000), get("/a", Some(30_000), 20_000)]);
        assert_eq!(fs::read(place.data("one/a.gz")).unwrap(), a);
    });
}

#[test]
fn the_next_mirror_goes_on_where_the_first_broke_off() {
    with_each_downloader(|downloader| {
        let a = content(50_000);
        let server = Server::start(&[("/1", Answer::CutOnce(a.clone(), 30_000)), ("/2", Answer::Ranges(a.clone()))]);
        let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url("/1"), server.url("/2")])]);
        assert_eq!(place.fetch(&["one"]).code, 0);
        assert_eq!(server.requests(), [get("/1", None, 30_000), get("/2", Some(30_000), 20_000)]);
        assert_eq!(fs::read(place.data("one/a.gz")).unwrap(), a);
    });
}

#[test]
fn a_wrong_checksum_is_named_and_the_next_mirror_is_tried() {
    with_each_downloader(|downloader| {
        let (a, wrong) = (content(5000), vec![7; 5000]);
        let server = Server::start(&[("/wrong", Answer::Ranges(wrong.clone())), ("/right", Answer::Ranges(a.clone()))]);
        let urls = vec![server.url("/wrong"), server.url("/right")];
        let place = Place::new(downloader, &[("one", "a.gz", &a, urls)]);
        let Outcome { code, stderr, .. } = place.fetch(&["one"]);
        assert_eq!(code, 0);
        let told = format!("checksum: expected sha256:{}, found sha256:{} (5000 bytes)", sha256(&a), sha256(&wrong));
        assert!(stderr.contains(&told), "{stderr}");
        assert_eq!(fs::read(place.data("one/a.gz")).unwrap(), a);
    });
}

#[test]
fn a_wrong_checksum_everywhere_leaves_nothing_behind() {
    with_each_downloader(|downloader| {
        let server = Server::start(&[("/wrong", Answer::Ranges(vec![7; 5000]))]);
        let place = Place::new(downloader, &[("one", "a.gz", &content(5000), vec![server.url("/wrong")])]);
        let Outcome { code, stderr, .. } = place.fetch(&["one"]);
        assert_eq!(code, 1);
        assert!(stderr.lines().last().unwrap().starts_with("fetch-data: error: "), "{stderr}");
        assert_eq!(files_below(&place.data("")), [""; 0]);
    });
}

#[test]
fn a_missing_file_sends_it_to_the_next_mirror_and_keeps_the_part() {
    with_each_downloader(|downloader| {
        let a = content(5000);
        let server = Server::start(&[("/there", Answer::Ranges(a.clone()))]);
        let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url("/gone"), server.url("/there")])]);
        place.write("one/a.gz.part", &a[..2000]);
        let Outcome { code, stderr, .. } = place.fetch(&["one"]);
        assert_eq!(code, 0);
        assert!(stderr.contains("/gone: did not deliver the file"), "{stderr}");
        assert_eq!(server.requests(), [get("/gone", Some(2000), 0), get("/there", Some(2000), 3000)]);
    });
}

#[test]
fn a_file_that_is_not_the_published_one_is_replaced_only_by_the_right_one() {
    with_each_downloader(|downloader| {
        let a = content(5000);
        let server = Server::start(&[("/there", Answer::Ranges(a.clone()))]);
        for (path, code, left) in [("/gone", 1, b"mine".to_vec()), ("/there", 0, a.clone())] {
            let place = Place::new(downloader, &[("one", "a.gz", &a, vec![server.url(path)])]);
            place.write("one/a.gz", b"mine");
            assert_eq!(place.fetch(&["one"]).code, code);
            assert_eq!(fs::read(place.data("one/a.gz")).unwrap(), left, "{}", place.downloader);
        }
    });
}

#[test]
fn wrong_use_is_told_in_one_line() {
    with_each_downloader(|downloader| {
        let place = Place::new(downloader, &[("one", "a.gz", b"a", vec![]), ("two", "b.gz", b"b", vec![])]);
        for (arguments, expected) in [
            (&["one", "fashon"][..], "unknown data set fashon; expected one of: one two, all"),
            (&[], "name a data set: one two, or all"),
            (&["--from", "x"], "unknown option --from; see scripts/fetch-data.sh --help"),
            (&["one", "--to"], "--to needs a value; see scripts/fetch-data.sh --help"),
        ] {
            let Outcome { code, stderr, .. } = place.fetch(arguments);
            assert_eq!((code, stderr), (2, format!("fetch-data: error: {expected}\n")));
        }
        assert_eq!(files_below(&place.data("")), [""; 0]);
    });
}

#[test]
fn a_damaged_list_of_sources_is_refused() {
    with_each_downloader(|downloader| {
        for line in [
            "one\t../a.gz\tsha256:0\t1\thttp://x",
            "one\ta.gz\tmd5:0\t1\thttp://x",
            "one\ta.gz\tsha256:0\tbig\thttp://x",
            "one",
        ] {
            let place = Place::new(downloader, &[]);
            fs::write(place.machine.path("sources.tsv"), line).unwrap();
            let Outcome { code, stderr, .. } = place.fetch(&["one"]);
            assert_eq!(code, 1);
            assert!(stderr.contains("sources.tsv: one: expected name, file, sha256:CHECKSUM, bytes, URLs"), "{stderr}");
            assert_eq!(stderr.lines().count(), 1);
        }
    });
}

#[test]
fn a_folder_that_cannot_be_made_is_one_line() {
    with_each_downloader(|downloader| {
        let place = Place::new(downloader, &[("one", "a.gz", b"a", vec!["http://127.0.0.1:1/".into()])]);
        fs::write(place.machine.path("data"), "a file").unwrap();
        let Outcome { code, stderr, .. } = place.fetch(&["one"]);
        assert_eq!(code, 1);
        assert!(stderr.ends_with("data/one: cannot be created; choose another folder with --to\n"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1);
    });
}

#[test]
fn a_machine_without_a_downloader_is_told_what_to_install() {
    let place = Place::new("true", &[("one", "a.gz", b"a", vec!["http://127.0.0.1:1/".into()])]);
    fs::remove_file(place.machine.path("bin").join(place.downloader)).unwrap();
    let Outcome { code, stderr, .. } = place.fetch(&["one"]);
    let told = "fetch-data: error: neither curl nor wget was found; install one of them and run this again\n";
    assert_eq!((code, stderr.as_str()), (1, told));
}

const EMNIST_SETS: [&str; 6] = ["balanced", "byclass", "bymerge", "digits", "letters", "mnist"];
const EMNIST_PARTS: [&str; 5] = [
    "mapping.txt",
    "test-images-idx3-ubyte.gz",
    "test-labels-idx1-ubyte.gz",
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
];

/// An archive as EMNIST's: `gzip/emnist-SET-PART`, each file holding its own name.
fn emnist_archive(sets: &[&str]) -> Vec<u8> {
    let (mut archive, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
    for set in sets {
        for part in EMNIST_PARTS {
            let name = format!("gzip/emnist-{set}-{part}");
            let mut crc = flate2::Crc::new();
            crc.update(name.as_bytes());
            let length = name.len() as u32; // content and name are the same
            let offset = archive.len() as u32;
            let mut common = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0]; // version, flags, stored, time, date (1980-01-01)
            common.extend([crc.sum(), length, length].map(u32::to_le_bytes).concat());
            common.extend((length as u16).to_le_bytes());
            archive.extend([b"PK\x03\x04", &common[..], &[0, 0], name.as_bytes(), name.as_bytes()].concat());
            directory.extend(
                [b"PK\x01\x02", &[10, 0][..], &common, &[0; 12], &offset.to_le_bytes(), name.as_bytes()].concat(),
            );
            count += 1;
        }
    }
    let mut end = [b"PK\x05\x06", &[0; 4][..]].concat();
    end.extend([count, count].map(u16::to_le_bytes).concat());
    end.extend([directory.len() as u32, archive.len() as u32].map(u32::to_le_bytes).concat());
    end.extend([0, 0]);
    [archive, directory, end].concat()
}

/// A place that fetches EMNIST and unpacks it with `unpacker`.
fn emnist_place(server: &Server, archive: &[u8], unpacker: &str, program: &Path) -> Option<Place> {
    let downloader = ["curl", "wget"].into_iter().find(|name| common::find(name).is_some())?;
    let place = Place::new(downloader, &[("emnist", "emnist.zip", archive, vec![server.url("/emnist")])]);
    place.machine.link(unpacker, program);
    Some(place)
}

/// The unpackers of this machine. Python's own path, as what is on `PATH` may be a script that looks for it.
fn unpackers() -> Vec<(&'static str, PathBuf)> {
    let python = std::process::Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let python = python.ok().and_then(|output| String::from_utf8(output.stdout).ok());
    let python = python.map(|path| ("python3", PathBuf::from(path.trim())));
    common::find("unzip").map(|path| ("unzip", path)).into_iter().chain(python).collect()
}

#[test]
fn emnist_is_unpacked_into_a_folder_a_set() {
    for (unpacker, program) in unpackers() {
        let archive = emnist_archive(&EMNIST_SETS);
        let server = Server::start(&[("/emnist", Answer::Ranges(archive.clone()))]);
        let Some(place) = emnist_place(&server, &archive, unpacker, &program) else { return };
        let Outcome { code, stderr, .. } = place.fetch(&["emnist"]);
        assert_eq!(code, 0, "{unpacker}: {stderr}");
        let files: Vec<_> = EMNIST_SETS
            .iter()
            .flat_map(|set| {
                let parts = EMNIST_PARTS.map(|part| format!("emnist-{set}/emnist-{set}-{part}"));
                [format!("emnist-{set}/SHA256SUMS")].into_iter().chain(parts)
            })
            .collect();
        assert_eq!(files_below(&place.data("")), files);
        let name = "emnist-letters-train-labels-idx1-ubyte.gz";
        assert_eq!(fs::read_to_string(place.data("emnist-letters").join(name)).unwrap(), format!("gzip/{name}"));

        let Outcome { code, stdout, .. } = place.fetch(&["emnist"]);
        assert!(code == 0 && stdout.ends_with("emnist-*: already there and whole\n"), "{stdout}");
        assert_eq!(server.requests().len(), 1);

        // A damaged file is noticed, and the archive fetched again.
        place.write(&format!("emnist-letters/{name}"), b"damaged");
        assert_eq!(place.fetch(&["emnist"]).code, 0);
        assert_eq!(fs::read_to_string(place.data("emnist-letters").join(name)).unwrap(), format!("gzip/{name}"));
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn an_archive_without_one_of_the_sets_is_refused() {
    for (unpacker, program) in unpackers() {
        let archive = emnist_archive(&EMNIST_SETS[..4]);
        let server = Server::start(&[("/emnist", Answer::Ranges(archive.clone()))]);
        let Some(place) = emnist_place(&server, &archive, unpacker, &program) else { return };
        let Outcome { code, stderr, .. } = place.fetch(&["emnist"]);
        assert_eq!(code, 1);
        assert!(stderr.contains("emnist.zip: holds no gzip/emnist-letters-*, which was expected"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1);
    }
}

#[test]
fn the_list_of_sources_is_well_formed() {
    let list = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/datasets.tsv")).unwrap();
    let rows: Vec<Vec<&str>> =
        list.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    for row in &rows {
        let [_, file, checksum, bytes, urls] = row[..] else { panic!("{row:?}") };
        let digest = checksum.strip_prefix("sha256:").unwrap();
        assert!(digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')), "{file}");
        assert!(bytes.parse::<u64>().is_ok_and(|bytes| bytes > 0), "{file}");
        assert!(urls.split(' ').count() >= 2 && urls.split(' ').all(|url| url.starts_with("http")), "{file}");
    }
    let of = |name| rows.iter().filter(|row| row[0] == name).count();
    assert_eq!(["mnist", "fashion-mnist", "kmnist", "emnist"].map(of), [4, 4, 4, 1]);
}
