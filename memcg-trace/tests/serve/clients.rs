//! Clients that mean no good.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use super::*;

/// Memory that answers may need beyond that before, in a build without optimisation.
const GROWTH_KIB: u64 = 24 << 10;

#[test]
fn requests_that_are_none_are_turned_down() {
    let server = Server::start(&recording("turned", host(), &demo()), &[]);
    for (request, expected) in [
        (
            "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
            405,
        ),
        ("GET /etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        ("nonsense\r\n\r\n", 400),
        ("GET /metrics HTTP/9.9\r\n\r\n", 400),
    ] {
        assert_eq!(server.ask(request).0, expected, "{request:?}");
    }
    let long = "x".repeat(64 << 10);
    let many: String = (0..200).map(|at| format!("H{at}: x\r\n")).collect();
    for headers in [format!("Long: {long}\r\n"), many] {
        let mut stream = server.connect();
        // The server may close before it has read all.
        let _ = write!(stream, "GET /metrics HTTP/1.1\r\n{headers}\r\n");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    let (status, head, body) = server.ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    assert_eq!(server.get("/healthz").0, 200);
}

#[test]
fn thousands_of_broken_requests_leave_no_trace() {
    let server = Server::start(&recording("broken", host(), &demo()), &[]);
    metrics(&server);
    records(&server, "frame");
    let before = server.resident_kib();
    for round in 0..10_000_u32 {
        let mut stream = server.connect();
        let bytes = round
            .to_le_bytes()
            .repeat(usize::try_from(round % 300).unwrap());
        let _ = match round % 5 {
            0 => stream.write_all(&bytes),
            1 => write!(stream, "GET /{round} HTTP/1.1\r\nHost"),
            2 => write!(stream, "GET \u{7f}\r\n\r\n"),
            // More than a request may have, in one header.
            3 if round % 100 == 3 => {
                stream.write_all(&[b"GET / HTTP/1.1\r\nLong: ", &[b'x'; 40 << 10][..]].concat())
            }
            3 => write!(stream, "GET / HTTP/1.1\r\n: no name\r\n\r\n"),
            _ => write!(stream, "GET /snapshot.json HTTP/1.1\r\nHost: x\r\n\r\n"),
        };
        // Closed at once, whatever is on its way.
    }
    metrics(&server);
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB, "{grown} KiB");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn a_thousand_idle_clients_keep_nobody_out() {
    let server = Server::start(&recording("idle", host(), &demo()), &[]);
    metrics(&server);
    let before = server.resident_kib();
    let mut idle: Vec<TcpStream> = Vec::new();
    for round in 0..10 {
        for at in 0..100 {
            let mut stream = server.connect();
            // Some have begun to ask, some will never read the answer.
            let _ = match at % 3 {
                0 => Ok(()),
                1 => stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: "),
                _ => stream.write_all(b"GET /snapshot.json HTTP/1.1\r\nHost: x\r\n\r\n"),
            };
            idle.push(stream);
        }
        // A byte now and then keeps a slow one alive elsewhere.
        for stream in &mut idle {
            let _ = stream.write_all(b"x");
        }
        let metrics = metrics(&server);
        assert!(metrics.sum("memcg_trace_zombies") > 0.0, "round {round}");
    }
    let closed = metrics(&server).value("memcg_trace_connections_closed_total", &[]);
    assert!(closed > Some(500.0), "{closed:?}");
    let grown = server.resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB, "{grown} KiB");
    assert_eq!(server.end(), Some(0));
}
