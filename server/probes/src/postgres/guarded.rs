//! What a `PostgreSQL` sends, looked at before the client library listens to it.
//!
//! The library makes room for as many bytes as a message announces, and gives the password itself to a server that asks for it. Here
//! is made sure that neither happens, whoever answers: what is no `PostgreSQL`, announces too much, or asks for the password (or for what
//! can be turned back into it, MD5) ends the connection.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsStream};

/// Longer than any honest message: a row of a lost timeline may have some megabytes.
const MESSAGE_LIMIT: u32 = 16 * 1024 * 1024;

/// Kinds of messages that a server sends (`PostgreSQL`'s documentation, "Message Formats").
const KINDS: &[u8] = b"123ACDEGHIKNRSTVWZcdnstv";

/// What a server may ask for to let us in; of these, the password and its MD5 are never sent.
const CLEARTEXT: u32 = 3;
const MD5: u32 = 5;

/// A server wants the password itself, or what can be turned back into it.
#[derive(Debug, thiserror::Error)]
#[error("it asks for the password {0}, which is not sent: the role needs a password as SCRAM-SHA-256, and pg_hba.conf scram-sha-256")]
pub(crate) struct AsksForPassword(&'static str);

/// A connection whose incoming messages are looked at.
pub(crate) struct Guarded<S> {
    inner: S,
    /// The beginning of the message that is coming in: kind, length, and, when it asks who we are, what it wants.
    begun: Vec<u8>,
    /// How many bytes of its rest have not come in yet.
    rest: u32,
}

impl<S> Guarded<S> {
    pub(crate) fn new(inner: S) -> Self {
        Guarded { inner, begun: Vec::with_capacity(9), rest: 0 }
    }

    /// Takes in what has arrived.
    fn look_at(&mut self, mut arrived: &[u8]) -> io::Result<()> {
        while !arrived.is_empty() {
            if self.rest > 0 {
                let whole = usize::try_from(self.rest).unwrap_or(usize::MAX);
                let now = whole.min(arrived.len());
                arrived = &arrived[now..];
                self.rest -= u32::try_from(now).unwrap_or(self.rest);
                continue;
            }
            self.begun.push(arrived[0]);
            arrived = &arrived[1..];
            self.judge()?;
        }
        Ok(())
    }

    /// Judges the beginning of a message as soon as enough of it is there.
    fn judge(&mut self) -> io::Result<()> {
        let number = |bytes: &[u8]| bytes.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte));
        let bad = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
        match (self.begun.len(), self.begun[0]) {
            (1, kind) if !KINDS.contains(&kind) => Err(bad(format!("a PostgreSQL begins no message with the byte {kind}"))),
            (5, kind) => {
                let length = number(&self.begun[1..]);
                match length {
                    4..=MESSAGE_LIMIT => {}
                    _ => return Err(bad(format!("a message announces {length} bytes"))),
                }
                // What comes after the length, of which a question who we are says first what it wants.
                self.rest = length - 4;
                if kind == b'R' && self.rest >= 4 {
                    self.rest = 0;
                } else {
                    self.begun.clear();
                }
                Ok(())
            }
            (9, _) => {
                let wanted = match number(&self.begun[5..]) {
                    CLEARTEXT => Some("in the clear"),
                    MD5 => Some("as MD5"),
                    _ => None,
                };
                self.rest = number(&self.begun[1..5]) - 8;
                self.begun.clear();
                wanted.map_or(Ok(()), |how| Err(io::Error::other(AsksForPassword(how))))
            }
            _ => Ok(()),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let outcome = self.look_at(&buffer.filled()[before..]);
        if outcome.is_err() {
            // Nothing of it is handed on.
            buffer.set_filled(before);
        }
        Poll::Ready(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream> TlsStream for Guarded<S>
where
    Guarded<S>: AsyncRead + AsyncWrite,
{
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).expect("a short message");
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    /// Looks at bytes that arrive in pieces of this size.
    fn look(bytes: &[u8], piece: usize) -> io::Result<()> {
        let mut guarded = Guarded::new(());
        bytes.chunks(piece).try_for_each(|piece| guarded.look_at(piece))
    }

    #[test]
    fn whoever_asks_for_the_password_itself_is_left_however_the_question_arrives() {
        let greeting = [message(b'N', b"SNOTICE\0\0"), message(b'S', b"a\0b\0")].concat();
        for piece in [1, 2, 3, 7, 100] {
            for (code, refused) in [(0_u32, false), (3, true), (5, true), (10, false), (11, false), (12, false)] {
                let asks = message(b'R', &[&code.to_be_bytes()[..], b"SALT"].concat());
                let error = look(&[greeting.clone(), asks].concat(), piece).err();
                assert_eq!(error.is_some(), refused, "{code} in pieces of {piece}");
                assert!(error.is_none_or(|error| crate::failure::find::<AsksForPassword>(&error).is_some()));
            }
        }
    }

    #[test]
    fn what_is_no_message_or_announces_too_much_ends_the_connection() {
        for bad in [&b"HTTP/1.1 200 OK\r\n"[..], b"220 mail\r\n", b"\x15\x03\x01", b"R\0\0\0\x03", b"D\xff\xff\xff\xff", b"D\x01\0\0\x01"] {
            assert!(look(bad, 1).is_err() && look(bad, 100).is_err(), "{bad:?}");
        }
        let large = message(b'D', &vec![7; 3_000_000]);
        assert!(look(&[large.clone(), message(b'Z', b"I"), large].concat(), 8_192).is_ok());
        assert!(look(&message(b'R', b""), 1).is_ok(), "what is too short is the library's to refuse");
    }

    proptest! {
        #[test]
        fn how_bytes_are_cut_makes_no_difference(bytes: Vec<u8>, piece in 1_usize..20) {
            prop_assert_eq!(look(&bytes, piece).is_ok(), look(&bytes, bytes.len().max(1)).is_ok());
        }

        #[test]
        fn messages_pass_whatever_is_in_them(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6), piece in 1_usize..20) {
            let all: Vec<u8> = bodies.iter().flat_map(|body| message(b'D', body)).collect();
            prop_assert!(look(&all, piece).is_ok());
        }
    }
}
