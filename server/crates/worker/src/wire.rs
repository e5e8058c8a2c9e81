//! The protocol between the child process and its parent: JSON in frames, each preceded by its length in four bytes,
//! most significant first. A frame that is too long is an error on both sides, before any of it is kept.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::facts::{Answer, Fact, Failure, Kept, Request};
use crate::play::{Plan, Round, Visit};

/// The longest frame, in bytes: the longest body of an answer as base64, with room for its fields.
pub const MAX_FRAME_BYTES: usize = 32 << 20;

/// How many bytes of length precede a frame.
pub const LENGTH_BYTES: usize = 4;

/// A message to the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to-child", rename_all = "kebab-case")]
pub enum ToChild {
    /// What to play. Comes once, first.
    Plan(Box<Plan>),
    /// The answer to request number `n`.
    Answer {
        /// Which request.
        n: u32,
        /// Its answer.
        answer: Answer,
    },
    /// There is no answer to request number `n`.
    NoAnswer {
        /// Which request.
        n: u32,
        /// Why, for people.
        why: String,
    },
}

/// A message of the child.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from-child", rename_all = "kebab-case")]
pub enum FromChild {
    /// The script sends a request; nothing goes on in the child until it is answered.
    Ask {
        /// Its number, from 1, one more each time.
        n: u32,
        /// The round in which it is sent.
        round: Round,
        /// The request.
        request: Request,
    },
    /// What the script did since the last such frame, in order.
    Happened {
        /// The facts.
        facts: Vec<Fact>,
    },
    /// An event was played to its end.
    Visited {
        /// Which, and how it ended.
        visit: Box<Visit>,
    },
    /// Everything was played, or what failed ended it. Nothing follows.
    Done {
        /// What the caches hold.
        kept: Vec<Kept>,
        /// Why it ended early.
        failure: Option<Failure>,
    },
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The other side is gone.
    #[error("the pipe is closed")]
    Closed,
    /// The pipe failed, or ended within a frame.
    #[error("the pipe failed: {0}")]
    Pipe(#[from] io::Error),
    /// A frame claims to be longer than any is.
    #[error("a frame of {0} bytes is longer than any")]
    TooLong(usize),
    /// A frame is not what was agreed on.
    #[error("a frame can't be read: {0}")]
    Garbage(#[from] serde_json::Error),
}

/// A frame, whole: its length and its JSON.
///
/// # Errors
/// [`WireError::TooLong`].
pub fn frame<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    let mut bytes = vec![0; LENGTH_BYTES];
    serde_json::to_writer(&mut bytes, message)?;
    let length = bytes.len() - LENGTH_BYTES;
    if length > MAX_FRAME_BYTES {
        return Err(WireError::TooLong(length));
    }
    let led = u32::try_from(length).map_err(|_| WireError::TooLong(length))?;
    bytes[..LENGTH_BYTES].copy_from_slice(&led.to_be_bytes());
    Ok(bytes)
}

/// The length that leads a frame.
///
/// # Errors
/// [`WireError::TooLong`].
pub fn length(lead: [u8; LENGTH_BYTES]) -> Result<usize, WireError> {
    let length = usize::try_from(u32::from_be_bytes(lead)).unwrap_or(usize::MAX);
    if length > MAX_FRAME_BYTES {
        return Err(WireError::TooLong(length));
    }
    Ok(length)
}

/// The message of a frame's JSON.
///
/// # Errors
/// [`WireError::Garbage`].
pub fn message<T: DeserializeOwned>(json: &[u8]) -> Result<T, WireError> {
    Ok(serde_json::from_slice(json)?)
}

/// Writes one frame and flushes it.
///
/// # Errors
/// [`WireError`]: it is too long, or the other end is closed.
pub fn write<T: Serialize>(pipe: &mut impl Write, message: &T) -> Result<(), WireError> {
    let bytes = frame(message)?;
    pipe.write_all(&bytes)?;
    Ok(pipe.flush()?)
}

/// Reads one frame.
///
/// # Errors
/// [`WireError`].
pub fn read<T: DeserializeOwned>(pipe: &mut impl Read) -> Result<T, WireError> {
    let mut lead = [0; LENGTH_BYTES];
    match pipe.read_exact(&mut lead) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(WireError::Closed);
        }
        read => read?,
    }
    let length = length(lead)?;
    // Grows with what really comes, not with what was announced.
    let mut json = Vec::new();
    pipe.take(length as u64).read_to_end(&mut json)?;
    if json.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    message(&json)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> FromChild {
        FromChild::Done {
            kept: Vec::new(),
            failure: Some(Failure::Limit {
                which: "time".to_owned(),
            }),
        }
    }

    #[test]
    fn what_was_written_is_read_frame_by_frame() {
        let mut pipe = Vec::new();
        let answer = ToChild::Answer {
            n: 7,
            answer: Answer {
                status: 200,
                status_text: "OK".to_owned(),
                headers: vec![("content-type".to_owned(), "image/png".to_owned())],
                body: vec![0, 255, 10],
            },
        };
        write(&mut pipe, &answer).unwrap();
        write(&mut pipe, &done()).unwrap();
        let mut reader = &pipe[..];
        assert_eq!(read::<ToChild>(&mut reader).unwrap(), answer);
        assert_eq!(read::<FromChild>(&mut reader).unwrap(), done());
        assert!(matches!(
            read::<FromChild>(&mut reader),
            Err(WireError::Closed)
        ));
    }

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_anything_is_read() {
        let mut reader: &[u8] = &[255, 255, 255, 255, b'{'];
        assert!(matches!(
            read::<FromChild>(&mut reader),
            Err(WireError::TooLong(_))
        ));
    }

    #[test]
    fn a_frame_that_ends_early_or_holds_something_else_is_an_error() {
        let mut short: &[u8] = &[0, 0, 0, 9, b'{'];
        assert!(matches!(
            read::<FromChild>(&mut short),
            Err(WireError::Pipe(_))
        ));
        let mut other: &[u8] = &[0, 0, 0, 2, b'{', b'}'];
        assert!(matches!(
            read::<FromChild>(&mut other),
            Err(WireError::Garbage(_))
        ));
    }

    #[test]
    fn what_would_be_too_long_is_not_sent() {
        let long = FromChild::Happened {
            facts: vec![Fact::Said {
                level: "log".to_owned(),
                text: "x".repeat(MAX_FRAME_BYTES),
            }],
        };
        let mut pipe = Vec::new();
        assert!(matches!(
            write(&mut pipe, &long),
            Err(WireError::TooLong(_))
        ));
        assert!(pipe.is_empty());
    }
}
