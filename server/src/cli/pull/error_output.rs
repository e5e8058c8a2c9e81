//! Reads a program's error output while it runs. A process that it started may keep that open after its end, like ssh's
//! master (ssh_config(5), `ControlPersist`): nobody waits for it.

use std::io::{ErrorKind, Read};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// How many bytes are kept.
const MAX_BYTES: usize = 64 * 1024;
/// How long to wait for the rest of the output after the program has ended.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(5);

/// Error output that is being read.
pub struct ErrorOutput(Receiver<Vec<u8>>);

impl ErrorOutput {
    /// Reads in its own thread.
    pub fn read(mut from: impl Read + Send + 'static) -> ErrorOutput {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let mut part = [0; 4096];
            let mut left = MAX_BYTES;
            loop {
                let read = match from.read(&mut part) {
                    Ok(0) => return,
                    Ok(read) => read,
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    // A read error ends with the program.
                    Err(_) => return,
                };
                let kept = read.min(left);
                left -= kept;
                if kept > 0 {
                    // The rest is read and dropped, so that the program never blocks on a full pipe.
                    let _ = sender.send(part[..kept].to_vec());
                }
            }
        });
        ErrorOutput(receiver)
    }

    /// The output of a program that has ended.
    pub fn collect(self) -> String {
        self.collect_within(OUTPUT_TIMEOUT)
    }

    fn collect_within(self, patience: Duration) -> String {
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
        let error_output = ErrorOutput::read(reader);
        writer.write_all(b"no such key\n").unwrap();
        // The first word has come; after that nobody says anything, and nobody closes it either.
        let first = error_output.0.recv().unwrap();
        assert_eq!(first, b"no such key\n");
        assert_eq!(error_output.collect_within(Duration::from_millis(10)), "");
        drop(writer);
    }

    #[test]
    fn the_beginning_of_what_is_said_is_kept() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let error_output = ErrorOutput::read(reader);
        writer.write_all(&vec![b'x'; 3 * MAX_BYTES]).unwrap();
        drop(writer);
        assert_eq!(
            error_output.collect_within(Duration::from_secs(3600)).len(),
            MAX_BYTES
        );
    }
}
