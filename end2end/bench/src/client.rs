//! A small HTTP client: what it costs itself must not hide what it measures.

use anyhow::{Context, bail};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// No answer of the console takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer, read to its end.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers by their names in small letters; of several with one name, all, in lines.
    pub headers: BTreeMap<String, String>,
    /// The body, without the framing of the transfer.
    pub body: Vec<u8>,
    /// From sending the question to the first byte.
    pub first_byte: Duration,
    /// From sending the question to the last byte.
    pub whole: Duration,
}

impl Answer {
    /// A header, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// A connection that is kept between questions.
pub struct Connection {
    stream: TcpStream,
    authority: String,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(to: SocketAddr) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(to).await.with_context(|| format!("nobody listens at {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, authority: to.to_string(), unread: Vec::new() })
    }

    /// Asks, and reads the answer to its end. `headers` are whole lines.
    pub async fn ask(&mut self, method: &str, path: &str, headers: &[String], body: &str) -> anyhow::Result<Answer> {
        let question = self.question(method, path, headers, body);
        let asked = Instant::now();
        let answer = async {
            self.stream.write_all(question.as_bytes()).await?;
            self.answer(asked).await
        };
        tokio::time::timeout(PATIENCE, answer).await.with_context(|| format!("{method} {path} takes too long"))?
    }

    /// Asks for a stream of events; what follows its head is read from the stream that is given back, after the bytes.
    pub async fn listen(mut self, path: &str, headers: &[String]) -> anyhow::Result<(TcpStream, Vec<u8>)> {
        let question = self.question("GET", path, headers, "");
        let begun = async {
            self.stream.write_all(question.as_bytes()).await?;
            self.head().await
        };
        let (status, headers) = tokio::time::timeout(PATIENCE, begun).await.with_context(|| format!("GET {path} takes too long"))??;
        let kind = headers.get("content-type").map_or("", String::as_str);
        if status != 200 || !kind.starts_with("text/event-stream") {
            bail!("GET {path} answers {status} {kind:?} instead of events");
        }
        Ok((self.stream, self.unread))
    }

    fn question(&self, method: &str, path: &str, headers: &[String], body: &str) -> String {
        let mut question = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.authority);
        for header in headers {
            question.push_str(header);
            question.push_str("\r\n");
        }
        if method == "POST" {
            let _ = write!(question, "content-length: {}\r\n", body.len());
        }
        question.push_str("\r\n");
        question.push_str(body);
        question
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        if self.stream.read_buf(&mut self.unread).await? == 0 {
            bail!("the console closed the connection in the middle of an answer");
        }
        Ok(())
    }

    /// Takes so many bytes off the front of what arrives.
    async fn take(&mut self, length: usize) -> anyhow::Result<Vec<u8>> {
        while self.unread.len() < length {
            self.more().await?;
        }
        let rest = self.unread.split_off(length);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    /// Takes a line off the front of what arrives, without its end.
    async fn line(&mut self) -> anyhow::Result<String> {
        let mut looked_at = 0;
        loop {
            if let Some(at) = self.unread[looked_at..].iter().position(|byte| *byte == b'\n') {
                let line = self.take(looked_at + at + 1).await?;
                return Ok(String::from_utf8(line)?.trim_end().to_owned());
            }
            looked_at = self.unread.len();
            self.more().await?;
        }
    }

    async fn head(&mut self) -> anyhow::Result<(u16, BTreeMap<String, String>)> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).with_context(|| format!("no HTTP: {first:?}"))?;
        let mut headers: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { return Ok((status, headers)) };
            let value = value.trim();
            let all = headers.entry(name.to_ascii_lowercase()).or_default();
            if !all.is_empty() {
                all.push('\n');
            }
            all.push_str(value);
        }
    }

    async fn answer(&mut self, asked: Instant) -> anyhow::Result<Answer> {
        self.more().await?;
        let first_byte = asked.elapsed();
        let (status, headers) = self.head().await?;
        let chunked = headers.get("transfer-encoding").is_some_and(|how| how.eq_ignore_ascii_case("chunked"));
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        let mut body = Vec::new();
        if chunked {
            loop {
                let size = self.line().await?;
                let size = usize::from_str_radix(size.trim(), 16).with_context(|| format!("no size of a chunk: {size:?}"))?;
                let chunk = self.take(size).await?;
                self.line().await?;
                if size == 0 {
                    break;
                }
                body.extend(chunk);
            }
        } else if !matches!(status, 204 | 304) {
            body = self.take(length.context("an answer without a length")?).await?;
        }
        Ok(Answer { status, headers, body, first_byte, whole: asked.elapsed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn answers_are_read_whole_however_they_are_framed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("a port");
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let answers = [
                ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\nwh", "ole"],
                ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none", "\r\nA\r\n, two, fiv\r\n0\r\n\r\n"],
            ];
            for parts in answers {
                let mut question = Vec::new();
                while !question.ends_with(b"\r\n\r\n") {
                    assert!(stream.read_buf(&mut question).await.expect("a question") > 0);
                }
                for part in parts {
                    stream.write_all(part.as_bytes()).await.expect("a reader");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        let mut connection = Connection::open(address).await.expect("a connection");
        let first = connection.ask("GET", "/", &[], "").await.expect("an answer");
        assert_eq!((first.status, first.body.as_slice()), (200, b"whole".as_slice()));
        assert_eq!(first.header("set-cookie"), Some("a=1\nb=2"));
        assert!(first.first_byte < first.whole);
        let second = connection.ask("GET", "/", &[], "").await.expect("an answer");
        assert_eq!(second.body, b"one, two, fiv");
        served.await.expect("all was served");
    }
}
