//! Answers to requests.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::published::Published;
use crate::output::metrics::Format;

type Answer = Response<Full<Bytes>>;

const PATHS: &str = "memcg-trace: /metrics /snapshot.json /healthz /readyz\n";

/// The answer to a request; its body is not read.
pub(super) fn answer<B>(request: &Request<B>, published: &Published) -> Answer {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        let allowed = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allowed);
        return answer;
    }
    match request.uri().path() {
        "/metrics" => {
            let format = format(request);
            of(
                StatusCode::OK,
                format.content_type(),
                published.metrics(format).into(),
            )
        }
        "/snapshot.json" => match published.json() {
            Some(records) => of(StatusCode::OK, "application/json", records),
            None => not_ready(),
        },
        "/healthz" => match published.stale() {
            None => plain(StatusCode::OK, "ok\n"),
            Some(age) => {
                let why = format!("no snapshot for {} s\n", age.as_secs());
                of(StatusCode::SERVICE_UNAVAILABLE, TEXT, why.into())
            }
        },
        "/readyz" if published.is_ready() => plain(StatusCode::OK, "ok\n"),
        "/readyz" => not_ready(),
        "/" => plain(StatusCode::OK, PATHS),
        _ => plain(StatusCode::NOT_FOUND, PATHS),
    }
}

/// OpenMetrics for those who ask for it, such as Prometheus; else what all can read.
fn format<B>(request: &Request<B>) -> Format {
    let accepted = request.headers().get_all(ACCEPT);
    let mut accepted = accepted
        .iter()
        .filter_map(|accepted| accepted.to_str().ok());
    match accepted.any(|one| one.contains("application/openmetrics-text")) {
        true => Format::OpenMetrics,
        false => Format::Prometheus,
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn not_ready() -> Answer {
    plain(StatusCode::SERVICE_UNAVAILABLE, "no snapshot yet\n")
}

fn plain(status: StatusCode, text: &'static str) -> Answer {
    of(status, TEXT, Bytes::from_static(text.as_bytes()))
}

fn of(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
