//! One member of the family: does something, looks at a page, waits, and now and then closes the app.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::browser::Browser;
use super::tally::Tally;

const PAGES: [&str; 4] = ["/", "/chores", "/medicine", "/shopping"];
const WANTED: [&str; 8] = [
    "Milk", "Bread", "Eggs", "Cat food", "Apples", "Coffee", "Bin bags", "Tea",
];
/// How many items stay on the list before the member buys one.
const MIN_OPEN_ITEMS: usize = 2;
/// The member closes the app and opens it again after so many turns.
const TURNS_PER_VISIT: u64 = 50;

/// Somebody with a phone.
pub(super) struct Member {
    number: usize,
    browser: Browser,
    tally: Arc<Tally>,
    household: Option<Household>,
    /// Makes request ids that no other run of the family uses.
    run: String,
    turn: u64,
    /// What this member put on the list and did not buy yet.
    wanted: VecDeque<i64>,
}

/// Whose ids to use in the forms.
#[derive(Deserialize)]
struct Household {
    people: Vec<Row>,
    chores: Vec<Row>,
    medicines: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    id: i64,
}

impl Member {
    pub(super) fn new(number: usize, address: SocketAddr, tally: Arc<Tally>) -> Member {
        let mut random = [0_u8; 6];
        getrandom::fill(&mut random).expect("the kernel always has random bytes after boot");
        let run = random.iter().map(|byte| format!("{byte:02x}")).collect();
        Member {
            number,
            browser: Browser::new(address),
            tally,
            household: None,
            run,
            turn: 0,
            wanted: VecDeque::new(),
        }
    }

    /// One turn each `pause`, until `shutdown`; a request in flight is finished first.
    pub(super) async fn live(mut self, pause: Duration, shutdown: CancellationToken) {
        // The first turns are spread, so that the family does not act in step.
        let first = Instant::now() + pause * u32::try_from(self.number % 8).unwrap_or(0) / 8;
        let mut ticks = tokio::time::interval_at(first, pause);
        // After a held request nobody hurries to catch up.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => self.take_turn().await,
            }
        }
    }

    async fn take_turn(&mut self) {
        self.turn += 1;
        let offset = self.turn + self.number as u64;
        if self.turn.is_multiple_of(TURNS_PER_VISIT) {
            self.browser.leave();
        }
        if self.household.is_none() {
            self.household = self.look("/api/state").await;
        }
        let Some((path, form)) = self.something_to_do(offset) else {
            return;
        };
        let adds = path == "/shopping";
        if let Some(row) = self.change(&path, form).await
            && adds
        {
            self.wanted.push_back(row);
        }
        let page = PAGES.get(offset as usize % PAGES.len()).copied();
        self.view(page.unwrap_or("/")).await;
    }

    /// A form and where it goes; nothing as long as the household is unknown.
    fn something_to_do(&mut self, offset: u64) -> Option<(String, String)> {
        let household = self.household.as_ref()?;
        let at = usize::try_from(offset / 3).unwrap_or_default() + self.number;
        let pick = |rows: &[Row]| rows.get(at % rows.len().max(1)).map(|row| row.id);
        // Something is left for whoever looks at the page: the later chores and the first medicine.
        let chores = household.chores.get(..household.chores.len().div_ceil(2))?;
        let medicines = household.medicines.get(1..)?;
        let people = household.people.len().max(1);
        let person = household.people.get(self.number % people)?.id;
        let id = format!("{}-{}-{}", self.run, self.number, self.turn);
        let common = format!("request_id={id}&person={person}");
        if self.wanted.len() > MIN_OPEN_ITEMS {
            let item = self.wanted.pop_front()?;
            return Some((format!("/shopping/{item}/bought"), common));
        }
        Some(match offset % 4 {
            0 => {
                let wanted = WANTED.get((at + 2 * self.number) % WANTED.len())?;
                let name = wanted.replace(' ', "+");
                ("/shopping".to_owned(), format!("{common}&name={name}"))
            }
            1 => (format!("/chores/{}/done", pick(chores)?), common),
            _ => {
                let medicine = pick(medicines)?;
                ("/doses".to_owned(), format!("{common}&medicine={medicine}"))
            }
        })
    }

    async fn change(&mut self, path: &str, form: String) -> Option<i64> {
        self.tally.begun();
        let answer = self.browser.post(path, form).await;
        let row = answer.and_then(|body| {
            let row: Row = serde_json::from_slice(&body)
                .with_context(|| format!("POST {path}: the answer has no id"))?;
            Ok(row.id)
        });
        self.count(row, true)
    }

    async fn view(&mut self, path: &str) {
        self.tally.begun();
        let answer = self.browser.get(path).await;
        self.count(answer, false);
    }

    async fn look<T: for<'de> Deserialize<'de>>(&mut self, path: &str) -> Option<T> {
        self.tally.begun();
        let answer = self.browser.get(path).await;
        let parsed = answer.and_then(|body| Ok(serde_json::from_slice(&body)?));
        self.count(parsed, false)
    }

    fn count<T>(&mut self, outcome: anyhow::Result<T>, was_write: bool) -> Option<T> {
        for _ in 0..std::mem::take(&mut self.browser.reconnects) {
            self.tally.reconnected();
        }
        match outcome {
            Ok(value) => {
                self.tally.answered(was_write);
                Some(value)
            }
            Err(error) => {
                self.tally.failed(Timestamp::now(), format!("{error:#}"));
                None
            }
        }
    }
}
