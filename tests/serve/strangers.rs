//! What does not come from the page: other sites, wrong, hostile, slow and too many requests.

use std::fs;
use std::io::{ErrorKind, Read, Write};

use crate::support::{Answer, Served, drawing, place};

/// Connections that are open at once, and one more than that.
const TOO_MANY: usize = 257;

#[test]
fn no_request_of_another_site_or_of_a_rebound_name_is_accepted() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let port = served.host().split(':').nth(1).unwrap();
    let strangers = [
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: evil.example:{port}\r\nOrigin: http://evil.example:{port}\r\nSec-Fetch-Site: same-origin\r\n"),
        format!("Host: 127.0.0.1.evil.example:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        String::new(),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: http://localhost:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nOrigin: null\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nSec-Fetch-Site: cross-site\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nSec-Fetch-Site: same-site\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"),
    ];
    let requests = [
        "GET /",
        "GET /main.js",
        "GET /network",
        "GET /run?after=0",
        "POST /predict",
        "POST /save?class=3",
        "OPTIONS /save?class=3",
    ];
    let kind = "Content-Type: application/octet-stream\r\n";
    let body = drawing();
    for headers in &strangers {
        for request in requests {
            let posted = if request.starts_with("POST") { &body[..] } else { &[] };
            let head = format!("{request} HTTP/1.1\r\n{headers}{kind}Content-Length: {}\r\n\r\n", posted.len());
            let answer = served.send(&[head.as_bytes(), posted].concat()).unwrap();
            assert_eq!(answer.status, 403, "{request}\n{headers}");
            assert!(!answer.head.contains("access-control"), "no other site may read anything");
        }
    }
    assert!(!folder.path().join("my-digits").exists(), "nothing was saved");
    let own = served.posting(
        "/save?class=3",
        &format!("Origin: http://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n"),
        &body,
    );
    assert_eq!(served.send(&own).unwrap().status, 200, "the page itself may");
}

#[test]
fn requests_that_are_wrong_are_refused_by_saying_what_was_expected() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let host = served.host();
    let form = format!(
        "POST /save?class=3 HTTP/1.1\r\nHost: {host}\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
    );
    let delete = format!("DELETE /save HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let cases = [
        (served.post("/predict", b"short"), 400, "expected 112 x 112 bytes, a pixel each, found 5"),
        (served.post("/save?class=10", &drawing()), 400, "expected class=0 to 9"),
        (served.post("/save?class=../../etc", &drawing()), 400, "expected class=0 to 9"),
        (served.post("/save", &drawing()), 400, "expected class=0 to 9"),
        (served.post("/take-back?class=3&number=1", &[]), 409, "this server has saved no such drawing"),
        (served.get("/weights?units=16"), 400, "expected units=A,B,..."),
        (served.get("/run?after=x"), 404, "--watch"),
        (served.get("/predict"), 405, "only POST"),
        (served.post("/", &[]), 405, "only GET"),
        (served.send(delete.as_bytes()).unwrap(), 405, "only POST"),
        (served.send(form.as_bytes()).unwrap(), 415, "application/octet-stream"),
        (served.get("/nothing"), 404, "go to /"),
    ];
    for (answer, status, reason) in cases {
        assert_eq!((answer.status, answer.text().contains(reason)), (status, true), "{}", answer.text());
    }
    assert!(!folder.path().join("my-digits").exists(), "nothing was saved");
}

#[test]
fn a_body_that_is_too_large_is_not_read_to_its_end() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let host = served.host();
    let announced = format!(
        "POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\nContent-Length: 99999999999\r\n\r\n"
    );
    assert_eq!(served.send(announced.as_bytes()).unwrap().status, 413, "before any of it has come");
    let chunked = format!(
        "POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let chunk = [b"10000\r\n".as_slice(), &[0; 0x10000], b"\r\n"].concat();
    let endless = [chunked.as_bytes(), &chunk.repeat(2)].concat();
    let answer = served.send(&endless); // lost where the system throws it away with what was not read
    assert!(answer.is_none_or(|answer| answer.status == 413));
    assert_eq!(served.get("/network").status, 200);
}

