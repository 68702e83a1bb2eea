//! Who may ask: the page itself, loaded from this server, and nobody else.
//!
//! A page from elsewhere that a browser shows can send requests here, too. It cannot choose three headers: `Host` names the
//! address it was loaded from or aims at, so a name that was made to point here (DNS rebinding) shows; `Origin` and
//! `Sec-Fetch-Site` tell where the request comes from. On a network, the address holds a token besides.

use std::net::{Ipv4Addr, Ipv6Addr};

use hyper::header::{HOST, HeaderMap, HeaderName, ORIGIN};
use hyper::http::request::Parts;

/// What a request must have to get in.
#[derive(Debug)]
pub(super) struct Gate {
    port: u16,
    access: Access,
}

#[derive(Debug)]
enum Access {
    /// From this machine, under a name of the loopback interface.
    Local,
    /// From the network, to whoever knows the token: under any address, or under the name that was given.
    Open { name: String, token: String },
}

/// Why a request is turned away.
pub(super) type Reason = &'static str;

const NOT_HERE: Reason = "this address is not served: open the one that gemmnist serve has printed";
const NOT_FROM_HERE: Reason = "only the page itself may ask: open the address that gemmnist serve has printed";
const NO_TOKEN: Reason = "the token is missing: open the whole address that gemmnist serve has printed";

impl Gate {
    /// For this machine alone.
    pub fn local(port: u16) -> Self {
        Self { port, access: Access::Local }
    }

    /// For the network.
    pub fn open(port: u16, name: &str, token: String) -> Self {
        Self { port, access: Access::Open { name: name.to_owned(), token } }
    }

    /// What every path begins with: nothing, or `/TOKEN`.
    pub fn prefix(&self) -> String {
        match &self.access {
            Access::Local => String::new(),
            Access::Open { token, .. } => format!("/{token}"),
        }
    }

    /// The path that is asked for, without the token.
    ///
    /// # Errors
    /// The reason to turn the request away.
    pub fn admit<'a>(&self, head: &'a Parts) -> Result<&'a str, Reason> {
        let host = only(&head.headers, HOST).flatten().filter(|host| self.is_served(host)).ok_or(NOT_HERE)?;
        if head.uri.authority().is_some() {
            return Err(NOT_HERE); // we are no proxy
        }
        let same_origin = match only(&head.headers, ORIGIN).ok_or(NOT_FROM_HERE)? {
            Some(origin) => origin.strip_prefix("http://").is_some_and(|from| from.eq_ignore_ascii_case(host)),
            None => true, // a navigation, or no browser
        };
        let site = only(&head.headers, HeaderName::from_static("sec-fetch-site")).ok_or(NOT_FROM_HERE)?;
        if !same_origin || !site.is_none_or(|site| ["same-origin", "none"].contains(&site)) {
            return Err(NOT_FROM_HERE);
        }
        let path = head.uri.path();
        match &self.access {
            Access::Local => Ok(path),
            Access::Open { token, .. } => within(path, token).ok_or(NO_TOKEN),
        }
    }

    /// Whether a `Host` is one that this server goes by.
    fn is_served(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port),
            _ => (host, "80"),
        };
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let named = match &self.access {
            Access::Local => is("localhost") || is("127.0.0.1") || is("[::1]"),
            Access::Open { name: given, .. } => is("localhost") || is(given) || is_address(name),
        };
        named && port == self.port.to_string()
    }
}

/// The value of a header that may be there once: `None` if it is there more often or is no text, `Some(None)` if it is not.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<Option<&str>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(value), None) => value.to_str().ok().map(Some),
        _ => None,
    }
}

/// An address, not a name: no name server has a say in where it leads.
fn is_address(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    v6.map_or_else(|| host.parse::<Ipv4Addr>().is_ok(), |host| host.parse::<Ipv6Addr>().is_ok())
}

