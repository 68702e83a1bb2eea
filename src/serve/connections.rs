//! Connections: how many, how long, how much each may send.
//!
//! A connection carries one request, so one deadline covers all of it. At the limit the oldest makes room: the page's own
//! requests are answered within milliseconds, so whoever has been there longest only holds a place.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::routes::{Refusal, Site};

/// A quarter of the file descriptors that a process may have open, as systems are set up.
const MOST_CONNECTIONS: usize = 256;
/// Of a request, in bytes.
const LARGEST_BODY: usize = 64 << 10;
/// Of a request's head, in bytes: browsers send one or two thousand.
const LARGEST_HEAD: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// For the head of a request to arrive.
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// For its body.
const BODY_DEADLINE: Duration = Duration::from_secs(5);
/// For all of a connection, the answer included.
const DEADLINE: Duration = Duration::from_secs(15);
/// Before the next try, when the system has no file descriptor left.
const PAUSE: Duration = Duration::from_millis(20);

/// Accepts connections for ever.
pub(super) async fn accept(listener: TcpListener, site: Arc<Site>) {
    let mut open = VecDeque::with_capacity(MOST_CONNECTIONS);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(PAUSE).await;
            continue;
        };
        open.retain(|connection: &tokio::task::JoinHandle<()>| !connection.is_finished());
        if open.len() == MOST_CONNECTIONS {
            open.pop_front().inspect(tokio::task::JoinHandle::abort);
        }
        open.push_back(tokio::spawn(converse(stream, Arc::clone(&site))));
        tokio::task::yield_now().await; // those that are there have their turn before the next comes in
    }
}

async fn converse(stream: TcpStream, site: Arc<Site>) {
    let _ = stream.set_nodelay(true); // an answer is one write, which nothing follows
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(respond(request, &site).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE)
        .keep_alive(false)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_HEAD);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let _ = timeout(DEADLINE, connection).await; // whoever is too slow, or goes away, has nobody to be told
}

async fn respond(request: Request<Incoming>, site: &Site) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    match whole(body).await {
        Ok(body) => site.answer(&head, &body),
        Err(refusal) => refusal.answer(),
    }
}

/// All of a body that is small and quick enough.
async fn whole(body: Incoming) -> Result<Bytes, Refusal> {
    let too_large = || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("expected at most {LARGEST_BODY} bytes"));
    if body.size_hint().lower() > LARGEST_BODY as u64 {
        return Err(too_large()); // announced: none of it is waited for
    }
    match timeout(BODY_DEADLINE, Limited::new(body, LARGEST_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Refusal::new(StatusCode::BAD_REQUEST, error.to_string())),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request did not arrive in time")),
    }
}
