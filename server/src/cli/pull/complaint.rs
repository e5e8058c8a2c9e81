//! What a program says on its error output, heard while it runs. Something that it started may hold that open after its
//! end, as ssh's own master does (ssh_config(5), `ControlPersist`): nobody waits for it.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// So much is kept.
const MOST_BYTES: usize = 64 * 1024;
/// What a program said is there when it has ended; so long one that reads it may take.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What is being said.
pub struct Complaint(Receiver<Vec<u8>>);

impl Complaint {
    /// Listens in a thread of its own.
    pub fn of(mut from: impl Read + Send + 'static) -> Complaint {
        let (tell, said) = mpsc::channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            let mut left = MOST_BYTES;
            loop {
                let read = match from.read(&mut part) {
                    Ok(0) => return,
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    // What can't be read any more ends with the program that says it.
                    Err(_) => return,
                };
                let kept = read.min(left);
                left -= kept;
                if kept > 0 {
                    // The rest, and what nobody listens to any more, is read and dropped, so that nobody waits for a reader.
                    let _ = tell.send(part[..kept].to_vec());
                }
            }
        });
        Complaint(said)
    }

    /// All that was said by a program that has ended.
    pub fn heard(self) -> String {
        self.heard_within(LAST_WORDS)
    }

    fn heard_within(self, patience: Duration) -> String {
        let until = Instant::now() + patience;
        let mut text = Vec::new();
        while let Ok(part) = self
            .0
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            text.extend(part);
        }
        String::from_utf8_lossy(&text).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_held_open_after_the_end_is_not_waited_for() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let complaint = Complaint::of(reader);
        writer.write_all(b"no such key\n").unwrap();
        // The first word has come; after that nobody says anything, and nobody closes it either.
        let first = complaint.0.recv().unwrap();
        assert_eq!(first, b"no such key\n");
        assert_eq!(complaint.heard_within(Duration::from_millis(10)), "");
        drop(writer);
    }

    #[test]
    fn the_beginning_of_what_is_said_is_kept() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let complaint = Complaint::of(reader);
        writer.write_all(&vec![b'x'; 3 * MOST_BYTES]).unwrap();
        drop(writer);
        assert_eq!(
            complaint.heard_within(Duration::from_secs(3600)).len(),
            MOST_BYTES
        );
    }
}
