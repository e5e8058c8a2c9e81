//! The sizes of backups over time, as bars.

use leptos::prelude::*;

use crate::model::{Frame, Snapshot};
use crate::parts::{nothing, stamp};
use crate::wording;

/// How many bars stay readable on a phone.
const MAX_BARS: usize = 40;
/// How many bars the chart is at least as wide as, so that a few don't grow into blocks.
const MIN_BARS: usize = 12;
/// The height of the chart, in its own units.
const HEIGHT: u64 = 72;
/// The width of a bar with its gap, in the same units.
const BAR_WIDTH: usize = 8;

/// Bars from the oldest to the newest, and the range of sizes in words.
pub(super) fn draw(frame: &Frame, snapshots: &[Snapshot]) -> AnyView {
    let mut shown: Vec<&Snapshot> = snapshots.iter().collect();
    shown.sort_by_key(|snapshot| snapshot.taken);
    let shown = &shown[shown.len().saturating_sub(MAX_BARS)..];
    let (Some(oldest), Some(newest)) = (shown.first(), shown.last()) else {
        return nothing("There is nothing to compare yet.");
    };
    let sizes = || shown.iter().map(|snapshot| snapshot.bytes);
    let largest = sizes().max().unwrap_or(0);
    let smallest = sizes().min().unwrap_or(0);
    let bars: Vec<_> = shown
        .iter()
        .enumerate()
        .map(|(at, snapshot)| {
            let height = scaled(snapshot.bytes, largest);
            view! {
                <rect
                    x=(at * BAR_WIDTH + 1).to_string()
                    y=(HEIGHT - height).to_string()
                    width=(BAR_WIDTH - 2).to_string()
                    height=height.to_string()
                    rx="1.500"
                />
            }
        })
        .collect();
    let width = shown.len().max(MIN_BARS) * BAR_WIDTH;
    let label = format!(
        "{} between {} and {}; the newest is {}.",
        wording::counted(
            u64::try_from(shown.len()).unwrap_or(u64::MAX),
            "backup",
            "backups"
        ),
        wording::size(smallest),
        wording::size(largest),
        wording::size(newest.bytes),
    );
    view! {
        <figure class="sizes">
            <svg viewBox=format!("0 0 {width} {HEIGHT}") role="img" aria-label=label.clone()>{bars}</svg>
            <p class="ends small soft">{stamp(frame, oldest.taken)}<span>{stamp(frame, newest.taken)}</span></p>
            <figcaption class="small">{label}</figcaption>
        </figure>
    }
    .into_any()
}

/// A bar's height: the largest fills the chart, and even the smallest is visible.
fn scaled(bytes: u64, largest: u64) -> u64 {
    let share = u128::from(bytes) * u128::from(HEIGHT) / u128::from(largest.max(1));
    u64::try_from(share).unwrap_or(HEIGHT).clamp(2, HEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_never_invisible_and_never_higher_than_the_chart() {
        assert_eq!(scaled(0, 0), 2);
        assert_eq!(scaled(1, u64::MAX), 2);
        assert_eq!(scaled(u64::MAX, u64::MAX), HEIGHT);
        assert_eq!(scaled(50, 100), HEIGHT / 2);
    }
}
