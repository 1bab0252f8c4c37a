//! Recorded Patroni and etcd.

use super::Moving;
use std::{io, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

macro_rules! recorded {
    ($($node:literal)*) => {
        /// What the node's Patroni answered to `path`.
        fn of_patroni(node: &str, path: &str) -> Option<&'static str> {
            match (node, path) {
                $(
                    ($node, "/patroni") => Some(recorded!(@ $node "-patroni.json")),
                    ($node, "/cluster") => Some(recorded!(@ $node "-cluster.json")),
                    ($node, "/config") => Some(recorded!(@ $node "-config.json")),
                    ($node, "/history") => Some(recorded!(@ $node "-history.json")),
                )*
                _ => None,
            }
        }
    };
    (@ $node:literal $what:literal) => {
        include_str!(concat!("../../../../server/probes/fixtures/healthy/", $node, $what))
    };
}

recorded!("a1" "a2" "b1" "b2");

/// Patroni's server speaks HTTP/1.0 and closes after each answer.
pub(super) async fn patroni(listener: TcpListener, node: &'static str, moving: Arc<Moving>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let moving = Arc::clone(&moving);
        tokio::spawn(async move {
            // A console that hangs up early is the console's business.
            let _ = async {
                let Some(path) = question(&mut stream).await? else { return Ok(()) };
                if path == "/patroni" {
                    moving.looked();
                }
                answer(&mut stream, "HTTP/1.0", of_patroni(node, &path)).await?;
                stream.shutdown().await
            }
            .await;
        });
    }
}

/// etcd keeps its connections.
pub(super) async fn etcd(listener: TcpListener, moving: Arc<Moving>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let moving = Arc::clone(&moving);
        tokio::spawn(async move {
            while let Ok(Some(path)) = question(&mut stream).await {
                moving.looked();
                let body = (path == "/health").then_some(r#"{"health":"true"}"#);
                if answer(&mut stream, "HTTP/1.1", body).await.is_err() {
                    break;
                }
            }
        });
    }
}

/// The path that is asked for; nothing when there is no question any more. Questions of the console have no body.
async fn question(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 16_384 || stream.read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    let text = String::from_utf8_lossy(&head);
    Ok(text.split(' ').nth(1).map(str::to_owned))
}

async fn answer(stream: &mut TcpStream, version: &str, body: Option<&str>) -> io::Result<()> {
    let (status, body) = body.map_or(("404 Not Found", ""), |body| ("200 OK", body));
    let text = format!("{version} {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await
}
