//! A client that sends bytes as they are and reads answers as RFC 9112 section 6.3 says.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::app::AGAIN;
use super::table::Case;
use super::wire::{Fields, chunked, exactly, parse, until};

/// Far longer than any exchange takes. Some of the table's end here at another proxy, which waits for more.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a client saw.
#[derive(Debug, Default)]
pub struct Outcome {
    hints: Vec<Answer>,
    answers: Vec<Answer>,
    pub kept: bool,
    pub tunnelled: bool,
    pub cut: bool,
}

#[derive(Debug, Default)]
struct Answer {
    status: String,
    fields: Fields,
    body: String,
}

impl Outcome {
    pub fn statuses(&self) -> String {
        let statuses: Vec<&str> = self.answers.iter().map(|a| a.status.as_str()).collect();
        match statuses.is_empty() {
            true => "none".to_owned(),
            false => statuses.join(","),
        }
    }

    pub fn interim(&self) -> String {
        let statuses: Vec<&str> = self.hints.iter().map(|a| a.status.as_str()).collect();
        statuses.join(",")
    }

    pub fn bodies(&self) -> String {
        let bodies: Vec<&str> = self.answers.iter().map(|a| a.body.as_str()).collect();
        bodies.join(",")
    }

    /// What was found of a text in the fields of any answer, interim ones included.
    pub fn fields_with(&self, text: &str) -> String {
        let fields = self.answers.iter().chain(&self.hints);
        let found: Vec<&str> = fields
            .flat_map(|answer| &answer.fields)
            .filter(|(_, value)| value.contains(text))
            .map(|(_, value)| value.as_str())
            .collect();
        found.join("|")
    }

    /// The values of a field of the first answer, `|` between them.
    pub fn field(&self, name: &str) -> String {
        let values: Vec<&str> = self
            .answers
            .first()
            .iter()
            .flat_map(|answer| &answer.fields)
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        values.join("|")
    }
}

/// Carries a case out. Where nothing comes for longer than anything here takes, that is what came of it.
pub async fn exchange(at: SocketAddr, case: &Case) -> Outcome {
    let mut outcome = Outcome::default();
    // An end before its time is an outcome too.
    let _ = timeout(PATIENCE, attempt(at, case, &mut outcome)).await;
    outcome
}

async fn attempt(at: SocketAddr, case: &Case, outcome: &mut Outcome) -> io::Result<()> {
    let mut stream = TcpStream::connect(at).await?;
    stream.set_nodelay(true)?;
    // A proxy may answer and close before it has taken all.
    let _ = stream.write_all(&case.ask).await;
    if case.half_closes {
        stream.shutdown().await?;
    }
    let mut unread = Vec::new();
    let is_head = case.ask.starts_with(b"HEAD ");
    let mut ends_with_connection = false;
    for _ in 0..case.answers {
        ends_with_connection = answer(&mut stream, &mut unread, is_head, outcome).await?;
    }
    if ends_with_connection {
        return Ok(());
    }
    let last = outcome.answers.last();
    if last.is_some_and(|answer| answer.status == "101") {
        stream.write_all(b"ping").await?;
        outcome.tunnelled = exactly(&mut stream, &mut unread, 4).await? == b"ping";
        return Ok(());
    }
    let again = format!("GET {AGAIN} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    stream.write_all(again.as_bytes()).await?;
    let mut next = Outcome::default();
    answer(&mut stream, &mut unread, false, &mut next).await?;
    outcome.kept = next.bodies() == "again";
    Ok(())
}

/// Reads an answer and those before it that are interim; whether it ended with the connection.
async fn answer(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    is_head: bool,
    outcome: &mut Outcome,
) -> io::Result<bool> {
    loop {
        let head = until(stream, unread, b"\r\n\r\n").await?;
        let (line, fields) = parse(&head);
        let status = line.get(9..12).unwrap_or_default().to_owned();
        let is_interim = status.starts_with('1') && status != "101";
        let no_body = is_head || matches!(status.as_str(), "101" | "204" | "304");
        let answer = Answer {
            status,
            fields,
            body: String::new(),
        };
        if is_interim {
            outcome.hints.push(answer);
            continue;
        }
        outcome.answers.push(answer);
        if no_body {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        let read = body(stream, unread, outcome, &mut bytes).await;
        if let Some(answer) = outcome.answers.last_mut() {
            answer.body = String::from_utf8_lossy(&bytes).into_owned();
        }
        outcome.cut |= read.is_err();
        return read;
    }
}

async fn body(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    outcome: &Outcome,
    bytes: &mut Vec<u8>,
) -> io::Result<bool> {
    let answer = outcome.answers.last().expect("its head is here");
    let field = |name: &str| {
        let mut fields = answer.fields.iter();
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    if field("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        chunked(stream, unread, bytes).await?;
        return Ok(false);
    }
    let Some(length) = field("content-length") else {
        bytes.append(unread);
        stream.read_to_end(bytes).await?;
        return Ok(true);
    };
    let length: usize = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
    while bytes.len() < length {
        if unread.is_empty() && stream.read_buf(unread).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let take = unread.len().min(length - bytes.len());
        bytes.extend(unread.drain(..take));
    }
    Ok(false)
}
