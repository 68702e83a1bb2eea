//! A local page: draw a digit, see what the network sees and thinks of it; collect a test set of one's own; watch a training.
//! The only code that knows HTTP.
//!
//! What a request may do is what `routes` lists; its path is compared with that list and goes nowhere else. Before that,
//! `gate` turns away what does not come from the page itself, and `connections` what is too large, too slow or too much.

mod collection;
mod connections;
mod gate;
mod onlooker;
mod recogniser;
mod routes;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{self, Runtime};

use crate::error::{Error, Problem, Result};
use crate::threads::with_one_blas_thread;
use gate::Gate;
use routes::Site;

/// Where the page is when nothing else is said: 28 x 28.
pub const DEFAULT_PORT: u16 = 2828;
/// Connections that wait to be accepted while others are.
const BACKLOG: u32 = 1024;

/// What the page is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The model file. It need not be there yet: the page waits for it.
    pub model: PathBuf,
    /// The folder of the run whose curves are shown, if any.
    pub run: Option<PathBuf>,
    /// The folder that collected drawings go to, made when the first is saved.
    pub collection: PathBuf,
}

/// Where the page is to be had.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// An address or a name of this machine; the loopback interface alone if `None`. Given one, others may come, and need
    /// the token that is in the address of the page.
    pub host: Option<String>,
    /// None: [`DEFAULT_PORT`], or any that is free.
    pub port: Option<u16>,
}

/// A page that is ready to be served.
#[derive(Debug)]
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    url: String,
    site: Arc<Site>,
}

impl Server {
    /// Reads the model, if it is there, and listens.
    ///
    /// # Errors
    /// [`Error::Model`] if the model cannot be used, [`Error::Settings`] if the place cannot be had, [`Error::Io`] if the
    /// system has no random number or no event queue for us.
    pub fn bind(subject: Subject, place: &Place) -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| system("start an event loop", source))?;
        let listener = listen(&runtime, place)?;
        let address = listener.local_addr().map_err(|source| system("ask for the port", source))?;
        let gate = match &place.host {
            None => Gate::local(address.port()),
            Some(host) => Gate::open(address.port(), host, token()?),
        };
        let host = match &place.host {
            Some(host) if !address.ip().is_unspecified() && host.parse::<IpAddr>().is_err() => host.clone(),
            _ => written(reachable(address.ip())),
        };
        let url = format!("http://{host}:{}{}/", address.port(), gate.prefix());
        let site = Site::new(subject, gate);
        site.recogniser()?;
        Ok(Self { runtime, listener, url, site: Arc::new(site) })
    }

    /// The address of the page, with its token if it needs one.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Serves until the process is asked to end (SIGINT, SIGTERM). What was being written by then is whole.
    ///
    /// # Errors
    /// [`Error::Io`] if the system does not tell us of signals.
    pub fn run(self) -> Result<()> {
        let Self { runtime, listener, site, .. } = self;
        // One image at a time: products that no second thread is worth.
        with_one_blas_thread(|| {
            runtime.block_on(async {
                tokio::select! {
                    ended = end() => ended.map_err(|source| system("wait for signals", source)),
                    () = connections::accept(listener, site) => Ok(()),
                }
            })
        })
    }
}

#[cfg(unix)]
async fn end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

fn listen(runtime: &Runtime, place: &Place) -> Result<TcpListener> {
    let ip = place.host.as_deref().map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), resolve)?;
    let at = |port| bind(runtime, SocketAddr::new(ip, port));
    let listener = match place.port {
        Some(port) => at(port),
        None => at(DEFAULT_PORT).or_else(|_| at(0)),
    };
    listener.map_err(|error| {
        let wanted = SocketAddr::new(ip, place.port.unwrap_or(DEFAULT_PORT));
        let option = if place.port.is_some() { "--port" } else { "--host" };
        problem(option, "a free port of this machine", format!("{wanted}: {error}"), "choose another, or leave it out")
    })
}

fn bind(runtime: &Runtime, address: SocketAddr) -> std::io::Result<TcpListener> {
    let _context = runtime.enter();
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if cfg!(unix) {
        socket.set_reuseaddr(true)?; // a server that was stopped may start again at once; elsewhere it means another thing
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn resolve(host: &str) -> Result<IpAddr> {
    let addresses = (host, 0).to_socket_addrs();
    let found = addresses.map(|mut addresses| addresses.next().map(|address| address.ip()));
    let expected = "an address or a name of this machine";
    let remedy = "0.0.0.0 stands for all its addresses; leave the option out to keep the page to this machine";
    match found {
        Ok(Some(ip)) => Ok(ip),
        Ok(None) => Err(problem("--host", expected, crate::error::shown(host), remedy)),
        Err(error) => Err(problem("--host", expected, format!("{}: {error}", crate::error::shown(host)), remedy)),
    }
}

/// An address that a browser can go to: of all addresses, the one this machine has in its network. Nothing is sent for it.
fn reachable(ip: IpAddr) -> IpAddr {
    if !ip.is_unspecified() {
        return ip;
    }
    // RFC 5737 keeps this network for documentation: the system says from which address it would send there.
    let outward = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).and_then(|socket| {
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    });
    outward.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |address| address.ip())
}

/// As it stands in a URL.
fn written(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// 128 random bits, as text.
fn token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| system("draw a token", error.into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn system(action: &'static str, source: std::io::Error) -> Error {
    Error::Io { action, path: PathBuf::from("gemmnist serve"), source, remedy: "see what the system lacks" }
}

fn problem(option: &str, expected: &str, found: String, remedy: &str) -> Error {
    let (place, expected, remedy) = (option.to_owned(), expected.to_owned(), Some(remedy.to_owned()));
    Error::Settings(vec![Problem { place, expected, found, remedy }])
}
