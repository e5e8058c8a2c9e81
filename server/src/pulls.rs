//! Takes the report that a laptop leaves after a pull from the spool folder into the journal. The journal has it once, as the
//! laptop's own claim; then it is removed from the spool.

mod spool;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::house::House;
use crate::journal::pulls::Pull;
use crate::journal::{NewEvent, Severity};
use crate::names::AppName;
use spool::Left;

pub use spool::{Word, leave, name_of};

/// How far back in the journal a pull is looked for.
const LOOKED_AT: u32 = 64;
/// How often it is looked by itself; a page that shows the age of the last pull looks at once.
const PAUSE: Duration = Duration::from_secs(60);

/// Writes down in the journal what was left for an app, and takes it out of the spool then: where the journal can't be
/// written, it waits.
///
/// # Errors
/// The spool or the journal can't be used.
pub async fn collect(house: &House, app: &AppName) -> anyhow::Result<()> {
    // To two that look at once the same word would be new.
    static TURN: Mutex<()> = Mutex::const_new(());
    let _turn = TURN.lock().await;
    let cannot = |error| {
        anyhow::anyhow!(
            "the word of a pull in {} can't be taken: {error}",
            house.config.spool.display()
        )
    };
    let (folder, of) = (house.config.spool.clone(), app.clone());
    let found = tokio::task::spawn_blocking(move || spool::look(&folder, &of)).await?;
    let found = found.map_err(cannot)?;
    for left in found.words {
        note(house, app, &left).await?;
        let removed = tokio::task::spawn_blocking(move || left.remove()).await?;
        removed.map_err(cannot)?;
    }
    match found.fault {
        Some(fault) => Err(cannot(fault)),
        None => Ok(()),
    }
}

/// Writes a word down, unless it is there already: whoever was cut off before it was removed finds it again.
async fn note(house: &House, app: &AppName, left: &Left) -> anyhow::Result<()> {
    let word = &left.word;
    let now = house.clock.now();
    let left_at = Timestamp::try_from(left.at).unwrap_or(now);
    let pull = Pull {
        at: left_at.min(now),
        laptop: word.laptop.clone(),
        newest: word.newest,
        whole: word.whole,
        damaged: word.damaged,
    };
    let known = house.journal.pulls(app.clone(), LOOKED_AT).await?;
    if known.iter().any(|known| is_same(known, &pull, left_at)) {
        return Ok(());
    }
    let event = NewEvent::new(severity(word), sentence(word)).of(app);
    house.journal.note_pull(app.clone(), pull).await?;
    house.journal.note(event).await;
    Ok(())
}

/// Whether the journal has a pull: by its time, to the millisecond, unless a clock that was put back since has made
/// another one of it.
fn is_same(known: &Pull, pull: &Pull, left_at: Timestamp) -> bool {
    let said = |pull: &Pull| (pull.laptop.clone(), pull.newest, pull.whole, pull.damaged);
    let is_dated_so = known.at.as_millisecond() == pull.at.as_millisecond() || left_at > pull.at;
    is_dated_so && said(known) == said(pull)
}

/// The newest pull of an app by whichever laptop, what was left just now included.
///
/// # Errors
/// The journal can't be read.
pub async fn last(house: &House, app: &AppName) -> anyhow::Result<Option<Pull>> {
    // A spool that can't be read is told by `watch`; what is known already is shown all the same.
    if let Err(error) = collect(house, app).await {
        tracing::debug!("{error:#}");
    }
    let pulls = house.journal.pulls(app.clone(), LOOKED_AT).await?;
    Ok(newest(pulls, house.clock.now()))
}

/// The newest of the pulls, which come by when they were written down, the newest first: of two of the same instant that
/// one counts. What a clock that ran ahead has dated counts only where there is nothing else.
pub fn newest(pulls: Vec<Pull>, now: Timestamp) -> Option<Pull> {
    let counts = |pull: &Pull| (pull.at <= now).then_some(pull.at);
    pulls.into_iter().rev().max_by_key(counts)
}

/// Looks for words once a minute until `stop`. The same fault is told once.
pub async fn watch(house: Arc<House>, stop: CancellationToken) {
    let mut told = None;
    loop {
        for app in &house.apps {
            let Err(error) = collect(&house, app.name()).await else {
                continue;
            };
            let text = format!("{error:#}");
            if told.as_ref() != Some(&text) {
                tracing::warn!(app = %app.name(), "{text}");
                told = Some(text);
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
}

fn severity(word: &Word) -> Severity {
    match word.damaged {
        None | Some(0) => Severity::Info,
        Some(_) => Severity::Warning,
    }
}

fn sentence(word: &Word) -> String {
    let mut text = format!("The laptop `{}` pulled", word.laptop);
    if let Some(newest) = word.newest {
        text.push_str(&format!("; the newest there is {newest}"));
    }
    if let Some(whole) = word.whole {
        text.push_str(&format!("; whole there: {whole}"));
    }
    match word.damaged {
        None | Some(0) => text.push('.'),
        Some(damaged) => text.push_str(&format!(
            "; {damaged} came damaged. `tealkeep verify` on this machine says whether that is so here."
        )),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn word(laptop: &str) -> Word {
        Word {
            laptop: laptop.to_owned(),
            newest: Some("2026-11-21T033000Z".parse().unwrap()),
            whole: Some(12),
            damaged: Some(0),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn pull(laptop: &str, second: i64) -> Pull {
        Pull {
            at: at(second),
            laptop: laptop.to_owned(),
            newest: None,
            whole: Some(12),
            damaged: None,
        }
    }

    #[test]
    fn the_same_word_twice_is_one_pull() {
        let known = pull("anna", 1000);
        assert!(is_same(&known, &pull("anna", 1000), at(1000)));
        assert!(!is_same(&known, &pull("anna", 1001), at(1001)));
        assert!(!is_same(&known, &pull("bert", 1000), at(1000)));
        // Left at a time that has not come yet: it is dated as now, each time that it is found.
        assert!(is_same(&known, &pull("anna", 1001), at(5000)));
        assert!(!is_same(&known, &pull("bert", 1001), at(5000)));
    }

    #[test]
    fn a_pull_that_a_clock_dated_in_the_future_hides_none_of_today() {
        let of = |pulls: &[Pull]| newest(pulls.to_vec(), at(5000)).map(|pull| pull.laptop);
        let (ahead, late, today) = (pull("ahead", 9000), pull("late", 3000), pull("today", 4000));
        assert_eq!(of(&[]), None);
        assert_eq!(of(std::slice::from_ref(&ahead)), Some("ahead".to_owned()));
        assert_eq!(
            of(&[ahead.clone(), today.clone()]),
            Some("today".to_owned())
        );
        // A word that lay in the spool for long is written down after later ones.
        assert_eq!(of(&[late, today, ahead]), Some("today".to_owned()));
        assert_eq!(
            of(&[pull("second", 4000), pull("first", 4000)]),
            Some("second".to_owned())
        );
    }

    #[test]
    fn damage_is_a_warning() {
        let damaged = Word {
            damaged: Some(1),
            ..word("anna")
        };
        assert_eq!(severity(&damaged), Severity::Warning);
        assert!(sentence(&damaged).contains("1 came damaged"));
        assert_eq!(severity(&word("anna")), Severity::Info);
        assert_eq!(
            sentence(&word("anna")),
            "The laptop `anna` pulled; the newest there is 2026-11-21T033000Z; whole there: 12."
        );
    }
}
