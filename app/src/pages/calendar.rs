//! The nightly backups of the last sixty days as month grids, each marked with the letters of its tiers.

use jiff::{Timestamp, ToSpan, civil::Date};
use leptos::prelude::*;

use super::snapshots::anchor;
use crate::model::{Frame, Nightly};
use crate::parts::nothing;
use crate::wording::{self, segment};

/// How far back the grids go, in days; older nights are listed beneath them.
const MAX_AGE_DAYS: i32 = 60;

/// The grids, this month first, and the older nights.
pub(super) fn draw(frame: &Frame, nights: &[Nightly], next: Option<Timestamp>) -> AnyView {
    if nights.is_empty() {
        let first = next.map(|next| {
            let when = wording::in_a_sentence(frame.now, &frame.zone, next);
            format!(" The first one runs {when}.")
        });
        let first = first.unwrap_or_default();
        return nothing(format!("No nightly backup yet.{first}"));
    }
    let today = frame.now.to_zoned(frame.zone.clone()).date();
    let limit = today.saturating_sub(MAX_AGE_DAYS.days()).first_of_month();
    // Months before the oldest nightly backup would only be empty.
    let oldest = nights
        .iter()
        .map(|night| night.date)
        .filter(|date| *date >= limit)
        .min();
    let first = oldest
        .map_or(today, |date| date.min(today))
        .first_of_month();
    let mut months = Vec::new();
    let mut month = today.first_of_month();
    while month >= first {
        months.push(grid(today, month, nights));
        // Ends at the beginning of the calendar at the latest.
        match month.yesterday() {
            Ok(before) => month = before.first_of_month(),
            Err(_) => break,
        }
    }
    view! {
        <div class="months">{months}</div>
        {older(nights, first)}
        <p class="key">
            <span class="chip daily">"D daily"</span>
            <span class="chip weekly">"W weekly"</span>
            <span class="chip monthly">"M monthly"</span>
        </p>
    }
    .into_any()
}

fn older(nights: &[Nightly], first: Date) -> Option<AnyView> {
    let mut before: Vec<&Nightly> = nights.iter().filter(|night| night.date < first).collect();
    if before.is_empty() {
        return None;
    }
    before.sort_by_key(|night| std::cmp::Reverse(night.date));
    let items: Vec<_> = before
        .into_iter()
        .map(|night| {
            let href = format!("#{}", segment(&anchor(&night.snapshot)));
            let date = night.date.strftime("%-d %b %Y").to_string();
            view! { <a class=format!("chip {}", class(night)) href=href>{date}" · "{names(night)}</a> }
        })
        .collect();
    Some(view! { <p class="older">"Older: "{items}</p> }.into_any())
}

fn grid(today: Date, first: Date, nights: &[Nightly]) -> AnyView {
    // Weeks begin on Monday, as ISO weeks do.
    let lead = first.weekday().to_monday_zero_offset();
    let days = first.days_in_month();
    let mut rows = Vec::new();
    let mut day = 1 - lead;
    while day <= days {
        let cells: Vec<_> = (day..day + 7)
            .map(|day| {
                let date = (1..=days)
                    .contains(&day)
                    .then(|| first.with().day(day).build().ok());
                match date.flatten() {
                    None => view! { <td></td> }.into_any(),
                    Some(date) => cell(today, date, nights),
                }
            })
            .collect();
        rows.push(view! { <tr>{cells}</tr> });
        day += 7;
    }
    let heads: Vec<_> = [
        ("Mo", "Monday"),
        ("Tu", "Tuesday"),
        ("We", "Wednesday"),
        ("Th", "Thursday"),
        ("Fr", "Friday"),
        ("Sa", "Saturday"),
        ("Su", "Sunday"),
    ]
    .into_iter()
    .map(|(short, long)| view! { <th scope="col"><abbr title=long>{short}</abbr></th> })
    .collect();
    view! {
        <table class="month">
            <caption>{first.strftime("%B %Y").to_string()}</caption>
            <thead><tr>{heads}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn cell(today: Date, date: Date, nights: &[Nightly]) -> AnyView {
    let night = nights
        .iter()
        .find(|night| night.date == date && !night.tiers.is_empty());
    let number = date.day();
    match night {
        Some(night) => {
            let letters: String = night
                .tiers
                .iter()
                .filter_map(|tier| tier.as_str().chars().next())
                .map(|letter| letter.to_ascii_uppercase())
                .collect();
            let href = format!("#{}", segment(&anchor(&night.snapshot)));
            let kept = format!(", kept as {}", names(night));
            let current = (date == today).then_some("date");
            view! {
                <td class=format!("held {}", class(night)) aria-current=current>
                    <a href=href>
                        {number}
                        <b aria-hidden="true">{letters}</b>
                        <span class="unseen">{kept}</span>
                    </a>
                </td>
            }
            .into_any()
        }
        None if date == today => {
            view! { <td class="today" aria-current="date">{number}</td> }.into_any()
        }
        None if date > today => view! { <td class="to-come">{number}</td> }.into_any(),
        None => view! { <td>{number}</td> }.into_any(),
    }
}

/// The finest tier gives a cell its colour.
fn class(night: &Nightly) -> &'static str {
    night.tiers.first().map_or("", |tier| tier.as_str())
}

fn names(night: &Nightly) -> String {
    let names: Vec<_> = night.tiers.iter().map(|tier| tier.as_str()).collect();
    names.join(" and ")
}