#[test]
fn malformed_requests_get_nothing_and_the_server_goes_on() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let host = format!("Host: {}\r\n", served.host());
    let with = |headers: &str| format!("GET / HTTP/1.1\r\n{host}{headers}\r\n").into_bytes();
    let long = "x".repeat(20_000);
    let many: String = (0..100).map(|i| format!("X-{i}: y\r\n")).collect();
    let malformed = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"\0\0\0\0\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        format!("GET / HTTP/9.9\r\n{host}\r\n").into_bytes(),
        format!("GET /{long} HTTP/1.1\r\n{host}\r\n").into_bytes(),
        format!("GET http://evil.example/ HTTP/1.1\r\n{host}\r\n").into_bytes(),
        format!("CONNECT evil.example:80 HTTP/1.1\r\n{host}\r\n").into_bytes(),
        with(&format!("X: {long}\r\n")),
        with(&many),
        with("Content-Length: -1\r\n"),
        with("Content-Length: 5\r\nContent-Length: 6\r\n"),
        with("Content-Length: 18446744073709551617\r\n"),
        with("Name without colon\r\n"),
        with("X: a\0b\r\n"),
        with("Transfer-Encoding: gzip\r\n"),
        format!("GET /network HTTP/1.1\r\n{host}Origin: \u{e9}\r\n\r\n").into_bytes(),
    ];
    for request in malformed {
        let status = served.send(&request).map(|answer| answer.status);
        let shown = String::from_utf8_lossy(&request[..request.len().min(80)]).into_owned();
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{status:?} for {shown}");
    }
    // What came with a request after its end is no second request.
    let two = [with(""), with("")].concat();
    let answer = served.send(&two).unwrap();
    assert!(answer.status == 200 && answer.head.contains("connection: close") && !answer.text().contains("HTTP/1.1"));
    assert_eq!(served.get("/network").status, 200);
}

#[test]
fn no_path_leads_to_a_file() {
    let folder = place();
    fs::write(folder.path().join("secret.txt"), "secret").unwrap();
    let served = Served::start(folder.path(), &[]);
    let paths = [
        "/secret.txt",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "//etc/passwd",
        "/etc/passwd",
        "/style.css/../secret.txt",
        "/./",
        "/index.html",
        "/style.css%00",
        "/runs/001/model.safetensors",
        "/page/main.js",
        "/C:/secret.txt",
        "/..\\secret.txt",
    ];
    for path in paths {
        let answer = served.get(path);
        assert!((400..500).contains(&answer.status) && !answer.text().contains("secret"), "{path}: {}", answer.status);
    }
}

#[test]
fn silent_connections_make_room_for_those_that_ask() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let mut silent: Vec<_> = (0..2 * TOO_MANY).map(|_| served.connect()).collect();
    silent.iter_mut().for_each(|stream| stream.write_all(b"GET / HT").unwrap_or_default());
    assert_eq!(served.post("/predict", &drawing()).status, 200);
    let mut is_open = |i: usize| {
        silent[i].set_nonblocking(true).unwrap();
        silent[i].read(&mut [0]).is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    assert!(is_open(2 * TOO_MANY - 1), "the newest still have their time");
    let oldest_still_open = (0..TOO_MANY).filter(|&i| is_open(i)).count();
    assert_eq!(oldest_still_open, 0, "the oldest went");
}

#[test]
fn whoever_is_too_slow_is_hung_up_on() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let mut heads = [served.connect(), served.connect()];
    heads[1].write_all(format!("GET / HTTP/1.1\r\nHost: {}\r\nX: y", served.host()).as_bytes()).unwrap();
    let mut body = served.connect();
    body.write_all(&served.posting("/predict", "", &drawing())[..1000]).unwrap();
    for mut head in heads {
        assert!(Answer::read(&mut head).is_none_or(|answer| answer.status == 408));
    }
    assert_eq!(Answer::read(&mut body).unwrap().status, 408);
}

#[test]
fn many_who_ask_at_once_all_get_their_answer() {
    let folder = place();
    let served = Served::start(folder.path(), &[]);
    let expected = served.post("/predict", &drawing()).body;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..25).for_each(|_| assert_eq!(served.post("/predict", &drawing()).body, expected)));
        }
    });
}

#[test]
fn others_on_the_network_need_the_token_in_the_address() {
    let folder = place();
    let served = Served::start(folder.path(), &["--host", "127.0.0.1"]);
    let path = served.url.strip_prefix("http://").unwrap().split_once('/').unwrap().1.to_owned();
    assert_eq!(path.len(), 33, "128 bits and a slash: {path}");
    assert_eq!(served.get(&format!("/{path}")).status, 200);
    assert_eq!(served.get(&format!("/{path}network")).status, 200);
    for without in ["/", "/network", &format!("/{}/network", "0".repeat(32))] {
        assert_eq!(served.get(without).status, 403, "{without}");
    }
    let again = Served::start(folder.path(), &["--host", "127.0.0.1"]);
    assert!(!again.url.ends_with(&path), "each time another");
}
