//! A small client.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// The body of an answer on this host; the error is why there is none.
pub fn get(port: u16, path: &str, accept: &str) -> Result<String, String> {
    let text = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(text)?;
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).map_err(text)?;
    // The older version, for an answer in one piece.
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\nAccept: {accept}\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    match head.split(' ').nth(1) {
        Some("200") => Ok(body.to_owned()),
        _ => Err(answer),
    }
}

/// A text as a part of a query.
pub fn quoted(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
