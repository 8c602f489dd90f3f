//! Connections: few at a time, each for a short time, with a small request.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::answers;
use super::listener::Listener;
use super::published::Published;

/// Most connections at a time. One more takes the place of the oldest, which had the most time to
/// be done: so those that do nothing cannot keep others out.
const MOST: usize = 32;
/// Longest time of a connection, all of it.
const LONGEST: Duration = Duration::from_secs(10);
/// Longest time until a request is there.
const LONGEST_REQUEST: Duration = Duration::from_secs(5);
/// Most bytes of a request's line and headers.
const LARGEST_REQUEST: usize = 16 << 10;
/// Most headers of a request.
const MOST_HEADERS: usize = 64;
/// Pause after an accept that failed, such as without a free descriptor.
const AFTER_ERROR: Duration = Duration::from_millis(100);

/// Answers requests from now on, in a thread of its own.
pub(super) fn answer(listener: Listener, published: Arc<Published>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot answer requests")?;
    std::thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                let connections = Connections {
                    open: VecDeque::new(),
                    published,
                };
                // Registering a socket fails only without memory, or at the end of the program.
                let _ = match listener {
                    Listener::Tcp(tcp) => match TcpListener::from_std(tcp) {
                        Ok(tcp) => connections.accept(async || Ok(tcp.accept().await?.0)).await,
                        Err(error) => Err(error),
                    },
                    Listener::Unix(unix, _) => match UnixListener::from_std(unix) {
                        Ok(unix) => {
                            connections
                                .accept(async || Ok(unix.accept().await?.0))
                                .await
                        }
                        Err(error) => Err(error),
                    },
                };
            });
        })
        .context("cannot answer requests")?;
    Ok(())
}

struct Connections {
    /// The oldest first.
    open: VecDeque<JoinHandle<()>>,
    published: Arc<Published>,
}

impl Connections {
    async fn accept<S>(mut self, next: impl AsyncFn() -> std::io::Result<S>) -> std::io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        loop {
            match next().await {
                Ok(stream) => self.add(stream),
                Err(_) => tokio::time::sleep(AFTER_ERROR).await,
            }
            // Open connections make progress before the next one is accepted.
            tokio::task::yield_now().await;
        }
    }

    fn add<S>(&mut self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        if self.open.len() >= MOST {
            self.open.retain(|one| !one.is_finished());
        }
        if self.open.len() >= MOST
            && let Some(oldest) = self.open.pop_front()
        {
            oldest.abort();
            self.published.count_closed();
        }
        let published = Arc::clone(&self.published);
        self.open.push_back(tokio::spawn(serve(stream, published)));
    }
}

/// Answers the one request of a connection.
async fn serve<S>(stream: S, published: Arc<Published>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let answer = service_fn(|request| {
        let answer = answers::answer(&request, &published);
        published.count(answer.status().as_u16());
        std::future::ready(Ok::<_, std::convert::Infallible>(answer))
    });
    let mut http = http1::Builder::new();
    http.keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_REQUEST)
        .max_headers(MOST_HEADERS)
        .max_buf_size(LARGEST_REQUEST);
    let connection = http.serve_connection(TokioIo::new(stream), answer);
    if !matches!(timeout(LONGEST, connection).await, Ok(Ok(()))) {
        published.count_closed();
    }
}