/// `path` below `/token`. The comparison takes as long for a wrong token as for the right one.
fn within<'a>(path: &'a str, token: &str) -> Option<&'a str> {
    let (given, rest) = path.strip_prefix('/')?.split_at_checked(token.len())?;
    let differences = given.bytes().zip(token.bytes()).fold(0, |differences, (a, b)| differences | (a ^ b));
    (differences == 0 && rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::Request;

    fn head(path: &str, headers: &[(&str, &str)]) -> Parts {
        let request =
            headers.iter().fold(Request::builder().uri(path), |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn admits(gate: &Gate, path: &str, headers: &[(&str, &str)]) -> bool {
        gate.admit(&head(path, headers)).is_ok()
    }

    #[test]
    fn the_page_itself_gets_in_under_every_name_of_the_loopback_interface() {
        let gate = Gate::local(2828);
        for host in ["127.0.0.1:2828", "localhost:2828", "LocalHost:2828", "[::1]:2828"] {
            assert!(admits(&gate, "/", &[("host", host)]), "{host}");
            let origin = format!("http://{host}");
            let own = [("host", host), ("origin", &origin), ("sec-fetch-site", "same-origin")];
            assert!(admits(&gate, "/", &own), "{host}");
        }
        assert!(admits(&gate, "/", &[("host", "localhost:2828"), ("sec-fetch-site", "none")]), "typed");
        assert!(admits(&Gate::local(80), "/", &[("host", "localhost")]), "the port that goes without saying");
    }

    #[test]
    fn a_host_that_leads_here_by_a_name_of_its_own_is_turned_away() {
        let gate = Gate::local(2828);
        let rebound = [
            "evil.example:2828",
            "evil.example",
            "localhost",
            "localhost:80",
            "localhost:28280",
            "localhost.:2828",
            "localhost:2828.evil.example",
            "127.0.0.1.evil.example:2828",
            "127.0.0.2:2828",
            "0.0.0.0:2828",
            "192.168.0.7:2828",
            "user@localhost:2828",
            "localhost:2828:2828",
            "[::1]",
            "[::1]evil:2828",
            "",
            ":2828",
        ];
        for host in rebound {
            assert_eq!(gate.admit(&head("/", &[("host", host)])), Err(NOT_HERE), "{host}");
        }
        assert_eq!(gate.admit(&head("/", &[])), Err(NOT_HERE), "no Host");
        let two = [("host", "localhost:2828"), ("host", "evil.example:2828")];
        assert_eq!(gate.admit(&head("/", &two)), Err(NOT_HERE), "two Hosts");
        let proxied = head("http://localhost:2828/", &[("host", "localhost:2828")]);
        assert_eq!(gate.admit(&proxied), Err(NOT_HERE), "as a proxy");
    }

    #[test]
    fn what_comes_from_another_site_is_turned_away() {
        let gate = Gate::local(2828);
        let host = ("host", "localhost:2828");
        let origins = [
            "http://evil.example",
            "http://localhost",
            "http://localhost:2829",
            "https://localhost:2828",
            "http://127.0.0.1:2828",
            "http://localhost:2828.evil.example",
            "null",
            "",
        ];
        for origin in origins {
            assert_eq!(gate.admit(&head("/", &[host, ("origin", origin)])), Err(NOT_FROM_HERE), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            assert_eq!(gate.admit(&head("/", &[host, ("sec-fetch-site", site)])), Err(NOT_FROM_HERE), "{site}");
        }
        let two = [host, ("origin", "http://localhost:2828"), ("origin", "http://evil.example")];
        assert_eq!(gate.admit(&head("/", &two)), Err(NOT_FROM_HERE), "two Origins");
    }

    #[test]
    fn on_a_network_the_token_is_needed_and_no_foreign_name_will_do() {
        let gate = Gate::open(2828, "desk.local", "0123456789abcdef".to_owned());
        let path = |path: &'static str| head(path, &[("host", "192.168.0.7:2828")]);
        assert_eq!(gate.admit(&path("/0123456789abcdef/")), Ok("/"));
        assert_eq!(gate.admit(&path("/0123456789abcdef/predict")), Ok("/predict"));
        for without in
            ["/", "/predict", "/0123456789abcde0/", "/0123456789abcdef", "/0123456789abcdef0/", "//0123456789abcdef/"]
        {
            assert_eq!(gate.admit(&path(without)), Err(NO_TOKEN), "{without}");
        }
        for host in ["desk.local:2828", "localhost:2828", "[fe80::1]:2828"] {
            assert!(admits(&gate, "/0123456789abcdef/", &[("host", host)]), "{host}");
        }
        for host in ["evil.example:2828", "192.168.0.7.evil.example:2828", "[evil]:2828", "192.168.0.7:2829"] {
            assert!(!admits(&gate, "/0123456789abcdef/", &[("host", host)]), "{host}");
        }
    }
}
