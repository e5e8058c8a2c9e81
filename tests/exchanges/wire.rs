//! What both sides of an exchange read from a connection: up to a marker, so many bytes, a body in chunks.

use std::io;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Fields of a head, in order.
pub type Fields = Vec<(String, String)>;

/// The first line of a head, and its fields.
pub fn parse(head: &[u8]) -> (String, Fields) {
    let text = String::from_utf8_lossy(head);
    let mut lines = text.split("\r\n");
    let line = lines.next().unwrap_or_default().to_owned();
    let fields = lines.filter_map(|line| line.split_once(':'));
    let fields = fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    (line, fields.collect())
}

/// Reads a chunked body and its trailers. What came before an error is in `body`.
pub async fn chunked(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    body: &mut Vec<u8>,
) -> io::Result<()> {
    loop {
        let size = until(stream, unread, b"\r\n").await?;
        let size = String::from_utf8_lossy(&size);
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        if size == 0 {
            // Trailers, up to the empty line.
            while until(stream, unread, b"\r\n").await?.len() > 2 {}
            return Ok(());
        }
        body.extend(exactly(stream, unread, size).await?);
        exactly(stream, unread, 2).await?;
    }
}

/// Reads up to a marker and with it; what follows stays in `unread`.
pub async fn until(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    marker: &[u8],
) -> io::Result<Vec<u8>> {
    loop {
        let found = unread.windows(marker.len()).position(|part| part == marker);
        if let Some(at) = found {
            let rest = unread.split_off(at + marker.len());
            return Ok(std::mem::replace(unread, rest));
        }
        if stream.read_buf(unread).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Reads so many bytes.
pub async fn exactly(
    stream: &mut TcpStream,
    unread: &mut Vec<u8>,
    length: usize,
) -> io::Result<Vec<u8>> {
    while unread.len() < length {
        if stream.read_buf(unread).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let rest = unread.split_off(length);
    Ok(std::mem::replace(unread, rest))
}
