//! Where one WebSocket frame ends and the next begins (RFC 6455 section 5.2), in what a server sends: as
//! much as has to be known to say goodbye without cutting a message in two.

/// A close frame of a server: status 1001, "going away" (RFC 6455 section 7.4.1).
pub(super) const GOING_AWAY: [u8; 4] = [0x88, 0x02, 0x03, 0xE9];

const CLOSE: u8 = 0x8;

/// Follows the frames in a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct Frames {
    head: [u8; 14],
    head_length: usize,
    payload_left: u64,
    closed: bool,
}

impl Frames {
    /// These bytes went by.
    pub(super) fn passed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.payload_left > 0 {
                let skipped = usize::try_from(self.payload_left)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                self.payload_left -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            self.head[self.head_length] = bytes[0];
            self.head_length += 1;
            bytes = &bytes[1..];
            if let Some(payload) = self.payload() {
                self.closed |= self.head[0] & 0x0F == CLOSE;
                self.payload_left = payload;
                self.head_length = 0;
            }
        }
    }

    /// Whether the last frame is over and the next has not begun.
    pub(super) fn is_between(&self) -> bool {
        self.head_length == 0 && self.payload_left == 0
    }

    /// Whether a close frame went by: nothing may follow it.
    pub(super) fn has_closed(&self) -> bool {
        self.closed
    }

    /// The payload's length, once the head is complete.
    fn payload(&self) -> Option<u64> {
        if self.head_length < 2 {
            return None;
        }
        let mask = if self.head[1] & 0x80 == 0 { 0 } else { 4 };
        let extended = match self.head[1] & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.head_length < 2 + extended + mask {
            return None;
        }
        Some(match extended {
            0 => u64::from(self.head[1] & 0x7F),
            _ => self.head[2..2 + extended]
                .iter()
                .fold(0, |length, byte| length << 8 | u64::from(*byte)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, masked: bool, payload: usize) -> Vec<u8> {
        let mut frame = vec![0x80 | opcode];
        let mask = if masked { 0x80 } else { 0 };
        match payload {
            0..=125 => frame.push(mask | payload as u8),
            126..=65_535 => {
                frame.push(mask | 126);
                frame.extend((payload as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((payload as u64).to_be_bytes());
            }
        }
        if masked {
            frame.extend([1, 2, 3, 4]);
        }
        frame.resize(frame.len() + payload, 7);
        frame
    }

    #[test]
    fn it_is_between_frames_exactly_at_their_ends_however_they_are_cut() {
        let sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 3];
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for (i, size) in sizes.iter().enumerate() {
            bytes.extend(frame(2, i % 2 == 1, *size));
            ends.push(bytes.len());
        }
        let mut frames = Frames::default();
        for at in 0..bytes.len() {
            assert_eq!(frames.is_between(), ends.contains(&at), "at byte {at}");
            frames.passed(&bytes[at..=at]);
        }
        assert!(frames.is_between() && !frames.has_closed());
        let mut at_once = Frames::default();
        at_once.passed(&bytes);
        assert!(at_once.is_between());
        at_once.passed(&GOING_AWAY);
        assert!(at_once.is_between() && at_once.has_closed());
    }
}
