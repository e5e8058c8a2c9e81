//! The content changes between two visits: each answer that can change gets other bytes which mean the same, in
//! the manner of its type, and a page carries a mark that tells which visit it is from.

/// What a page carries that was answered after the change.
pub const MARK: &str = "tealkeep: this content is newer than the first visit";

/// The same content with other bytes; `None` for a type that has no bytes without meaning, or an empty body.
///
/// HTML, XML and SVG get a comment at their end, style sheets and scripts likewise, JSON and plain text a line feed,
/// pictures bytes after their end, which no decoder reads. Fonts, sound, video, WebAssembly and whatever is not
/// known stay as they are: their staleness is judged by their URL alone.
pub fn changed(content_type: Option<&str>, body: &[u8]) -> Option<Vec<u8>> {
    if body.is_empty() {
        return None;
    }
    let essence = essence(content_type?);
    let suffix = match essence.as_str() {
        "text/html"
        | "application/xhtml+xml"
        | "image/svg+xml"
        | "text/xml"
        | "application/xml" => {
            format!("\n<!-- {MARK} -->\n")
        }
        "text/css" | "text/javascript" | "application/javascript" | "application/x-javascript" => {
            format!("\n/* {MARK} */\n")
        }
        "application/json" | "text/plain" => "\n".to_owned(),
        "image/png"
        | "image/jpeg"
        | "image/gif"
        | "image/webp"
        | "image/avif"
        | "image/x-icon"
        | "image/vnd.microsoft.icon" => "\0".to_owned(),
        other if other.ends_with("+json") => "\n".to_owned(),
        other if other.ends_with("+xml") => format!("\n<!-- {MARK} -->\n"),
        _ => return None,
    };
    let mut changed = body.to_vec();
    changed.extend_from_slice(suffix.as_bytes());
    Some(changed)
}

/// A media type without its parameters, in lower case (RFC 9110 section 8.3.1).
pub fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_changes_in_its_own_manner() {
        let text = |kind: &str| {
            changed(Some(kind), b"x").map(|body| String::from_utf8_lossy(&body).into_owned())
        };
        assert!(text("text/html; charset=utf-8").is_some_and(|t| t.starts_with("x\n<!-- ")));
        assert!(text("Text/CSS").is_some_and(|t| t.starts_with("x\n/* ")));
        assert_eq!(text("application/manifest+json").as_deref(), Some("x\n"));
        assert_eq!(text("image/png").as_deref(), Some("x\0"));
        assert_eq!(text("font/woff2"), None);
        assert_eq!(changed(None, b"x"), None);
        assert_eq!(changed(Some("text/html"), b""), None);
    }
}
